#!/usr/bin/python3
"""What `baton consume` is told and tells: several queues in their shares."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


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


if __name__ == "__main__":
    with Trio(managers=2) as TRIO:
        run_cases([
            two_full_queues_are_served_as_their_weights_say, many_at_once_come_in_the_same_shares,
            a_queue_that_is_made_later_is_waited_on_beside_one_that_is_there,
            a_consumer_of_several_queues_goes_on_when_its_manager_dies])
