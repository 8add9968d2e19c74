"""Each kind of fault (plan.py): how it is done to real processes, and undone.

A fault is a function(rig, fault) that returns whether it happened; it takes as long as the fault lasts and leaves
nothing of it. It happened when its means took hold: a signal to a process that had ended already is no fault.

`rig` has: network (netns.py), keeper (keeper.py), clients by name, disks by daemon, clocks by daemon, folder,
over (an event: the run ends, undo at once), lease in seconds.
"""
import os
import re
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

from rig.disk import run

TRACE_END_SECONDS = 12     # by then a daemon has met its error, and must have ended
SYNCS = "fdatasync,fsync"
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang-19")
NEEDS = {"partition": "nft", "one_way": "nft", "half_open": "nft", "reset": "nft", "slow_link": "tc",
         "slow_disk": "strace", "io_error": "strace"}


def why_not(kind):
    """What this machine lacks for a kind of fault, or None."""
    if kind in NEEDS and not shutil.which(NEEDS[kind]):
        return f"no {NEEDS[kind]}"
    if kind in ("clock_jump", "clock_rate") and not COMPILER:
        return "no C compiler"
    return None


class Clock:
    """What a daemon's clocks show (clocks.c)."""

    def __init__(self, folder, name):
        self._library = folder / "clocks.so"
        if COMPILER and not self._library.exists():
            run(COMPILER, "-shared", "-fPIC", "-O1", "-o", self._library, Path(__file__).with_name("clocks.c"), "-ldl")
        self._file = folder / f"{name}.clock"
        self._file.write_bytes(bytes(8))
        self.variables = {"LD_PRELOAD": str(self._library), "RIG_CLOCK": str(self._file)} if COMPILER else {}

    def jump(self, seconds):
        """How wrong the wall clock is from now on."""
        with open(self._file, "r+b") as file:
            file.write(struct.pack("<q", seconds * 1_000_000_000))

    def rate(self, factor):
        """How fast all clocks run from the next life on."""
        self.variables["RIG_CLOCK_RATE"] = str(factor)


def await_alive(rig, name, seconds=3):
    """Waits until the daemon runs, as it may be down for another fault."""
    deadline = time.monotonic() + seconds
    while not rig.keeper.kept[name].daemon.alive() and time.monotonic() < deadline and not rig.over.is_set():
        time.sleep(0.02)


def kill(rig, fault):
    await_alive(rig, fault.target)
    happened = rig.keeper.kill(fault.target)
    rig.over.wait(fault.lasts * fault.amount)
    rig.keeper.let_up(fault.target)
    return happened


def pause(rig, fault):
    await_alive(rig, fault.target)
    daemon = rig.keeper.kept[fault.target].daemon
    return pause_process(rig, daemon.process, fault.lasts)


def pause_process(rig, process, seconds):
    if process is None or process.poll() is not None:
        return False
    os.kill(process.pid, signal.SIGSTOP)
    rig.over.wait(seconds)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGCONT)
    return True


def partition(rig, fault):
    heal = rig.network[fault.target].cut(rig.network[fault.other])
    rig.over.wait(fault.lasts)
    heal()
    return True


def one_way(rig, fault):
    heal = rig.network[fault.target].cut(rig.network[fault.other], outgoing=False)
    rig.over.wait(fault.lasts)
    heal()
    return True


def reset(rig, fault):
    """Once, or everything for a while."""
    machine, other = rig.network[fault.target], rig.network[fault.other]
    if fault.amount < 0.5:
        machine.kill_sockets(other)
        return True
    heal = machine.reset(other)
    rig.over.wait(min(fault.lasts, 1.5))
    heal()
    return True


def half_open(rig, fault):
    machine, other = rig.network[fault.target], rig.network[fault.other]
    heal = machine.cut(other)
    machine.kill_sockets(other)
    rig.over.wait(min(fault.lasts, 0.1 + fault.amount))
    heal()
    return True


def slow_link(rig, fault):
    machine = rig.network[fault.target]
    try:
        heal = machine.slow(int(64 + 400 * fault.amount))
    except OSError:
        return False  # it is slow already
    rig.over.wait(fault.lasts)
    heal()
    return True


class Tracer:
    """strace on a running daemon that does something to some of its system calls. Truthy when it is attached."""

    def __init__(self, rig, name, calls, what, path=None):
        self._kept = rig.keeper.kept[name]
        self._report = rig.folder / f"{name}.strace"
        self._process = None
        if not self._kept.traced.acquire(blocking=False):
            return
        self._report.unlink(missing_ok=True)
        process = self._kept.daemon.process
        if not process or process.poll() is not None:
            self._kept.traced.release()
            return
        command = ["strace", "-f", "-q", "-o", str(self._report), "-e", f"trace={calls}", "-e", f"inject={calls}:{what}",
                   *(["-P", path] if path else []), "-p", str(process.pid)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)

    def __bool__(self):
        return self._process is not None

    def injected(self):
        try:
            return len(re.findall(r"\((?:INJECTED|DELAYED)\)", self._report.read_text(errors="replace")))
        except OSError:
            return 0

    def detach(self):
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._kept.traced.release()


def slow_disk(rig, fault):
    await_alive(rig, fault.target)
    tracer = Tracer(rig, fault.target, SYNCS, f"delay_enter={int(20_000 + 200_000 * fault.amount)}")
    if not tracer:
        return False
    rig.over.wait(fault.lasts)
    happened = tracer.injected() > 0
    tracer.detach()
    return happened


def log_file(process):
    """The newest .log file that a process has open for writing: what LevelDB appends to."""
    found = []
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            path = os.readlink(link)
        except OSError:
            continue
        if path.endswith(".log") and "/data/" in path:
            found.append(path)
    return max(found, default=None, key=lambda path: os.path.getmtime(path) if os.path.exists(path) else 0)


def io_error(rig, fault):
    """A sync or an append fails, once or from then on; the daemon has to end, and say why."""
    await_alive(rig, fault.target)
    kept = rig.keeper.kept[fault.target]
    process = kept.daemon.process
    sticky = "+" if int(fault.amount * 1000) % 2 else ""
    nth = 1 + int(fault.amount * 10) % 5
    try:
        path = log_file(process) if fault.amount < 0.5 else None
    except OSError:
        return False
    calls, code = ("write", ["EIO", "ENOSPC"][nth % 2]) if path else (SYNCS, "EIO")
    rig.keeper.excuse(fault.target, "io_error", TRACE_END_SECONDS + fault.lasts)
    tracer = Tracer(rig, fault.target, calls, f"error={code}:when={nth}{sticky}", path)
    if not tracer:
        return False
    deadline = time.monotonic() + fault.lasts + 5
    while not tracer.injected() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    happened = tracer.injected() > 0
    if happened:
        deadline = time.monotonic() + TRACE_END_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if process.poll() is None:
            rig.keeper.findings.append(f"{fault.target} went on after {code} of {calls} (I15)")
    tracer.detach()
    return happened


def disk_full(rig, fault):
    """Down to less than a daemon wants, or to nothing: then it may end."""
    place = rig.disks[fault.target].place
    filler = place / "filler"
    if filler.exists():
        return False
    state = os.statvfs(place)
    free = state.f_bavail * state.f_frsize
    left = int(4 << 20) if fault.amount < 0.5 else int(fault.amount * (64 << 10))
    rig.keeper.excuse(fault.target, "disk_full", fault.lasts + 2)
    with open(filler, "wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(1, free - left))
        except OSError:
            pass  # others wrote meanwhile: it is full
    rig.over.wait(fault.lasts)
    filler.unlink()
    return True


def clock_jump(rig, fault):
    """A day at most, forth or back, and then back to what is right: two jumps."""
    seconds = int((fault.amount - 0.5) * 2 * 86400) or 3600
    rig.clocks[fault.target].jump(seconds)
    rig.over.wait(fault.lasts)
    rig.clocks[fault.target].jump(0)
    return rig.keeper.kept[fault.target].daemon.alive()


def clock_rate(rig, fault):
    """From one start to another."""
    clock = rig.clocks[fault.target]
    clock.rate(0.9 if fault.amount < 0.5 else 1.1)
    happened = rig.keeper.kill(fault.target)
    rig.keeper.let_up(fault.target)
    rig.over.wait(fault.lasts + 1)
    clock.rate(1)
    rig.keeper.kill(fault.target)
    rig.keeper.let_up(fault.target)
    return happened


def consumer_kill(rig, fault):
    client = rig.clients[fault.target]
    happened = client.alive()
    client.kill()
    rig.over.wait(1)  # what it held is missing for longer, but this is what is counted
    return happened


def consumer_pause(rig, fault):
    return pause_process(rig, rig.clients[fault.target].process, fault.lasts)


producer_kill = consumer_kill

DO = {"kill": kill, "pause": pause, "partition": partition, "one_way": one_way, "reset": reset, "half_open": half_open,
      "slow_link": slow_link, "slow_disk": slow_disk, "disk_full": disk_full, "io_error": io_error,
      "clock_jump": clock_jump, "clock_rate": clock_rate, "consumer_kill": consumer_kill,
      "consumer_pause": consumer_pause, "producer_kill": producer_kill}
