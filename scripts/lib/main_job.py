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
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BIN = Path(os.environ["BATON_BIN"])
QUEUE = "headers"
LISTENING = re.compile(r"\blistening\b.*\baddress=\"?([^\s\"]+)")
KEPT_PORTS = {"center": 10000, "A": 7101, "B": 7102, "C": 7103}
KEPT_FOLDER = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "baton"


class Cluster:
    """A center and three managers as processes; stopped by pid when the `with` block ends, unless kept."""

    def __init__(self, keep):
        self.keep = keep
        self.folder = KEPT_FOLDER if keep else Path(tempfile.mkdtemp(prefix="baton-run-"))
        self.processes = {}
        self.addresses = {}

    def __enter__(self):
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

    def stop(self):
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self, name):
        return self.folder / f"{name}.log"

    def _start(self, name, command):
        port = KEPT_PORTS[name] if self.keep else 0
        flags = ["--listen", f"127.0.0.1:{port}", "--data", str(self.folder / name)]
        with open(self.log(name), "wb") as log:
            # Of its own session, so that Ctrl-C reaches this script alone, which stops them in order.
            self.processes[name] = subprocess.Popen([str(BIN / command[0]), *command[1:], *flags], stdout=log, stderr=log,
                                                    stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 30
        while True:
            text = self.log(name).read_text(errors="replace")
            if found := LISTENING.search(text):
                self.addresses[name] = found.group(1)
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


def consume(cluster, manager, outcomes, progress):
    """Runs a consumer until nothing comes any more; appends (id, outcome, result) to `outcomes`."""
    command = baton(cluster, manager, "consume", "-q", QUEUE, "-j", "2", "--wait", "5s", "-o", "jsonl",
                    "--exec", 'sha256sum "$(cat)"')
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    cluster.processes[f"consumer at {manager}"] = process
    for line in process.stdout:
        row = json.loads(line)
        outcomes.append((row["id"], row["outcome"], row.get("result")))
        progress.add()
    process.wait()
    cluster.processes.pop(f"consumer at {manager}")


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
        produced = subprocess.run(baton(cluster, "A", "produce", "-q", QUEUE), input="\n".join(paths) + "\n",
                                  stdout=subprocess.PIPE, text=True, check=False, start_new_session=True)
        if produced.returncode != 0:
            sys.exit(f"error: baton produce ended with {produced.returncode}")
        push_seconds = time.monotonic() - began
        ids = produced.stdout.split()

        print("Consumers at B and C run sha256sum on each ...", file=sys.stderr)
        began = time.monotonic()
        progress = Progress(len(paths))
        outcomes = {"B": [], "C": []}
        threads = [threading.Thread(target=consume, args=(cluster, name, outcomes[name], progress)) for name in outcomes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        work_seconds = max(0.001, time.monotonic() - began - 5)  # they waited 5 s for more

        seen = outcomes["B"] + outcomes["C"]
        done = {task: result for task, outcome, result in seen if outcome == "done"}
        expected = {task: f"{hashlib.sha256(Path(path).read_bytes()).hexdigest()}  {path}\n"
                    for task, path in zip(ids, paths)}
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
        if options.keep:
            print(f"\nThe cluster is left running; its data and logs are in {cluster.folder}. Talk to it:\n"
                  f"  {BIN / 'baton'} queue ls\n"
                  f"  {BIN / 'baton'} manager ls\n"
                  f"  echo hello | {BIN / 'baton'} produce -q mail\n"
                  f"  {BIN / 'baton'} consume -q mail -n 1\n"
                  f"Stop it:\n"
                  f"  kill {' '.join(str(process.pid) for process in reversed(cluster.processes.values()))}")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
