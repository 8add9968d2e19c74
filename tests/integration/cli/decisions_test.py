#!/usr/bin/python3
"""What people decide: dead tasks, cancelling, holding what was cut off, trying again; over kill -9."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)
from worker import Worker, alive  # noqa: E402

LEASE = "3s"


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def show(task):
    return TRIO.rows("task", "show", task)[0]


def run(*arguments, stdin=""):
    """(exit code, stdout, stderr)"""
    done = subprocess.run(TRIO.command(*arguments), input=stdin, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def outcomes(rows):
    return [(row["id"], row["outcome"], row["state"]) for row in rows]


def make_dead(queue, payloads):
    """Tasks that are dead after one failure; the reason is the command's exit code, the payload."""
    TRIO.baton("queue", "set", queue, "--max-attempts", 1)
    ids = TRIO.produce(queue, payloads)
    TRIO.consume(queue, len(ids), "-j", 4, "--exec", "read code; exit $code")
    return ids


def dead_tasks_are_listed_by_filters_and_brought_back_or_dropped():
    three, four, other = make_dead("dead", ["3", "4", "5"])
    listed = lambda *flags: [row["id"] for row in TRIO.rows("dead", "ls", "-q", "dead", *flags)]  # noqa: E731
    expect(sorted(listed()), sorted([three, four, other]))
    expect((listed("--reason", "code 3"), listed("--min-attempts", 2), listed("--older-than", "1h")), ([three], [], []))
    page, = TRIO.rows("dead", "show", three)
    expect((page["state"], page["failures"], page["reason"]), ("dead", 1, "exit code 3"))
    TRIO.center.restart()

    would = TRIO.rows("dead", "redrive", "-q", "dead", "--reason", "code 3", "--dry-run")
    expect(outcomes(would), [(three, "would be redriven", "dead")])
    code, _, err = run("dead", "redrive", "-q", "dead")
    assert code == 2 and "--yes" in err and "--dry-run" in err, err
    expect(outcomes(TRIO.rows("dead", "redrive", "-q", "dead", "--reason", "code 3", "--yes")), [(three, "redriven", "ready")])
    again, = TRIO.consume("dead", 1)
    expect((again["id"], again["attempt"]), (three, 1))

    began = time.monotonic()
    dropped = TRIO.rows("dead", "purge", "-q", "dead", "--rate", 2, "--limit", 2, "--yes")
    assert time.monotonic() - began >= 0.5, "two at two a second were done at once"
    expect(outcomes(dropped), [(four, "dropped", "cancelled"), (other, "dropped", "cancelled")])  # nothing is kept of them
    expect(listed(), [])
    code, out, _ = run("dead", "redrive", four, three)
    expect((code, out), (2, ""))  # more than one asks for a yes
    rows = TRIO.rows("dead", "redrive", four, three, "--yes", code=4)
    expect({row["outcome"] for row in rows}, {"conflict"})


def cancelling_ends_what_waits_and_stops_what_runs():
    running, = TRIO.produce("cancelled", ["x"])
    worker = Worker(TRIO, "cancelled", "-n", "1", command="sleep 1000", managers=TRIO.managers[1].address).await_begun()
    command = worker.pids()[0]
    waiting, = TRIO.produce("cancelled", ["y"])
    rows = TRIO.rows("task", "cancel", running, waiting, "--yes", "--reason", "wrong address", managers=TRIO.managers[0].address)
    expect(outcomes(rows), [(running, "cancelled", "cancelled"), (waiting, "cancelled", "cancelled")])
    told, errors = worker.finish(0)
    expect([row["outcome"] for row in told], ["cancelled"])
    assert "an operator cancelled the task" in errors, errors
    assert not alive(command), "its command runs on"
    page = show(waiting)
    expect((page["state"], page["reason"]), ("cancelled", "wrong address"))
    TRIO.baton("consume", "-q", "cancelled", "--wait", "300ms", code=6)
    TRIO.baton("task", "cancel", running)  # repeated: it is so already
    expect(run("task", "cancel", str((1 << 44) + 999_999))[0], 3)  # there is no such task


def held_and_cut_off_tasks_are_decided_and_a_checkpoint_goes_to_the_next_attempt():
    """Two workers are killed with -9; what each left is found when their leases are over."""
    TRIO.baton("queue", "set", "pay", "--on-uncertain", "hold")
    pays = TRIO.produce("pay", ["1", "2", "3", "4"])
    book, = TRIO.produce("book", ["x"])
    payer = Worker(TRIO, "pay", "-j", "4", "--lease", LEASE, command="exec sleep 1000").await_begun(4)
    reader = Worker(TRIO, "book", "--lease", LEASE,
                    command="echo page 7 > $BATON_CHECKPOINT_FILE; echo 40 page 7 > $BATON_PROGRESS_FILE; exec sleep 1000")
    page = await_condition(lambda: (found := show(book)).get("checkpoint_bytes") and found, 30, "the checkpoint is saved")
    expect((page["percent"], page["progress"], page["checkpoint_bytes"]), (40, "page 7", 7))
    commands = payer.pids() + reader.pids()
    for worker in (payer, reader):
        worker.signal(signal.SIGKILL)
    for pid in commands:
        os.killpg(pid, signal.SIGKILL)  # nobody is left to end them
    for worker in (payer, reader):
        worker.finish(-signal.SIGKILL)
    TRIO.managers[0].restart()
    row, = TRIO.consume("book", 1, "--exec", "echo $BATON_ATTEMPT; cat $BATON_CHECKPOINT_FILE")
    expect((row["id"], row["outcome"], row["result"], row["expiries"]), (book, "done", "2\npage 7\n", 1))
    held = await_condition(lambda: (rows := TRIO.rows("task", "ls", "-q", "pay", "--state", "held")) and len(rows) == 4 and rows,
                           30, "all are held")
    expect([row["uncertain"] for row in held], [1] * 4)
    TRIO.center.restart()
    expect(TRIO.rows("task", "explain", pays[0])[0]["because"], "decision")
    TRIO.baton("consume", "-q", "pay", "--wait", "300ms", code=6)
    expect(outcomes(TRIO.rows("task", "resume", pays[0])), [(pays[0], "resumed", "ready")])
    expect(outcomes(TRIO.rows("task", "complete", pays[1], "--reason", "seen")), [(pays[1], "completed", "done")])
    expect(outcomes(TRIO.rows("task", "kill", pays[2])), [(pays[2], "killed", "dead")])
    expect(outcomes(TRIO.rows("task", "cancel", pays[3])), [(pays[3], "cancelled", "cancelled")])
    expect([row["id"] for row in TRIO.rows("consume", "-q", "pay", "--wait", "300ms")], [pays[0]])


def a_finished_or_dead_task_is_tried_again_as_a_copy():
    TRIO.baton("queue", "set", "kept", "--keep", "all")
    done, = TRIO.baton("produce", "-q", "kept", "--type", "letter", stdin="precious\n").split()
    TRIO.consume("kept", 1)
    dead, = make_dead("broken", ["1"])
    rows = TRIO.rows("task", "retry", done, dead, "-q", "again", "--priority", 9, "--yes", managers=TRIO.addresses(1))
    expect([row["retry_of"] for row in rows], [done, dead])
    copies = {row["payload"]: row for row in TRIO.consume("again", 2)}
    expect((copies["precious"]["retry_of"], copies["precious"]["type"], copies["precious"]["priority"]), (done, "letter", 9))
    expect(copies["1"]["retry_of"], dead)
    gone, waits = TRIO.produce("gone", ["x"]) + TRIO.produce("waits", ["x"])
    TRIO.consume("gone", 1)
    expect((run("task", "retry", gone)[0], run("task", "retry", waits)[0]), (3, 4))


if __name__ == "__main__":
    with Trio(managers=2) as TRIO:
        run_cases([
            dead_tasks_are_listed_by_filters_and_brought_back_or_dropped, cancelling_ends_what_waits_and_stops_what_runs,
            held_and_cut_off_tasks_are_decided_and_a_checkpoint_goes_to_the_next_attempt,
            a_finished_or_dead_task_is_tried_again_as_a_copy])
