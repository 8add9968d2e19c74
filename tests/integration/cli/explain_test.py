#!/usr/bin/python3
"""`baton task explain`: for each reason why a task is where it is, that is what it says."""
import re
import json
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)
from worker import Worker  # noqa: E402

HOLDS = "while ! test -e {ended}; do sleep 0.05; done"


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def explain(task):
    return TRIO.rows("task", "explain", task)[0]


def expect_because(task, state, because, words):
    """A word for programs, and a sentence that says it to people."""
    row = explain(task)
    expect((row["state"], row["because"]), (state, because))
    assert words in row["sentence"], row
    return row


def produce(queue, *lines, managers=None):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return TRIO.baton("produce", "-q", queue, "--json-lines", stdin=text, managers=managers).split()


def a_task_that_waits_for_a_consumer_its_time_its_queue_or_a_limit():
    TRIO.baton("queue", "set", "held", "--paused", "true")
    TRIO.baton("queue", "set", "rated", "--max-rate", 1)
    nobody, = produce("nobody", {"payload": "x"})
    later, = produce("nobody", {"payload": "x", "delay": "1h"})
    paused, = produce("held", {"payload": "x"})
    rated = produce("rated", *[{"payload": str(n)} for n in range(20)])
    expect_because(nobody, "ready", "no_consumer", "no consumer waits")
    expect_because(later, "delayed", "delayed", "not to run before another ")
    expect_because(paused, "ready", "paused", "queue 'held' is paused")
    worker = Worker(TRIO, "rated")
    await_condition(lambda: TRIO.queue("rated")["ready"] < 20, 30, "the first is claimed")
    expect_because(rated[-1], "ready", "rate_limit", "no more than 1 claims a second")
    worker.signal(signal.SIGTERM)
    worker.finish(143)


def a_task_that_others_are_before():
    later, ready = produce("turns", {"payload": "x", "delay": "1h"}, {"payload": "y"})
    worker = Worker(TRIO, "turns", "--task", later)  # who waits, waits for another task
    await_condition(lambda: TRIO.queue("turns")["waiting"], 30, "it waits")
    expect_because(ready, "ready", "no_consumer", "wait for one other task")
    worker.signal(signal.SIGTERM)
    worker.finish(143)


def a_task_that_runs_failed_or_is_over():
    TRIO.baton("queue", "set", "work", "--backoff", "1h..1h", "--backoff-jitter-percent", 0, "--keep", "all")
    TRIO.baton("queue", "set", "once", "--max-attempts", 1)
    runs, turn = produce("work", {"payload": "runs"}, {"payload": "turn"})
    worker = Worker(TRIO, "work", "-n", "1", command=HOLDS + "; exit 3").await_begun()
    expect_because(runs, "claimed", "running", "works on it: attempt 1")
    worker.ended.touch()
    worker.finish(0)
    row = expect_because(runs, "delayed", "backoff", "exit code 3")
    assert re.search("tried again in (1h|59m)", row["sentence"]), row
    TRIO.consume("work", 1)
    expect_because(turn, "done", "finished", "it is done")
    dead, = produce("once", {"payload": "x"})
    TRIO.consume("once", 1, "--exec", "exit 4")
    expect_because(dead, "dead", "dead", "after 1 failure and 0 lost attempts (exit code 4)")
    TRIO.baton("task", "cancel", runs, "--reason", "enough")
    expect_because(runs, "cancelled", "finished", "enough")


def a_child_waits_for_its_parents_completion():
    parent, = produce("parents", {"payload": "x"})
    worker = Worker(TRIO, "parents", "-n", "1", command=f"echo x | {BIN}/baton produce -q children --child --with-completion "
                    "> {folder}/child; touch {folder}/made; " + HOLDS)
    await_condition((worker.folder / "made").exists, 30, "the child is made")
    child = (worker.folder / "child").read_text().strip()
    expect(expect_because(child, "pending", "pending", "is acked")["other"], parent)
    TRIO.baton("consume", "-q", "children", "--wait", "0s", code=6)
    worker.ended.touch()
    worker.finish(0)
    expect_because(child, "ready", "no_consumer", "no consumer")
    expect_because(parent, "blocked", "children", "1 child")


def a_task_whose_manager_is_away_and_then_gone():
    away, waits = produce("away", {"payload": "x"}, {"payload": "y"}, managers=TRIO.managers[1].address)
    TRIO.baton("manager", "remove", "m2", code=4)  # it is up
    TRIO.managers[1].kill()
    await_condition(lambda: explain(away)["because"] == "manager_away", 30, "the center has noticed")
    expect_because(away, "ready", "manager_away", "manager 'm2'")
    waiter = subprocess.Popen(TRIO.command("task", "wait", waits, "-o", "jsonl"), stdout=subprocess.PIPE, text=True)
    TRIO.baton("manager", "remove", "m2")
    expect_because(away, "quarantined", "quarantined", "cannot be served")
    # Who waits for it is told: nothing more becomes of it by itself.
    end = json.loads(waiter.communicate(timeout=60)[0])
    expect((waiter.returncode, end["outcome"]), (1, "quarantined"))
    expect(json.loads(TRIO.baton("task", "wait", away, "-o", "jsonl", code=1))["outcome"], "quarantined")


if __name__ == "__main__":
    with Trio(managers=2) as TRIO:
        run_cases([
            a_task_that_waits_for_a_consumer_its_time_its_queue_or_a_limit, a_task_that_others_are_before,
            a_task_that_runs_failed_or_is_over,
            a_child_waits_for_its_parents_completion, a_task_whose_manager_is_away_and_then_gone])
