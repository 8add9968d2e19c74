#!/usr/bin/python3
"""Runs a program where it can break things: in namespaces of its own, on a machine that it cannot harm.

    tests/rig/enter.py PROGRAM [ARGUMENTS...]

The program gets its own mounts, processes and network, and a folder in memory (RIG_FOLDER). All of that ends
with it, also when this script is killed: daemons die with the process namespace, mounts and loop devices with
the mount namespace, links and packet filters with the network namespace. What could stay behind in spite of
that is looked for at the end, and named.

Exit code: the program's; 3 when something was left behind; 77 when the machine does not allow this, with one
line that says why.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
NAMESPACES = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--net",
              "--mount-proc"]
NETNS = Path("/run/netns")  # where `ip netns` puts names
SKIPPED, LEFT_BEHIND = 77, 3
PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def why_not():
    """Why this machine cannot run a rig, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not shutil.which("unshare"):
        return "needs unshare (util-linux)"
    tried = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"no namespaces of its own: {tried.stderr.strip()}"
    return None


def environment(folder):
    """The program's: where it may write, and where its modules are."""
    generated = folder / "generated"
    modules = [TREE / "tests", TREE / "tests/integration", TREE / "tests/integration/python_client", generated]
    return {**os.environ, "RIG_FOLDER": str(folder), "PYTHONPATH": ":".join(map(str, modules)),
            "PYTHONDONTWRITEBYTECODE": "1", "BATON_BIN": os.environ.get("BATON_BIN", str(TREE / "build/release/bin"))}


def left_behind(folder):
    """What exists outside of the namespaces and should not: one line each."""
    name = folder.name
    found = [f"mount: {line}" for line in Path("/proc/mounts").read_text().splitlines() if name in line]
    loops = subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=False).stdout
    found += [f"loop device: {line}" for line in loops.splitlines() if name in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "environ").read_bytes()
        except OSError:
            continue
        if f"RIG_FOLDER={folder}".encode() in words:
            found.append(f"process: {process.name}")
    return found


def first_process():
    """Process 1 of the namespace: prepares it, starts the program, hands signals on, reaps orphans."""
    folder = Path(os.environ["RIG_FOLDER"])
    for place in (folder, NETNS):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=75%", "rig", str(place)], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    generated = folder / "generated"
    generated.mkdir()
    subprocess.run(["protoc", "--python_out", str(generated), "-I", str(TREE), "proto/error.proto",
                    "proto/broker.proto"], cwd=TREE, check=True)
    program = subprocess.Popen(sys.argv[2:])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: program.send_signal(signal.SIGINT))
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == program.pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def child_of(pid):
    """The one child of a process, in this namespace's numbers; None while there is none."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(words[0]) if words else None


def main():
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    folder = Path(tempfile.mkdtemp(prefix="baton-rig-"))
    names_existed = NETNS.exists()
    NETNS.mkdir(exist_ok=True)
    rig = subprocess.Popen([*NAMESPACES, sys.executable, __file__, "--first", *sys.argv[1:]], env=environment(folder),
                           preexec_fn=die_with_parent, start_new_session=True)

    def hand_on(*_):
        first = child_of(rig.pid)
        os.kill(first or rig.pid, signal.SIGTERM if first else signal.SIGKILL)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hand_on)
    status = rig.wait()
    found = left_behind(folder)
    try:
        folder.rmdir()
        if not names_existed:
            NETNS.rmdir()
    except OSError as kept:
        found.append(str(kept))
    print("\n".join(["LEFT BEHIND", *found]) if found
          else "left behind: no process, mount, loop device, namespace or packet filter", file=sys.stderr)
    return LEFT_BEHIND if found else status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(first_process() if sys.argv[1] == "--first" else main())
