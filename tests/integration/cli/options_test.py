#!/usr/bin/python3
"""What a task asks for when it is produced: `baton produce` with its options, through any manager, over kill -9."""
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)
from worker import Worker  # noqa: E402


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def show(task, **options):
    return TRIO.rows("task", "show", task, **options)[0]


def produce(queue, *flags, stdin="x\n", **options):
    """One JSON object a task."""
    return TRIO.rows("produce", "-q", queue, *flags, stdin=stdin, **options)


def produce_lines(queue, lines, *flags, **options):
    """Tasks with options of their own; their ids."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return [row["id"] for row in produce(queue, "--json-lines", *flags, stdin=text, **options)]


def everything_a_task_says_reaches_its_consumer_and_its_page():
    ids = produce_lines("said", [
        {"payload": "low", "priority": 1},
        {"payload": "full", "type": "letter", "key": "k-1", "order_key": "alice", "fair_key": "acme", "fair_weight": 3},
        {"payload": "high", "priority": 9}, {"payload": "usual"}])
    page = show(ids[1])
    expect([page[name] for name in ("order_key", "fair_key", "priority", "payload_bytes")], ["alice", "acme", 5, 4])
    rows = TRIO.consume("said", 4, managers=TRIO.addresses(1))
    expect([row["payload"] for row in rows][0], "high")
    expect([row["payload"] for row in rows][-1], "low")
    full = next(row for row in rows if row["payload"] == "full")
    expect([full[name] for name in ("type", "key", "order_key", "fair_key")], ["letter", "k-1", "alice", "acme"])
    expect([row.get("priority") for row in rows if row["payload"] in ("high", "low")], [9, 1])


def a_delay_ends_when_it_said_also_when_the_center_is_killed_meanwhile():
    began = time.monotonic()
    first, later = produce_lines("later", [{"payload": "now"}, {"payload": "later", "delay": "2s"}])
    TRIO.center.restart()
    delayed, = TRIO.rows("task", "ls", "-q", "later", "--state", "delayed")
    expect(delayed["id"], later)
    expect([row["id"] for row in TRIO.consume("later", 2)], [first, later])
    assert time.monotonic() - began >= 2, "a delayed task came before its time"


def what_nobody_claims_in_its_time_is_cancelled_or_dead():
    TRIO.baton("queue", "set", "dies", "--keep", "all")  # so that who asks late is told how it ended, too
    text = "".join(json.dumps(line) + "\n" for line in (
        {"payload": "dies", "ttl": "300ms"}, {"payload": "too late", "delay": "1h", "ttl": "300ms"},
        {"payload": "waits", "wait_timeout": "300ms"}, {"payload": "in all", "delay": "1h", "total_timeout": "300ms"}))
    ends = produce("dies", "--json-lines", "--wait", "60s", stdin=text, code=1)
    expect([end["outcome"] for end in ends], ["cancelled", "cancelled", "dead", "dead"])
    for end, reason in zip(ends, ("time to live", "time to live", "waited too long", "whole task")):
        assert reason in end["reason"], end
    expect(TRIO.queue("dies")["dead"], 2)


def a_key_makes_one_task_at_any_manager_and_over_every_restart():
    first, = produce("once", "--key", "order-1", managers=TRIO.managers[0].address)
    assert "duplicate" not in first, first
    TRIO.managers[0].kill()
    again, = produce("once", "--key", "order-1", managers=TRIO.managers[1].address)
    expect((again["id"], again["duplicate"], again["state"]), (first["id"], True, "ready"))
    TRIO.center.restart()
    TRIO.managers[0].start()
    done = subprocess.run(TRIO.command("produce", "-q", "once", "--key", "order-1"), input="x\n", capture_output=True,
                          text=True, timeout=60, check=False)
    expect((done.returncode, done.stdout.split()), (0, [first["id"]]))
    assert "were there already" in done.stderr, done.stderr
    expect(TRIO.baton("produce", "-q", "once", "--key", "order-1", stdin="other\n", code=4), "")
    expect([row["id"] for row in TRIO.rows("consume", "-q", "once", "--wait", "1s")], [first["id"]])
    again, = produce("once", "--key", "order-1")
    expect((again["id"], again["state"]), (first["id"], "done"))


def tasks_of_one_ordering_key_run_one_at_a_time_in_their_order():
    ids = produce("orderly", "--order-key", "alice", stdin="1\n2\n", managers=TRIO.addresses(0))
    ids += produce("orderly", "--order-key", "alice", stdin="3\n", managers=TRIO.addresses(1))
    other, = produce("orderly", "--order-key", "bob", stdin="4\n")
    worker = Worker(TRIO, "orderly", "-j", "4", "-n", "4", command="read n; echo begin $n >> {folder}/seen; sleep 0.2; "
                    "echo end $n >> {folder}/seen; if test $n$BATON_ATTEMPT = 11; then exit 1; fi; cat {folder}/seen")
    # The first fails once, and the others of its key wait for its second attempt all the same.
    waiting = await_condition(lambda: TRIO.rows("task", "explain", ids[1]["id"]), 30, "an explanation")[0]
    expect((waiting["because"], waiting["other"]), ("order_key", ids[0]["id"]))
    seen = worker.await_begun(3) and worker.finish(0)[0]
    expect([row["id"] for row in seen if row["id"] != other["id"]], [ids[0]["id"], ids[0]["id"], ids[1]["id"]])
    lines = seen[-1]["result"].splitlines() if seen[-1]["id"] != other["id"] else seen[-2]["result"].splitlines()
    alice = [line for line in lines if not line.endswith("4")]
    expect(alice[:6], ["begin 1", "end 1", "begin 1", "end 1", "begin 2", "end 2"])


def fairness_keys_take_turns():
    lines = [{"payload": "big", "fair_key": "big"}] * 6 + [{"payload": "small", "fair_key": "small"}] * 2
    produce_lines("fair", lines)
    rows = TRIO.consume("fair", 8)
    expect([row["payload"] for row in rows][:4].count("small"), 2)


def a_task_runs_after_others_and_follows_its_policy_when_one_fails():
    good, bad = produce_lines("first", [{"payload": "good"}, {"payload": "bad"}])
    after, fails, ignores, waits = produce_lines("second", [
        {"payload": "after", "after": [good]}, {"payload": "fails", "after": [good, bad]},
        {"payload": "ignores", "after": [bad], "on_failed": "ignore"},
        {"payload": "waits", "after": [bad], "on_failed": "wait"}])
    why, = TRIO.rows("task", "explain", after)
    expect((why["state"], why["because"], why["other"]), ("blocked", "after", good))
    TRIO.baton("task", "cancel", bad, "--reason", "not wanted")
    TRIO.center.restart()
    end, = TRIO.rows("task", "wait", fails, "--timeout", "60s", code=1)
    expect(end["outcome"], "dead")
    expect(TRIO.rows("task", "explain", waits)[0]["because"], "decision")
    TRIO.consume("first", 1)
    rows = TRIO.consume("second", 2)
    expect(sorted(row["id"] for row in rows), sorted([after, ignores]))
    TRIO.baton("task", "resume", waits)
    expect([row["id"] for row in TRIO.consume("second", 1)], [waits])


if __name__ == "__main__":
    with Trio(managers=2) as TRIO:
        run_cases([
            everything_a_task_says_reaches_its_consumer_and_its_page,
            a_delay_ends_when_it_said_also_when_the_center_is_killed_meanwhile,
            what_nobody_claims_in_its_time_is_cancelled_or_dead,
            a_key_makes_one_task_at_any_manager_and_over_every_restart,
            tasks_of_one_ordering_key_run_one_at_a_time_in_their_order, fairness_keys_take_turns,
            a_task_runs_after_others_and_follows_its_policy_when_one_fails])
