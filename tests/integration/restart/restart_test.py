#!/usr/bin/python3
"""A restart loses nothing: each daemon alone, all at once, in every order; idle, with claims, while producing."""
import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)


def numbered(prefix, count):
    return [f"{prefix}-{number}" for number in range(count)]


def check_all_once(trio, queue, ids, payloads):
    """Everything produced comes exactly once, with its own payload."""
    rows = trio.consume(queue, len(ids))
    assert sorted(row["id"] for row in rows) == sorted(ids), "not the tasks that were produced, each once"
    assert {row["id"]: row["payload"] for row in rows} == dict(zip(ids, payloads)), "a payload of another task"
    trio.baton("consume", "-q", queue, "-n", 1, "--wait", "500ms", code=6)


def each_daemon_alone_with_a_backlog():
    with Trio() as trio:
        for daemon in trio.daemons():
            payloads = numbered(daemon.name, 60)
            ids = [trio.produce("q", [payload for payload in payloads[part::3]], managers=trio.addresses(part))
                   for part in range(3)]
            daemon.restart()
            check_all_once(trio, "q", sum(ids, []), [payload for part in range(3) for payload in payloads[part::3]])


def all_at_once_in_every_order():
    with Trio() as trio:
        for order in itertools.permutations(trio.daemons()):
            names = [daemon.name for daemon in order]
            payloads = numbered("-".join(names), 5)
            ids = trio.produce("q", payloads)
            for daemon in trio.daemons():
                daemon.kill()
            for daemon in order:
                daemon.launch()
            for daemon in order:
                daemon.await_listening()
            check_all_once(trio, "q", ids, payloads)


def finished_tasks_stay_finished():
    with Trio() as trio:
        ids = trio.produce("q", numbered("t", 20))
        trio.consume("q", 10, "--exec", "cat >/dev/null; echo result $BATON_TASK_ID")
        for _ in range(2):
            for daemon in trio.daemons():
                daemon.kill()
            for daemon in trio.daemons():
                daemon.start()
        states = [trio.rows("task", "show", task)[0]["state"] for task in ids]
        assert sorted(states) == ["done"] * 10 + ["ready"] * 10, states
        done = next(task for task, state in zip(ids, states) if state == "done")
        assert trio.baton("task", "result", done) == f"result {done}\n", "the result of a finished task"


def open_claims_survive(which):
    with Trio() as trio:
        task, = trio.produce("q", ["held"])
        worker = subprocess.Popen(
            trio.command("consume", "-q", "q", "-n", "1", "--exec", "sleep 3; cat", "-o", "jsonl"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            await_condition(lambda: trio.rows("task", "show", task)[0]["state"] == "claimed", 10, "the task is claimed")
            for daemon in which(trio):
                daemon.kill()
            for daemon in which(trio):
                daemon.start()
            out, err = worker.communicate(timeout=60)
        finally:
            worker.kill()
        assert worker.returncode == 0, f"exit {worker.returncode}: {err}"
        assert '"outcome":"done"' in out.replace(" ", ""), out
        shown = trio.rows("task", "show", task)[0]
        assert shown["state"] == "done" and shown["attempt"] in (0, 1), shown


def open_claims_survive_a_restart_of_the_center():
    open_claims_survive(lambda trio: [trio.center])


def open_claims_survive_a_restart_of_the_managers():
    open_claims_survive(lambda trio: trio.managers)


def open_claims_survive_a_restart_of_the_manager_that_they_came_through():
    open_claims_survive(lambda trio: trio.managers[:1])


def open_claims_survive_a_restart_of_everything():
    open_claims_survive(lambda trio: trio.daemons())


def open_claims_survive_a_restart_of_everything_managers_first():
    open_claims_survive(lambda trio: [*trio.managers, trio.center])


def produce_in_flight(which):
    """A producer that sends all the time while daemons die: every id once, every task once."""
    with Trio() as trio:
        payloads = numbered("flight", 3000)
        producer = subprocess.Popen(trio.command("produce", "-q", "q", "--timeout", "60s"), stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def feed():
            for start in range(0, len(payloads), 50):
                producer.stdin.write("".join(f"{payload}\n" for payload in payloads[start:start + 50]))
                producer.stdin.flush()
                time.sleep(0.02)
            producer.stdin.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        ids = []
        restarts = 0
        for line in producer.stdout:
            ids.append(line.strip())
            if len(ids) >= 700 * (restarts + 1) and restarts < 3:
                restarts += 1
                for daemon in which(trio):
                    daemon.kill()
                for daemon in which(trio):
                    daemon.start()
        assert restarts == 3, f"{len(ids)} ids, {restarts} restarts"
        feeder.join()
        assert producer.wait(60) == 0, producer.stderr.read()
        assert len(ids) == len(payloads) and len(set(ids)) == len(ids), f"{len(ids)} ids, {len(set(ids))} different"
        try:
            rows = trio.consume("q", len(ids), "-j", "64")
        except AssertionError as error:
            state = trio.baton("queue", "ls", code=None) + trio.baton("manager", "ls", code=None)
            raise AssertionError(f"not all came: {state}{error}") from error
        assert {row["id"]: row["payload"] for row in rows} == dict(zip(ids, payloads)), "each id names its payload"
        left = trio.baton("consume", "-q", "q", "-n", 1, "--wait", "1s", code=None)
        assert left == "", f"a task that nobody was told of: {left}"


def produce_in_flight_while_a_manager_dies():
    produce_in_flight(lambda trio: [trio.managers[0]])


def produce_in_flight_while_the_center_dies():
    produce_in_flight(lambda trio: [trio.center])


def produce_in_flight_while_everything_dies():
    produce_in_flight(lambda trio: trio.daemons())


def sigterm_ends_every_daemon_within_ten_seconds():
    with Trio() as trio:
        ids = trio.produce("q", numbered("t", 5))
        for daemon in reversed(trio.daemons()):
            began = time.monotonic()
            assert daemon.terminate() == 0, f"{daemon.name}: {daemon.said()[-500:]}"
            assert time.monotonic() - began < 10, daemon.name
        for daemon in trio.daemons():
            daemon.start()
        check_all_once(trio, "q", ids, numbered("t", 5))


def managers_start_without_a_center_and_find_it_later():
    with Trio() as trio:
        trio.center.kill()
        for manager in trio.managers:
            manager.restart()
        trio.baton("produce", "-q", "q", "--timeout", "1s", stdin="too early\n", code=5)
        trio.center.start()
        ids = trio.produce("q", ["now"])
        check_all_once(trio, "q", ids, ["now"])


def producing_goes_on_while_the_center_is_away():
    with Trio() as trio:
        trio.produce("q", ["warm-up"])
        trio.consume("q", 1)
        trio.center.kill()
        ids = trio.produce("new-queue", numbered("away", 100))
        trio.center.start()
        check_all_once(trio, "new-queue", ids, numbered("away", 100))


if __name__ == "__main__":
    run_cases([each_daemon_alone_with_a_backlog, all_at_once_in_every_order, finished_tasks_stay_finished,
               open_claims_survive_a_restart_of_the_center, open_claims_survive_a_restart_of_the_managers,
               open_claims_survive_a_restart_of_the_manager_that_they_came_through,
               open_claims_survive_a_restart_of_everything, open_claims_survive_a_restart_of_everything_managers_first,
               produce_in_flight_while_a_manager_dies, produce_in_flight_while_the_center_dies,
               produce_in_flight_while_everything_dies, sigterm_ends_every_daemon_within_ten_seconds,
               managers_start_without_a_center_and_find_it_later, producing_goes_on_while_the_center_is_away])
