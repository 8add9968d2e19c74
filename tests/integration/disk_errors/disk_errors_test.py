#!/usr/bin/python3
"""A disk that fails under a real daemon: it ends, says which file and which error, and has lost nothing."""
import os
import re
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)

# A sanitizer's search for leaks does not work under a tracer.
os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))


@contextmanager
def failing(daemon, call, error):
    """From now on this system call of the running daemon fails."""
    tracer = subprocess.Popen(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}",
                               "-e", f"inject={call}:error={error}", "-p", str(daemon.process.pid)],
                              stderr=subprocess.PIPE, text=True)
    try:
        line = tracer.stderr.readline()
        assert "attached" in line, f"strace: {line}"
        yield
    finally:
        tracer.terminate()
        tracer.wait()
        tracer.stderr.close()


def strace_works():
    """None, or why not."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    victim = subprocess.Popen(["sleep", "60"])
    try:
        tried = subprocess.run(["timeout", "1", "strace", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "-p",
                                str(victim.pid)], stderr=subprocess.PIPE, text=True, check=False)
    finally:
        victim.kill()
        victim.wait()
    return None if "attached" in tried.stderr else f"strace may not trace here: {tried.stderr.strip()}"


@contextmanager
def full_at(daemon, size):
    """Files of the running daemon may not grow beyond `size`: a write up to there is short, the next fails."""
    unlimited = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, unlimited[1]))
    yield


def newest_log(daemon):
    """The store's log file that is being written."""
    return max((daemon.data / "store").glob("*.log"), key=lambda path: path.name)


def check_ended(daemon, error):
    """It has ended by itself, with code 1 and one line that names the file and the error."""
    await_condition(lambda: not daemon.alive(), 30, f"{daemon.name} ends; it said:\n{daemon.said()[-1500:]}")
    assert daemon.process.returncode == 1, f"exit code {daemon.process.returncode}:\n{daemon.said()[-1500:]}"
    reasons = [line for line in daemon.said().splitlines() if "the node cannot go on" in line]
    assert len(reasons) == 1, f"not one reason:\n{daemon.said()[-1500:]}"
    # Whichever file met the fault first: a log of the store or, of a center, a segment of the archive.
    file = re.escape(str(daemon.data)) + r"/(store/\d{6}\.log|archive/segment-\d+)"
    assert error in reasons[0] and re.search(file, reasons[0]), reasons[0]


def prepare(trio):
    """Confirmed tasks by payload, and those of them that are done: enough that the logs are larger than what is said."""
    payloads = [f"{number:04}-{'x' * 300}" for number in range(400)]
    ids = dict(zip(payloads, trio.produce("q", payloads, managers=trio.managers[0].address)))
    done = {row["id"] for row in trio.consume("q", 40)}
    return ids, done


def check_nothing_lost(trio, ids, done, tried, confirmed):
    """Everything confirmed comes once, with its payload; what is done does not come again."""
    # A task whose confirmation failed may exist: it is one of those that were tried.
    rest = {task: payload for payload, task in ids.items() if task not in done}
    must = set(rest) | set(confirmed)
    came = {}
    while must - set(came):
        for row in trio.consume("q", 1, managers=trio.addresses()):
            assert row["id"] not in came and row["id"] not in done, f"twice: {row['id']}"
            came[row["id"]] = row["payload"]
        if len(must - set(came)) > 1:
            more = len(must - set(came)) - 1
            for row in trio.consume("q", more, managers=trio.addresses()):
                assert row["id"] not in came and row["id"] not in done, f"twice: {row['id']}"
                came[row["id"]] = row["payload"]
    for task, payload in came.items():
        assert payload == rest.get(task, payload) and (task in rest or payload in tried), f"{task}: {payload[:30]}"


def survives(which, broken, error):
    with Trio(managers=2) as trio:
        victim = trio.center if which == "center" else trio.managers[0]
        ids, done = prepare(trio)
        tried = [f"late-{number}-{'y' * 3000}" for number in range(8)]
        with broken(victim):
            # At the manager that the victim is, or whose reports the center writes.
            producer = subprocess.Popen(trio.command("produce", "-q", "q", "--timeout", "60s",
                                                     managers=trio.managers[0].address),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                producer.stdin.write("".join(f"{payload}\n" for payload in tried))
                producer.stdin.close()
                check_ended(victim, error)
            except BaseException:
                producer.kill()
                raise
        victim.start()
        confirmed = producer.stdout.read().split()
        said = producer.stderr.read()
        assert producer.wait(90) == 0 and len(confirmed) == len(tried), f"the producer: {said}"
        producer.stdout.close()
        producer.stderr.close()
        check_nothing_lost(trio, ids, done, tried, confirmed)


def a_manager_whose_sync_fails_ends_and_has_lost_nothing():
    survives("manager", lambda daemon: failing(daemon, "fdatasync", "EIO"), "Input/output error")


def a_center_whose_sync_fails_ends_and_has_lost_nothing():
    survives("center", lambda daemon: failing(daemon, "fdatasync", "EIO"), "Input/output error")


def a_manager_whose_write_is_cut_short_ends_and_has_lost_nothing():
    survives("manager", lambda daemon: full_at(daemon, newest_log(daemon).stat().st_size + 500), "File too large")


def a_center_whose_write_is_cut_short_ends_and_has_lost_nothing():
    survives("center", lambda daemon: full_at(daemon, newest_log(daemon).stat().st_size + 20), "File too large")


def main():
    cases = [a_manager_whose_write_is_cut_short_ends_and_has_lost_nothing,
             a_center_whose_write_is_cut_short_ends_and_has_lost_nothing]
    why_not = strace_works()
    if why_not is None:
        cases += [a_manager_whose_sync_fails_ends_and_has_lost_nothing,
                  a_center_whose_sync_fails_ends_and_has_lost_nothing]
    else:
        print(f"without failed syncs: {why_not}")
    run_cases(cases)


if __name__ == "__main__":
    main()
