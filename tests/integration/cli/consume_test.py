#!/usr/bin/python3
"""What `baton consume` is told and tells: several queues in their shares, why a command failed and what that means."""
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)
from worker import Worker  # noqa: E402


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def show(task):
    return TRIO.rows("task", "show", task)[0]


def run(*arguments):
    """(exit code, stdout, stderr)"""
    done = subprocess.run(TRIO.command(*arguments), capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def fill(queue, count):
    """As many tasks, which the ledger knows when this returns."""
    ids = TRIO.produce(queue, [str(n) for n in range(count)])
    await_condition(lambda: TRIO.queue(queue)["ready"] == count, 30, f"{queue} is full")
    return ids


def two_full_queues_are_served_as_their_weights_say():
    TRIO.baton("queue", "set", "light", "--weight", 1)
    TRIO.baton("queue", "set", "heavy", "--weight", 3)
    light, heavy = fill("light", 60), fill("heavy", 60)
    rows = TRIO.consume("light", 48, "-q", "heavy", "--exec", "echo $BATON_QUEUE")
    expect([row["queue"] for row in rows], ["light", "heavy", "heavy", "heavy"] * 12)
    assert all(row["result"] == row["queue"] + "\n" for row in rows), "a command knows its task's queue"
    expect([row["id"] for row in rows if row["queue"] == "light"], light[:12])
    expect([row["id"] for row in rows if row["queue"] == "heavy"], heavy[:36])
    # A change of the weights holds at once; what one queue does not have, the other gets.
    TRIO.baton("queue", "set", "light", "--weight", 2)
    TRIO.baton("queue", "set", "heavy", "--weight", 2)
    rows = TRIO.consume("light", 72, "-q", "heavy", "--exec", "true")
    expect([row["queue"] for row in rows[:48]], ["light", "light", "heavy", "heavy"] * 12)
    expect([row["queue"] for row in rows[48:]], ["light"] * 24)


def many_at_once_come_in_the_same_shares():
    TRIO.baton("queue", "set", "small", "--weight", 1)
    TRIO.baton("queue", "set", "large", "--weight", 3)
    fill("small", 400), fill("large", 400)
    rows = TRIO.consume("small", 400, "-q", "large", "-j", 8, "--exec", "true")
    share = sum(row["queue"] == "large" for row in rows) / len(rows)
    # What it holds when it begins, 8 of 400, may be of one queue.
    assert 0.72 <= share <= 0.76, share


def a_queue_that_is_made_later_is_waited_on_beside_one_that_is_there():
    fill("there", 2)
    expect([row["queue"] for row in TRIO.rows("consume", "-q", "later", "-q", "there", "--wait", "1s")], ["there"] * 2)
    fill("later", 2), fill("there", 1)
    rows = TRIO.rows("consume", "-q", "later", "-q", "there", "--wait", "1s", "--pick", "round-robin")
    expect(sorted(row["queue"] for row in rows), ["later", "later", "there"])
    TRIO.baton("consume", "-q", "later", "-q", "there", "--wait", "300ms", code=6)


def a_consumer_of_several_queues_goes_on_when_its_manager_dies():
    fill("a", 30), fill("b", 30)
    expect(len({row["id"] for row in TRIO.consume("a", 20, "-q", "b", "-j", 2, managers=TRIO.addresses(1))}), 20)
    TRIO.managers[1].kill()
    rows = TRIO.consume("a", 10, "-q", "b", "-j", 2, "--exec", "true", managers=TRIO.addresses(1))
    expect({row["queue"] for row in rows}, {"a", "b"})
    TRIO.managers[1].start()


def a_failed_command_says_why_and_when_its_task_runs_again():
    TRIO.baton("queue", "set", "why", "--backoff", "1h..1h")
    task, = TRIO.produce("why", ["x"])
    began = time.monotonic()
    row, = TRIO.consume("why", 1, "--exec", "printf 'reason the server is away\ndelay 2s\n' > $BATON_NACK_FILE; exit 3")
    expect((row["id"], row["outcome"]), (task, "nacked"))
    page = show(task)
    expect((page["state"], page["reason"], page["failures"]), ("delayed", "the server is away", 1))
    again, = TRIO.consume("why", 1)
    expect((again["id"], again["attempt"]), (task, 2))
    assert 2 <= time.monotonic() - began < 60, "neither before its delay nor after the queue's backoff"


def a_failed_command_says_that_its_task_is_dead():
    TRIO.baton("queue", "set", "dies", "--backoff", "1h..1h")  # whatever a slow machine does meanwhile
    task, other, usual = TRIO.produce("dies", ["dead", "65", "1"])
    command = "read what; if [ $what = dead ]; then echo dead > $BATON_NACK_FILE; exit 1; fi; exit $what"
    _, _, errors = run("consume", "-q", "dies", "-n", 3, "--dead-on", "64,65", "--exec", command)
    expect([(show(one)["state"], show(one)["reason"]) for one in (task, other)],
           [("dead", "exit code 1"), ("dead", "exit code 65")])
    expect(show(usual)["state"], "delayed")
    expect(errors.count("it is dead"), 2)


def nonsense_in_the_nack_file_is_told_and_the_task_nacked_all_the_same():
    task, = TRIO.produce("nonsense", ["x"])
    code, out, errors = run("consume", "-q", "nonsense", "-n", 1, "--exec",
                            "printf 'reason still useful\ndelay soon\nretry\n' > $BATON_NACK_FILE; exit 3")
    expect((code, out), (0, f"{task}\tnacked\t\n"))
    assert "'delay soon'" in errors and "'retry' is none of: reason TEXT, delay DURATION, dead" in errors, errors
    expect(show(task)["reason"], "still useful")


def the_next_attempt_finds_the_progress_of_the_one_before():
    TRIO.baton("queue", "set", "book", "--backoff", "10ms..10ms")
    task, = TRIO.produce("book", ["x"])
    command = ("cat $BATON_PROGRESS_FILE $BATON_CHECKPOINT_FILE; test $BATON_ATTEMPT = 3 && exit 0; "
               "echo $BATON_ATTEMPT > $BATON_CHECKPOINT_FILE; "
               "test $BATON_ATTEMPT = 1 && echo 40 page 4 > $BATON_PROGRESS_FILE; exit 1")
    rows = TRIO.consume("book", 3, "--exec", command)
    expect([(row["id"], row["outcome"]) for row in rows], [(task, "nacked"), (task, "nacked"), (task, "done")])
    expect(rows[2]["result"], "40 page 4\n2\n")  # the second attempt said nothing new, and took nothing away


def a_consumer_whose_task_an_operator_cancels_says_so():
    task, = TRIO.produce("cancelled", ["x"])
    worker = Worker(TRIO, "cancelled", "-n", "1", command="sleep 1000").await_begun()
    TRIO.baton("task", "cancel", task, "--reason", "not needed")
    rows, errors = worker.finish(0)
    expect([row["outcome"] for row in rows], ["cancelled"])
    expect(errors, f"task {task}: cancelled: an operator cancelled the task\n")


if __name__ == "__main__":
    with Trio(managers=2) as TRIO:
        run_cases([
            two_full_queues_are_served_as_their_weights_say, many_at_once_come_in_the_same_shares,
            a_queue_that_is_made_later_is_waited_on_beside_one_that_is_there,
            a_consumer_of_several_queues_goes_on_when_its_manager_dies,
            a_failed_command_says_why_and_when_its_task_runs_again, a_failed_command_says_that_its_task_is_dead,
            nonsense_in_the_nack_file_is_told_and_the_task_nacked_all_the_same,
            the_next_attempt_finds_the_progress_of_the_one_before, a_consumer_whose_task_an_operator_cancels_says_so])
