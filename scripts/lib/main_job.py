#!/usr/bin/python3
"""The main job of scripts/run.sh: three managers share real work, and nothing is done twice.

Starts a center and managers A, B and C on loopback; pushes the path of every header under /usr/include
to A; consumers at B and C compute their SHA-256 with `baton consume --exec`; compares every result with
hashlib. Prints a table; exit 1 if a task is missing, came twice or has a wrong result.
"""
import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BIN = Path(os.environ["BATON_BIN"])
WAIT_SECONDS = 5  # nothing came for so long: the consumers end
LISTENING = re.compile(r"\blistening\b.*\baddress=\"?([^\s\"]+)")
KEPT_PORTS = {"center": 10000, "A": 7101, "B": 7102, "C": 7103}
KEPT_FOLDER = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "baton"


def taken(ports):
    """Those of the ports on loopback that somebody listens on."""
    found = []
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a dead one left behind does not count
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                found.append(port)
    return found


class Cluster:
    """A center and three managers as processes; stopped by pid when the `with` block ends, unless kept."""

    def __init__(self, keep):
        self.keep = keep
        self.folder = KEPT_FOLDER if keep else Path(tempfile.mkdtemp(prefix="baton-run-"))
        # What an earlier kept run left in its queue is not this run's business.
        self.queue = time.strftime("headers-%Y%m%d-%H%M%S") if keep else "headers"
        self.processes = {}
        self.addresses = {}
        self._lock = threading.Lock()  # consumers come and go on threads of their own
        self._stopping = False

    def __enter__(self):
        if self.keep and (ports := taken(KEPT_PORTS.values())):
            sys.exit(f"error: something listens on {', '.join(map(str, ports))} already, and --keep needs the default ports "
                     f"(a cluster that was left running?): stop it, or run without --keep")
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start("center", ["baton-center"])
            for name in "ABC":
                self._start(name, ["baton-manager", "--name", name, "--center", self.addresses["center"]])
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None or not self.keep:
            self.stop()

    def spawn(self, name, command, **streams):
        """A process that stop() ends; None when it is too late for one."""
        with self._lock:
            if self._stopping:
                return None
            # Of its own session, so that Ctrl-C reaches this script alone, which stops them in order.
            self.processes[name] = subprocess.Popen(command, start_new_session=True, **streams)
            return self.processes[name]

    def forget(self, name):
        with self._lock:
            self.processes.pop(name)

    def stop(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them running
        with self._lock:
            self._stopping = True
            processes = list(self.processes.values())
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        for name in KEPT_PORTS:
            self.pid_file(name).unlink(missing_ok=True)

    def log(self, name):
        return self.folder / f"{name}.log"

    def pid_file(self, name):
        return self.folder / f"{name}.pid"

    def _start(self, name, command):
        port = KEPT_PORTS[name] if self.keep else 0
        flags = ["--listen", f"127.0.0.1:{port}", "--data", str(self.folder / name)]
        with open(self.log(name), "wb") as log:
            self.spawn(name, [str(BIN / command[0]), *command[1:], *flags], stdout=log, stderr=log,
                       stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            text = self.log(name).read_text(errors="replace")
            if found := LISTENING.search(text):
                self.addresses[name] = found.group(1)
                self.pid_file(name).write_text(f"{self.processes[name].pid}\n")
                return
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                sys.exit(f"error: {name} did not start:\n{text[-2000:].rstrip()}")
            time.sleep(0.02)


class Progress:
    """A bar on stderr when that is a terminal, nothing otherwise."""

    def __init__(self, total):
        self.total = total
        self.done = 0
        self.shown = 0.0
        self.began = time.monotonic()
        self.tty = sys.stderr.isatty()
        self._lock = threading.Lock()

    def add(self):
        with self._lock:
            self.done += 1
            if self.tty and (time.monotonic() - self.shown > 0.1 or self.done == self.total):
                self.shown = time.monotonic()
                filled = 40 * self.done // max(1, self.total)
                rate = self.done / max(0.001, time.monotonic() - self.began)
                end = "\n" if self.done == self.total else ""
                print(f"\r[{'#' * filled}{' ' * (40 - filled)}] {self.done}/{self.total}  {rate:,.0f}/s ", end=end,
                      file=sys.stderr, flush=True)


def headers(limit):
    found = sorted(str(path) for path in Path("/usr/include").rglob("*.h*")
                   if path.suffix in (".h", ".hh", ".hpp", ".hxx") and path.is_file() and "\n" not in str(path))
    return found[:limit] if limit else found


def baton(cluster, manager, *arguments):
    return [str(BIN / "baton"), *arguments, "--manager", cluster.addresses[manager]]


def push(cluster, paths):
    """The tasks' ids, in the order of the paths."""
    produced = subprocess.run(baton(cluster, "A", "produce", "-q", cluster.queue), input="\n".join(paths) + "\n",
                              stdout=subprocess.PIPE, text=True, check=False, start_new_session=True)
    if produced.returncode != 0:
        sys.exit(f"error: baton produce ended with {produced.returncode}")
    return produced.stdout.split()


def consume(cluster, manager, outcomes, progress):
    """Runs a consumer until nothing comes any more; appends (id, outcome, result) to `outcomes`."""
    command = baton(cluster, manager, "consume", "-q", cluster.queue, "-j", "2", "--wait", f"{WAIT_SECONDS}s",
                    "-o", "jsonl", "--exec", 'sha256sum "$(cat)"')
    name = f"consumer at {manager}"
    process = cluster.spawn(name, command, stdout=subprocess.PIPE, text=True)
    if process is None:
        return
    for line in process.stdout:
        row = json.loads(line)
        outcomes.append((row["id"], row["outcome"], row.get("result")))
        progress.add()
    process.wait()
    cluster.forget(name)


def work(cluster, total):
    """What the consumers at B and C told: {manager: [(id, outcome, result)]}."""
    progress = Progress(total)
    outcomes = {"B": [], "C": []}
    threads = [threading.Thread(target=consume, args=(cluster, name, outcomes[name], progress)) for name in outcomes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def report(paths, ids, outcomes, push_seconds, work_seconds):
    """Prints the table; whether all is well."""
    seen = outcomes["B"] + outcomes["C"]
    done = {task: result for task, outcome, result in seen if outcome == "done"}
    expected = {task: f"{hashlib.sha256(Path(path).read_bytes()).hexdigest()}  {path}\n" for task, path in zip(ids, paths)}
    missing = [task for task in ids if task not in done]
    twice = len(seen) - len({task for task, _, _ in seen})
    wrong = [task for task in done if done[task] != expected.get(task)]
    rows = [
        ("tasks pushed to A", f"{len(ids):,}", f"{len(ids) / push_seconds:,.0f}/s, each confirmed after fsync"),
        ("done by the consumer at B", f"{len(outcomes['B']):,}", ""),
        ("done by the consumer at C", f"{len(outcomes['C']):,}", ""),
        ("together", f"{len(seen):,}", f"{len(seen) / work_seconds:,.0f}/s, a process for each"),
        ("missing", f"{len(missing):,}", ""),
        ("done twice", f"{twice:,}", ""),
        ("wrong results", f"{len(wrong):,}", "compared with hashlib, task by task"),
    ]
    for what, count, remark in rows:
        print(f"{what:<28}{count:>10}  {remark}".rstrip())
    good = len(ids) == len(set(ids)) == len(paths) and not missing and not twice and not wrong
    print("All there, none twice." if good else "FAILED: see above.")
    return good


def tell_how_to_go_on(cluster):
    print(f"\nThe cluster is left running; its data and logs are in {cluster.folder}. Talk to it:\n"
          f"  {BIN / 'baton'} queue ls\n"
          f"  {BIN / 'baton'} manager ls\n"
          f"  echo hello | {BIN / 'baton'} produce -q mail\n"
          f"  {BIN / 'baton'} consume -q mail -n 1\n"
          f"Stop it:\n"
          f"  kill $(cat {cluster.folder}/*.pid)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="only the first N headers")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running on the default ports")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    paths = headers(options.limit)
    if not paths:
        sys.exit("error: there is no header under /usr/include")
    with Cluster(options.keep) as cluster:
        print(f"A center and managers A, B, C are up. Pushing {len(paths)} tasks to A ...", file=sys.stderr)
        began = time.monotonic()
        ids = push(cluster, paths)
        pushed = time.monotonic()
        print("Consumers at B and C run sha256sum on each ...", file=sys.stderr)
        outcomes = work(cluster, len(paths))
        work_seconds = max(0.001, time.monotonic() - pushed - WAIT_SECONDS)  # they waited for more at the end
        good = report(paths, ids, outcomes, pushed - began, work_seconds)
        if options.keep:
            tell_how_to_go_on(cluster)
    return 0 if good else 1


def run():
    try:
        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
