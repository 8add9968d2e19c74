#!/usr/bin/python3
"""A task whose command fails five times is dead, and can be seen. Slow: the backoffs are real time."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio, run_cases  # noqa: E402  (the path must be set first)


def five_failures_make_a_task_dead():
    with Trio(managers=1) as trio:
        task, = trio.produce("failing", ["x"])
        rows = trio.consume("failing", 5, "--exec", "echo $BATON_ATTEMPT >&2; exit 7")
        assert [(row["id"], row["attempt"], row["outcome"]) for row in rows] == [
            (task, attempt, "nacked") for attempt in range(1, 6)], rows
        dead, = trio.rows("task", "ls", "-q", "failing", "--state", "dead")
        assert (dead["id"], dead["failures"], dead["reason"]) == (task, 5, "exit code 7"), dead
        assert trio.rows("task", "show", task)[0]["state"] == "dead"
        queue = trio.queue("failing")
        assert [queue[state] for state in ("ready", "delayed", "claimed", "dead")] == [0, 0, 0, 1], queue
        trio.baton("consume", "-q", "failing", "--wait", "500ms", code=6)


if __name__ == "__main__":
    run_cases([five_failures_make_a_task_dead])
