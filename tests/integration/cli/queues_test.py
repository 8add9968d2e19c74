#!/usr/bin/python3
"""Queues with settings: `baton queue set | show | pause | resume | purge`, and their limits, over kill -9."""
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


def show(queue, **options):
    return json.loads(TRIO.baton("queue", "show", queue, "-o", "json", **options))


def set_queue(queue, *flags, **options):
    return TRIO.baton("queue", "set", queue, *flags, **options)


def explain(task):
    return TRIO.rows("task", "explain", task)[0]["because"]


def run(*arguments, stdin="", managers=None):
    """(exit code, stdout, stderr)"""
    done = subprocess.run(TRIO.command(*arguments, managers=managers), input=stdin, capture_output=True,
                          text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def settings_hold_at_every_manager_and_over_a_killed_center():
    TRIO.produce("usual", ["x"])
    usual = show("usual")["settings"]
    set_queue("set", "--max-attempts", 3, "--backoff", "10ms..1h", "--keep", "all", "--max-rate", 50,
              "--on-uncertain", "hold", "--on-dead", "hold", "--ttl", "1d", "--keep-bytes", "64MiB", "--ageing", 0,
              managers=TRIO.managers[0].address)
    wanted = {**usual, "max_attempts": 3, "backoff_min_ms": 10, "backoff_max_ms": 3600000, "keep": "all", "max_rate": 50,
              "on_uncertain": "hold", "on_dead": "hold", "time_to_live_ms": 86400000, "keep_bytes": 64 << 20, "ageing": 0}
    expect(show("set", managers=TRIO.managers[1].address)["settings"], wanted)
    TRIO.center.restart()
    code, _, err = run("queue", "set", "set", "--backoff-min", "2h", "--weight", 7)  # above the maximum that holds
    expect((code, "backoff" in err), (2, True))
    expect(show("set")["settings"], wanted)
    set_queue("set", "--max-rate", "default", "--keep", "default")
    expect(show("set")["settings"], {**wanted, "max_rate": 0, "keep": "results"})
    expect(run("queue", "show", "nobody")[0], 3)


def a_list_says_how_far_back_the_keys_of_a_queue_reach():
    set_queue("reach", "--key-count", 2, "--key-window", "1h")
    expect(TRIO.queue("reach")["keys_reach_back_ms"], 3600000)
    for key in "abc":
        TRIO.baton("produce", "-q", "reach", "--key", key, stdin="x\n")
    listed = TRIO.queue("reach")["keys_reach_back_ms"]
    assert listed < 600000, listed
    expect(show("reach")["keys"], 2)


def a_paused_queue_hands_out_nothing_until_it_is_resumed_or_the_pause_is_over():
    TRIO.baton("queue", "pause", "paused", "--create")
    task, = TRIO.produce("paused", ["x"])
    TRIO.center.restart()
    expect((explain(task), show("paused")["paused"]), ("paused", True))
    TRIO.baton("consume", "-q", "paused", "--wait", "300ms", code=6)
    TRIO.baton("queue", "resume", "paused")
    expect([row["id"] for row in TRIO.consume("paused", 1)], [task])

    began = time.monotonic()
    TRIO.baton("queue", "pause", "paused", "--until", "+2s")
    TRIO.produce("paused", ["y"])
    TRIO.consume("paused", 1)
    assert time.monotonic() - began >= 1.9, "the pause ended before its time"
    expect(show("paused")["paused"], False)


def a_purge_cancels_what_waits_and_nothing_else():
    held, = TRIO.produce("purged", ["claimed"])
    worker = Worker(TRIO, "purged", "-n", "1", command="while ! test -e {ended}; do sleep 0.05; done").await_begun()
    waiting = TRIO.produce("purged", ["a", "b"], managers=TRIO.addresses(1))
    delayed, = TRIO.baton("produce", "-q", "purged", "--delay", "1h", stdin="c\n").split()
    code, _, err = run("queue", "purge", "purged")
    assert code == 2 and "--yes" in err, err
    expect(json.loads(TRIO.baton("queue", "purge", "purged", "--dry-run", "-o", "json"))["would_be_cancelled"], 3)
    expect(json.loads(TRIO.baton("queue", "purge", "purged", "--yes", "-o", "json"))["cancelled"], 3)
    row = await_condition(lambda: (queue := show("purged"))["cancelled"] == 3 and queue, 30, "the purge is through")
    expect([row[state] for state in ("ready", "delayed", "claimed", "cancelled")], [0, 0, 1, 3])
    worker.ended.touch()
    expect([(row["id"], row["outcome"]) for row in worker.finish(0)[0]], [(held, "done")])
    later, = TRIO.produce("purged", ["after it"])
    expect([row["id"] for row in TRIO.rows("consume", "-q", "purged", "--wait", "300ms")], [later])
    assert later not in (*waiting, delayed)


def what_a_limited_queue_cannot_take_waits_for_room_and_is_said():
    set_queue("limited", "--max-tasks", 2)
    code, out, err = run("produce", "-q", "limited", "--timeout", "1s", stdin="1\n2\n3\n")
    expect((code, len(out.split())), (8, 2))
    assert "limited" in err and "max_tasks" in err, err
    # The limit is the cluster's: not another one at each manager.
    expect(run("produce", "-q", "limited", "--timeout", "500ms", stdin="x\n", managers=TRIO.managers[1].address)[0], 5)
    producer = subprocess.Popen(TRIO.command("produce", "-q", "limited"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True)
    producer.stdin.write("waits\n")
    producer.stdin.close()
    expect([row["payload"] for row in TRIO.consume("limited", 3)], ["1", "2", "waits"])
    expect((producer.wait(30), len(producer.stdout.read().split())), (0, 1))


def a_payload_that_no_limit_of_the_queue_will_ever_take_is_refused_for_good():
    set_queue("narrow", "--max-bytes", "10B")
    began = time.monotonic()
    code, _, err = run("produce", "-q", "narrow", stdin="much longer than ten bytes\n")
    expect(code, 1)
    assert "max_bytes" in err and "10" in err, err
    assert time.monotonic() - began < 20, "it was repeated until the time was over"
    expect(len(TRIO.produce("narrow", ["short"])), 1)


def claims_stay_within_the_limits_of_their_queue():
    lines = "".join(json.dumps({"payload": str(n), "fair_key": "one"}) + "\n" for n in range(3))
    for queue, flag, why in (("flying", "--max-in-flight", "in_flight_limit"), ("keyed", "--max-per-fair-key", "fair_key_limit")):
        set_queue(queue, flag, 1)
        ids = TRIO.baton("produce", "-q", queue, "--json-lines", stdin=lines).split()
        worker = Worker(TRIO, queue, "-n", "3", "-j", "3", command="while ! test -e {ended}; do sleep 0.05; done")
        worker.await_begun()
        expect((explain(ids[2]), show(queue)["claimed"]), (why, 1))
        worker.ended.touch()
        expect([row["id"] for row in worker.finish(0)[0]], ids)


def a_rate_is_kept_over_all_consumers():
    set_queue("rated", "--max-rate", 4)
    ids = TRIO.produce("rated", [str(n) for n in range(6)])
    began = time.monotonic()
    one = Worker(TRIO, "rated", "-n", "3", managers=TRIO.managers[0].address)
    two = Worker(TRIO, "rated", "-n", "3", managers=TRIO.managers[1].address)
    expect(sorted(row["id"] for worker in (one, two) for row in worker.finish(0)[0]), sorted(ids))
    assert time.monotonic() - began > 1, "six claims of four a second take longer than that"


def an_ordered_queue_works_on_one_task_at_a_time():
    set_queue("ordered", "--ordered", "true")
    ids = TRIO.produce("ordered", ["1", "2", "3"], managers=TRIO.addresses(1))
    rows = TRIO.consume("ordered", 3, "-j", 3, "--exec", "sleep 0.1; date +%s%N")
    expect([row["id"] for row in rows], ids)
    ends = [int(row["result"]) for row in rows]
    assert all(later - earlier > 90_000_000 for earlier, later in zip(ends, ends[1:])), ends


if __name__ == "__main__":
    with Trio(managers=2) as TRIO:
        run_cases([
            a_list_says_how_far_back_the_keys_of_a_queue_reach,
            settings_hold_at_every_manager_and_over_a_killed_center,
            a_paused_queue_hands_out_nothing_until_it_is_resumed_or_the_pause_is_over,
            a_purge_cancels_what_waits_and_nothing_else, what_a_limited_queue_cannot_take_waits_for_room_and_is_said,
            a_payload_that_no_limit_of_the_queue_will_ever_take_is_refused_for_good,
            claims_stay_within_the_limits_of_their_queue, a_rate_is_kept_over_all_consumers,
            an_ordered_queue_works_on_one_task_at_a_time])
