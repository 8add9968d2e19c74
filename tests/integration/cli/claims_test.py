#!/usr/bin/python3
"""What becomes of a consumer's claims when it is interrupted, suspended, killed, or nobody reads its output."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)
from worker import Worker, alive  # noqa: E402

LEASE_SECONDS = 3


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def show(task):
    return TRIO.rows("task", "show", task)[0]


def an_interrupted_consumer_gives_its_task_back_at_once():
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        queue = f"interrupted-{code}"
        task = TRIO.produce(queue, ["x"])[0]
        consumer = Worker(TRIO, queue, command="sleep 1000").await_begun()
        pid = consumer.pids()[0]
        expect(show(task)["state"], "claimed")
        consumer.signal(number)
        rows, _ = consumer.finish(code)
        expect([row["outcome"] for row in rows], ["released"])
        assert not alive(pid), "the command outlived its consumer"
        again = TRIO.consume(queue, 1)[0]  # long before the lease of 30 s is over
        expect((again["id"], again["attempt"]), (task, 2))


def an_idle_consumer_is_interrupted_too():
    consumer = Worker(TRIO, "idle")
    await_condition(lambda: (TRIO.queue("idle") or {"waiting": 0})["waiting"], 30, "it waits")
    consumer.signal(signal.SIGINT)
    expect(consumer.finish(130)[0], [])


def a_suspended_consumer_is_superseded_and_its_late_result_refused():
    task = TRIO.produce("suspended", ["x"])[0]
    consumer = Worker(TRIO, "suspended", "-n", "1", "--lease", f"{LEASE_SECONDS}s",
                        command="while ! test -e {ended}; do sleep 0.05; done; echo late").await_begun()
    consumer.signal(signal.SIGSTOP)
    winner = TRIO.consume("suspended", 1, "--exec", "echo mine")[0]
    consumer.ended.touch()  # the first command ends, too late
    consumer.signal(signal.SIGCONT)
    rows, errors = consumer.finish(4)
    expect((winner["id"], winner["outcome"], winner["attempt"]), (task, "done", 2))
    expect([(row["id"], row["outcome"]) for row in rows], [(task, "superseded")])
    assert "superseded" in errors, errors
    assert int(winner["token"]) > int(rows[0]["token"]), "tokens grow"
    expect(TRIO.baton("task", "result", task), "mine\n")


def the_command_of_a_lost_claim_is_ended():
    TRIO.produce("ended", ["x"])
    consumer = Worker(TRIO, "ended", "-n", "1", "--lease", f"{LEASE_SECONDS}s", command="sleep 1000").await_begun()
    pid = consumer.pids()[0]
    consumer.signal(signal.SIGSTOP)
    TRIO.consume("ended", 1)
    consumer.signal(signal.SIGCONT)
    consumer.finish(4)
    assert not alive(pid), "the command outlived its claim"


def a_lost_claim_goes_before_a_wait_that_ended():
    TRIO.produce("both", ["x"])
    consumer = Worker(TRIO, "both", "-n", "2", "--wait", "1s", "--lease", f"{LEASE_SECONDS}s",
                        command="sleep 1000").await_begun()
    consumer.signal(signal.SIGSTOP)
    TRIO.consume("both", 1)
    consumer.signal(signal.SIGCONT)
    consumer.finish(4)  # and not 6, though only one of two tasks came


def a_killed_consumer_loses_its_task_to_the_next_after_the_lease():
    task = TRIO.produce("killed", ["x"])[0]
    consumer = Worker(TRIO, "killed", "--lease", f"{LEASE_SECONDS}s", command="sleep 1000").await_begun()
    command = consumer.pids()[0]
    began = time.monotonic()
    consumer.signal(signal.SIGKILL)
    again = TRIO.consume("killed", 1)[0]
    os.killpg(command, signal.SIGKILL)  # nobody is left to end it
    consumer.finish(-signal.SIGKILL)
    expect((again["id"], again["attempt"]), (task, 2))
    assert time.monotonic() - began > LEASE_SECONDS * 0.6, "before its lease was over"
    expect(show(task)["state"], "done")


def a_long_task_keeps_its_claim_far_beyond_its_lease():
    task = TRIO.produce("long", ["x"])[0]
    row = TRIO.consume("long", 1, "--lease", f"{LEASE_SECONDS}s", "--exec", f"sleep {LEASE_SECONDS * 2.5}; echo ok")[0]
    expect((row["outcome"], row["attempt"]), ("done", 1))
    expect(show(task)["state"], "done")


def nobody_holds_more_than_it_works_on():
    TRIO.produce("modest", [str(n) for n in range(6)])
    consumer = Worker(TRIO, "modest", "-j", "2", command="while ! test -e {ended}; do sleep 0.05; done").await_begun(2)
    queue = TRIO.queue("modest")
    expect((queue["claimed"], queue["ready"]), (2, 4))
    consumer.ended.touch()
    await_condition(lambda: not TRIO.queue("modest")["ready"], 60, "all are taken")
    consumer.signal(signal.SIGTERM)
    consumer.finish(143)


def a_closed_stdout_releases_what_nobody_read():
    total = 3000
    TRIO.produce("closed", ["x" * 100] * total)
    command = TRIO.command("consume", "-q", "closed", "-o", "jsonl")
    consumer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seen = {json.loads(consumer.stdout.readline())["id"] for _ in range(10)}
    consumer.stdout.close()
    expect(consumer.wait(60), 1)
    rest = {row["id"] for row in TRIO.rows("consume", "-q", "closed", "--wait", "2s")}
    assert len(rest) > 0 and not seen & rest, "what was read was acked, what was not comes again"


def a_reader_that_stops_reading_costs_no_claim():
    TRIO.produce("stuck", ["x" * 1000] * 500)
    consumer = subprocess.Popen(TRIO.command("consume", "-q", "stuck", "-n", "500", "--lease", f"{LEASE_SECONDS}s"),
                                stdout=subprocess.PIPE, text=True)
    await_condition(lambda: TRIO.queue("stuck")["claimed"] > 0 and TRIO.queue("stuck")["done"] > 0, 30, "it has begun")
    time.sleep(LEASE_SECONDS * 2)  # the pipe is full, and stays so for longer than the lease
    lines = consumer.stdout.read().splitlines()
    expect((consumer.wait(60), len(lines)), (0, 500))
    expect(TRIO.queue("stuck")["done"], 500)


def pulling_round_robin_and_at_random_finds_every_task():
    for pick in ("round-robin", "random"):
        ids = []
        for first in range(3):
            ids += TRIO.produce(f"pick-{pick}", [str(n) for n in range(20)], managers=TRIO.addresses(first))
        rows = TRIO.consume(f"pick-{pick}", 60, "--pick", pick)
        expect(sorted(row["id"] for row in rows), sorted(ids))
        assert len({row["manager"] for row in rows}) > 1, "through more than one manager"


if __name__ == "__main__":
    with Trio() as TRIO:
        run_cases([
            an_interrupted_consumer_gives_its_task_back_at_once, an_idle_consumer_is_interrupted_too,
            a_suspended_consumer_is_superseded_and_its_late_result_refused, the_command_of_a_lost_claim_is_ended,
            a_lost_claim_goes_before_a_wait_that_ended, a_killed_consumer_loses_its_task_to_the_next_after_the_lease,
            a_long_task_keeps_its_claim_far_beyond_its_lease, nobody_holds_more_than_it_works_on,
            a_closed_stdout_releases_what_nobody_read, a_reader_that_stops_reading_costs_no_claim,
            pulling_round_robin_and_at_random_finds_every_task])
