#!/usr/bin/python3
"""Real processes in network namespaces under a seeded mix of faults (scripts/faults.sh); runs inside enter.py."""
import argparse
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from rig import faults
from rig.cluster import Asker, NoAnswer, RigDaemon
from rig.disk import Disk
from rig.keeper import Keeper
from rig.netns import Network
from rig.plan import KINDS, make_plan, pairs
from rig.record import Recorder
from rig.tally import operations_during, pairs_at_once
from rig.verdict import await_finished, judge, keep_evidence
from rig.workload import LEASE_MS, Workload
from trio import BIN, StartError

QUEUE = "faults"
SKIPPED = 77
DAEMONS = ["center", "m1", "m2", "m3"]
CLIENTS = {"producers": 3, "consumers": 3, "commands": 1}
PORT = 7101
DISK_MIB = 400
SAMPLE_SECONDS = 2
# Far above what a run of this size needs: a leak of memory or of files, not a budget.
RESIDENT_MAX, FILES_MAX = 1 << 30, 1024


class CannotRun(Exception):
    """This machine has no namespaces, bridges or loop devices for it; the text is the reason."""


class Rig:
    """Everything that a fault can be done to (faults.py)."""

    def __init__(self, options, kinds):
        self.folder = Path(os.environ["RIG_FOLDER"])
        self.over = threading.Event()
        self.lease = LEASE_MS / 1000
        clients = [f"{letter}{n}" for letter, number in zip("pcx", CLIENTS.values()) for n in range(number)]
        (self.folder / "logs").mkdir()
        try:
            self.network = Network([*DAEMONS, *clients])
            self.disks = {name: self._disk(name) for name in DAEMONS}
        except OSError as missing:
            raise CannotRun(missing) from missing
        tampered = {"clock_jump", "clock_rate"} & set(kinds)
        self.clocks = {name: faults.Clock(self.folder, name) for name in DAEMONS} if tampered else {}
        self.daemons = [self._daemon(name) for name in DAEMONS]
        self.keeper = Keeper(self.daemons)
        self.keeper.start()
        late = self.keeper.await_all(60)
        if late:
            raise StartError(f"{late} did not start: {[daemon.said()[-600:] for daemon in self.daemons]}")
        self.events = self.folder / "events"
        addresses = [daemon.address for daemon in self.managers()]
        self.workload = Workload(addresses, QUEUE, self.events, options.seed,
                                 lambda letter, n: self.network[f"{letter}{n}"].prefix, options.rate, **CLIENTS)
        self.clients = {client.name: client for client in self.workload.clients()}
        self.asker = Asker(addresses, 30)

    def _disk(self, name):
        return Disk(self.folder / f"{name}.img", self.folder / "live" / name, "ext4").format(DISK_MIB).mount()

    def _daemon(self, name):
        machine = self.network[name]
        center = f"{self.network['center'].address}:{PORT}"
        program, arguments = ("baton-center", []) if name == "center" else \
            ("baton-manager", ["--name", name, "--center", center])
        daemon = RigDaemon(self.folder / "logs", program, name, ["--insecure", *arguments], self.disks[name].place / "data",
                           machine.prefix, None, f"{machine.address}:{PORT}")
        if self.clocks:
            daemon.variables = self.clocks[name].variables  # the same object: a rate is for the next life
        return daemon

    def managers(self):
        return self.daemons[1:]

    def end(self):
        self.keeper.stop()
        for daemon in self.daemons:
            daemon.kill()


class Sampler(threading.Thread):
    """What the daemons use, memory and open files, into the history; keeps the backlog small."""

    def __init__(self, rig):
        super().__init__(daemon=True)
        self.rig = rig
        self.record = Recorder(rig.events / "samples.jsonl", "samples")
        self.asker = Asker([daemon.address for daemon in rig.managers()], 1)

    def run(self):
        while not self.rig.over.wait(SAMPLE_SECONDS):
            try:
                queue = self.asker.queue(QUEUE)
                self.rig.workload.keep_backlog(queue.ready if queue else 0)
            except NoAnswer:
                pass  # the center is down, or cut off
            for daemon in self.rig.daemons:
                process = daemon.process
                try:
                    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
                    files = len(os.listdir(f"/proc/{process.pid}/fd"))
                except (OSError, AttributeError, IndexError):
                    continue  # between two lives
                who = f"{daemon.name}.{process.pid}"
                self.record.note("sample", who, what="resident_bytes", value=pages * os.sysconf("SC_PAGE_SIZE"),
                                 cap=RESIDENT_MAX)
                self.record.note("sample", who, what="open_files", value=files, cap=FILES_MAX)


class Injector:
    """Follows the plan: each fault on a thread of its own, with the time that it took."""

    def __init__(self, rig, plan):
        self.rig = rig
        self.plan = plan
        self.windows = []  # (kind, from, to): those that happened
        self.findings = []

    def run(self):
        """Until the plan is over; all threads have ended and undone what they did."""
        began = time.monotonic()
        threads = []
        for period in self.plan:
            if self.rig.over.wait(max(0, began + period.at - time.monotonic())):
                break
            for fault in period.faults:
                threads.append(threading.Thread(target=self._inject, args=(fault,)))
                threads[-1].start()
        for thread in threads:
            thread.join()

    def _inject(self, fault):
        if self.rig.over.wait(fault.after):
            return
        began = time.monotonic_ns()
        try:
            happened = faults.DO[fault.kind](self.rig, fault)
        except Exception as broken:  # a fault that cannot be done or undone: the run says so
            self.findings.append(f"rig: {fault}: {type(broken).__name__}: {broken}")
            return
        if happened:
            self.windows.append((fault.kind, began, time.monotonic_ns()))


def heal_and_judge(options, rig, injector):
    """(verdict, findings)."""
    findings = [*injector.findings]
    rig.workload.stop_producing()
    late = rig.keeper.await_all(60)
    if late:
        findings.append(f"{late} do not listen after everything was healed")
    try:
        drained = await_finished(rig.asker, QUEUE, rig.managers(), options.heal_seconds)
        rig.workload.stop_consuming()
        verdict = judge(rig.events, rig.asker, QUEUE, drained)
    except NoAnswer as broken:
        return None, [*findings, f"C8 no answer after everything was healed: {broken}"]
    return verdict, findings + verdict.findings + rig.keeper.findings


def report(options, kinds, rig, injector, verdict, findings, seconds):
    """Prints the tables; the result as a dictionary."""
    times = Counter(kind for kind, _, _ in injector.windows)
    during = operations_during(injector.windows, verdict.events) if verdict else {}
    met = pairs_at_once(injector.windows)
    print(f"{'fault':<16}{'times':>7}{'ok':>9}{'failed':>9}{'unknown':>9}   operations that ended during it")
    for kind in kinds:
        counted = during.get(kind, Counter())
        print(f"{kind:<16}{times[kind]:>7}{counted['ok']:>9}{counted['fail']:>9}{counted['unknown']:>9}")
    result = {"seed": options.seed, "seconds": round(seconds, 1), "faults": sum(times.values()),
              **{f"fault_{kind}": times[kind] for kind in kinds},
              "pairs_at_once": len(met), "pairs": len(pairs(kinds)), **rig.keeper.counts,
              **(verdict.counts if verdict else {}), "violations": len(findings)}
    return result


def what_proves_nothing(kinds, result, injector, verdict):
    """Why the run is no evidence, one line each."""
    times = Counter(kind for kind, _, _ in injector.windows)
    lines = [f"{kind} never happened" for kind in kinds if not times[kind]]
    if not result.get("confirmed") or not result.get("completed"):
        lines.append("nothing was confirmed, or nothing completed")
    if verdict:
        starts = [began for _, began, _ in injector.windows] or [0]
        during = operations_during([("all", min(starts), max(to for *_, to in injector.windows or [(0, 0, 0)]))],
                                   verdict.events)
        if not during or not during["all"]["ok"]:
            lines.append("no operation succeeded while faults went on")
    return lines


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long faults go on (60)")
    parser.add_argument("--seed", type=int, default=None, help="of everything random (drawn and printed)")
    parser.add_argument("--only", help=f"KIND,... of {', '.join(KINDS)}")
    parser.add_argument("--rate", type=float, default=200, help="tasks per second, about (200)")
    parser.add_argument("--heal-seconds", type=float, default=60,
                        help="how long nothing may get done after everything was healed (60)")
    parser.add_argument("--keep", type=Path, help="folder for logs and events, also when all is well")
    options = parser.parse_args()
    if options.only and set(options.only.split(",")) - set(KINDS):
        parser.error(f"kinds are {', '.join(KINDS)}")
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 31)
    return options


def main():
    options = arguments()
    wanted = options.only.split(",") if options.only else list(KINDS)
    kinds = [kind for kind in wanted if not faults.why_not(kind)]
    for kind in wanted:
        if faults.why_not(kind):
            print(f"without {kind}: {faults.why_not(kind)}")
    if not (BIN / "baton_judge").exists():
        sys.exit(f"error: no baton_judge in {BIN}")
    print(f"seed {options.seed}", flush=True)
    try:
        rig = Rig(options, kinds)
    except CannotRun as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    rig.workload.start()
    Sampler(rig).start()
    consumers = [client.name for client in rig.workload.consumers]
    producers = [client.name for client in rig.workload.producers]
    injector = Injector(rig, make_plan(options.seed, options.seconds, kinds, DAEMONS, consumers, producers, rig.lease))
    began = time.monotonic()
    interrupted, verdict = False, None
    try:
        injector.run()
        verdict, findings = heal_and_judge(options, rig, injector)
    except KeyboardInterrupt:
        interrupted, findings = True, []
    except Exception as broken:  # what there is must be kept all the same
        findings = [f"rig: {type(broken).__name__}: {broken}", *injector.findings, *rig.keeper.findings]
    rig.over.set()
    result = report(options, kinds, rig, injector, verdict, findings, time.monotonic() - began)
    rig.end()
    for line in findings[:30]:
        print(f"VIOLATION seed {options.seed} {line}")
    print(json.dumps(result), flush=True)
    keep_evidence(rig.folder, options.keep, findings)
    if interrupted:
        return 130
    nothing = what_proves_nothing(kinds, result, injector, verdict)
    if nothing:
        print(f"error: this run proves nothing: {'; '.join(nothing)}", file=sys.stderr)
    return 1 if findings or nothing else 0


if __name__ == "__main__":
    sys.exit(main())
