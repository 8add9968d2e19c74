#!/usr/bin/python3
"""Power cuts of running daemons (scripts/power_cut.sh); runs inside tests/rig/enter.py."""
import argparse
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from baton_client import BatonError, ConnectionLost
from proto import broker_pb2 as broker
from rig.cluster import Asker, Cluster, NoAnswer, all_reported, drain
from rig.disk import CannotCut, Pool
from rig.disk import run as run_command
from rig.told import Found, Told, taken_back
from rig.verdict import await_finished, judge, keep_evidence
from rig.workload import Workload
from trio import BIN, StartError

QUEUE = "cuts"
SKIPPED = 77
# Makes every fsync and its kin do nothing.
EATMYDATA = next(Path("/usr/lib").glob("*/libeatmydata.so"), None)
CONTROL_CUTS = 3
ANSWER_SECONDS = 60
HEAL_SECONDS = 60  # how long nothing may get done in the end
STATES = {broker.CLAIMED: "claimed", broker.DELAYED: "delayed", broker.DEAD: "dead"}


class Site:
    """A live cluster under load with its disks: one for all (`together`) or one each (`alone`)."""

    def __init__(self, name, pool, options, kind, alone=False, variables=None):
        self.folder = Path(os.environ["RIG_FOLDER"]) / name
        self.folder.mkdir()
        self.kind = kind
        names = ["center", "m1", "m2", "m3"] if alone else [""]
        self.disks = {part: pool.disk(f"{name}-{part or 'all'}", self.folder / "live" / part, kind) for part in names}
        self.cluster = Cluster(self.folder / "live", self.folder / "logs", variables).start()
        self.events = self.folder / "events"
        self.told = Told(self.events)
        self.workload = Workload(self.cluster.addresses(), QUEUE, self.events, options.seed, lambda *_: [],
                                 options.rate, producers=2, consumers=2, commands=1)
        self.workload.start()

    def asker(self):
        return Asker(self.cluster.addresses(), ANSWER_SECONDS)

    def end(self):
        self.cluster.kill()
        for disk in self.disks.values():
            disk.drop()


class Cuts:
    """What happened so far."""

    def __init__(self):
        self.counts = Counter()
        self.findings = []

    def note(self, what, number=1):
        self.counts[what] += number


@contextmanager
def returned(folder, disk):
    """A cluster on a copy of a disk, after its power came back."""
    disk.mount()
    cluster = Cluster(disk.place, folder)
    try:
        yield cluster
    finally:
        cluster.kill()
        disk.drop()


def look(cluster):
    """Starts it, waits until its ledger has everything that its managers have, and takes stock."""
    cluster.start()
    asker = Asker(cluster.addresses(), ANSWER_SECONDS)
    deadline = time.monotonic() + ANSWER_SECONDS
    while not all_reported(asker, cluster.managers):
        if time.monotonic() > deadline:
            raise NoAnswer(f"managers are not ready: {asker.managers()}")
        time.sleep(0.02)
    found = Found(completions=asker.center().completions)
    for state, name in STATES.items():
        found.listed.update({row.task: name for row in asker.tasks(QUEUE, state)})
    for queue in (QUEUE, "lost+found"):
        found.damaged.update(row.task for row in asker.tasks(queue, broker.QUARANTINED))
    deadline = time.monotonic() + ANSWER_SECONDS
    while (row := asker.queue(QUEUE)) and row.ready:
        found.handed_out.update(drain(cluster.addresses()[0], QUEUE, ANSWER_SECONDS))
        if time.monotonic() > deadline:
            raise NoAnswer(f"ready tasks do not come: {row}")
    asker.close()
    return found


def cut_again(disk, pool, folder, rng):
    """Starts everything on the disk and takes the power away while it recovers: the disk as it is then."""
    disk.mount()
    cluster = Cluster(disk.place, folder)

    def start():
        try:
            cluster.start()
        except (StartError, AssertionError, OSError):
            pass  # it is killed while it starts

    starting = threading.Thread(target=start)
    starting.start()
    time.sleep(rng.uniform(0, 0.4))
    second = disk.copy(pool.folder / "cut-2.img", disk.place.parent / "cut-2")
    while starting.is_alive():
        cluster.kill()
        starting.join(0.02)
    cluster.kill()
    disk.drop()
    return second


def cut_together(site, pool, rng, cuts, number):
    """The power goes everywhere at one moment; what comes back is judged, and thrown away."""
    logs = site.folder / f"cut-{number}"
    site.told.read()
    began = time.monotonic_ns()
    disk = site.disks[""].copy(pool.folder / "cut.img", site.folder / "cut")
    cuts.note("snapshot_us", (time.monotonic_ns() - began) // 1000)
    site.told.advance(began)
    site.workload.keep_backlog(len(site.told.open))
    if rng.random() < 0.3:
        disk = cut_again(disk, pool, logs, rng)
        cuts.note("cuts_while_recovering")
    with returned(logs, disk) as cluster:
        try:
            found = look(cluster)
            site.told.read()
            lines = taken_back(site.told, found)
            cuts.note("tasks_handed_out", len(found.handed_out))
        except (StartError, NoAnswer, AssertionError, BatonError, ConnectionLost) as broken:
            lines = [f"no cluster came back: {type(broken).__name__}: {broken}"]
    cuts.note("cuts_together")
    cuts.note("promises_compared", len(site.told.acked) + len(site.told.open))
    cuts.findings += [f"cut {number}: {line}" for line in lines]
    return not lines


def run_together(site, pool, rng, cuts, until, cuts_max):
    number = 0
    while time.monotonic() < until and number < cuts_max:
        time.sleep(rng.uniform(0.0, 0.3))
        number += 1
        if not cut_together(site, pool, rng, cuts, number):
            return


def power_off(daemon, disk, name, pool, rng):
    """One machine loses its power: nothing that it said came after the state of its disk."""
    if daemon.alive():
        daemon.pause()
    rest = disk.copy(pool.folder / f"{name}-{rng.getrandbits(32):08x}.img", disk.place)
    daemon.kill()
    disk.drop()
    return rest.mount()


def run_alone(site, pool, rng, cuts, until, cuts_max):
    """Machines lose power one by one while the others live; the cluster goes on with what came back."""
    daemons = dict(zip(["center", "m1", "m2", "m3"], site.cluster.daemons()))
    done = 0
    while time.monotonic() < until and done < cuts_max:
        time.sleep(rng.uniform(0.05, 1.2))
        site.told.read()
        site.told.advance(time.monotonic_ns())
        site.workload.keep_backlog(len(site.told.open))
        for name in rng.sample(sorted(daemons), rng.choice([1, 1, 1, 2, 3, 4])):
            daemon = daemons[name]
            starting = daemon.alive() and "listening" not in daemon.said()
            if daemon.process.poll() is not None:
                cuts.findings.append(f"{name} had ended by itself: {daemon.said()[-600:]}")
                return
            site.disks[name] = power_off(daemon, site.disks[name], name, pool, rng)
            daemon.launch()
            done += 1
            cuts.note("cuts_alone")
            cuts.note("cuts_while_recovering", starting)
            time.sleep(rng.choice([0, 0, rng.uniform(0, 0.4)]))
    for daemon in daemons.values():
        daemon.await_listening()


def finish(site, cuts, name):
    """The live cluster is healed: everything confirmed must get done, and the whole history must hold."""
    asker = site.asker()
    site.workload.stop_producing()
    drained = await_finished(asker, QUEUE, site.cluster.managers, HEAL_SECONDS)
    site.workload.stop_consuming()
    verdict = judge(site.events, asker, QUEUE, drained)
    cuts.findings += [f"{name}: {line}" for line in verdict.findings]
    for key, value in verdict.counts.items():
        cuts.note(key, value)


def control(pool, options, rng):
    """The same with daemons whose syncs do nothing: how many cuts showed a loss."""
    cuts = Cuts()
    site = Site("control", pool, options, "ext4", variables={"LD_PRELOAD": str(EATMYDATA)})
    time.sleep(1)
    run_command("sync", "-f", site.folder / "live")
    shown = 0
    for number in range(1, CONTROL_CUTS + 1):
        time.sleep(rng.uniform(0.5, 1))
        shown += not cut_together(site, pool, rng, cuts, number)
    for client in site.workload.clients():
        client.stopping.set()
        client.kill()
    site.end()
    print(f"control without fsync: {shown} of {CONTROL_CUTS} cuts lost something, for example: "
          f"{(cuts.findings or ['nothing'])[0][:160]}", flush=True)
    return shown


def run(options, pool, cuts):
    rng = random.Random(f"{options.seed}-cuts")
    if "together" in options.mode:
        kind = rng.choice(["ext4", "xfs"]) if options.filesystem == "both" else options.filesystem
        share = options.seconds / len(options.mode)
        site = Site("together", pool, options, kind)
        print(f"together, on {kind}", flush=True)
        run_together(site, pool, rng, cuts, time.monotonic() + share, options.cuts)
        finish(site, cuts, "together")
        site.end()
    if "alone" in options.mode and not cuts.findings:
        kind = rng.choice(["ext4", "xfs"]) if options.filesystem == "both" else options.filesystem
        site = Site("alone", pool, options, kind, alone=True)
        print(f"alone, on {kind}", flush=True)
        run_alone(site, pool, rng, cuts, time.monotonic() + options.seconds / len(options.mode), options.cuts)
        finish(site, cuts, "alone")
        site.end()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=1 << 30, help="stop after so many of each mode")
    parser.add_argument("--seconds", type=float, default=60, help="how long cuts go on, all modes together (60)")
    parser.add_argument("--seed", type=int, default=None, help="of everything random (drawn and printed)")
    parser.add_argument("--rate", type=float, default=250, help="tasks per second, about (250)")
    parser.add_argument("--mode", choices=["together", "alone"], action="append", help="only this one (both)")
    parser.add_argument("--filesystem", choices=["ext4", "xfs", "both"], default="ext4")
    parser.add_argument("--no-control", action="store_true", help="do not show first that a lost sync is found")
    parser.add_argument("--keep", type=Path, help="folder for logs and events, also when all is well")
    options = parser.parse_args()
    options.mode = options.mode or ["together", "alone"]
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 31)
    return options


def main():
    options = arguments()
    folder = Path(os.environ["RIG_FOLDER"])
    try:
        pool = Pool(folder)
    except CannotCut as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    if not EATMYDATA and not options.no_control:
        print("skipped: no libeatmydata for the control, and no --no-control")
        return SKIPPED
    if not (BIN / "baton_judge").exists():
        sys.exit(f"error: no baton_judge in {BIN}")
    print(f"seed {options.seed}", flush=True)
    cuts = Cuts()
    shown = None
    if not options.no_control:
        shown = control(pool, options, random.Random(f"{options.seed}-control"))
    began = time.monotonic()
    interrupted = False
    try:
        run(options, pool, cuts)
    except KeyboardInterrupt:
        interrupted = True
    seconds = time.monotonic() - began
    total = cuts.counts["cuts_together"] + cuts.counts["cuts_alone"]
    result = {"seed": options.seed, "cuts": total, **cuts.counts, "seconds": round(seconds, 1),
              "cuts_per_second": round(total / seconds, 2), "control_shown": shown, "violations": len(cuts.findings)}
    for line in cuts.findings[:20]:
        print(f"VIOLATION seed {options.seed} {line}")
    for key, value in result.items():
        print(f"{key.replace('_', ' '):<24}{value}")
    print(json.dumps(result), flush=True)
    keep_evidence(folder, options.keep, cuts.findings)
    if interrupted:
        return 130
    if not total or shown == 0 or not cuts.counts["confirmed"]:
        print("error: this run proves nothing: no cut, no confirmation, or the control lost nothing", file=sys.stderr)
        return 1
    return 1 if cuts.findings else 0


if __name__ == "__main__":
    sys.exit(main())
