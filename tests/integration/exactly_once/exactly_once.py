#!/usr/bin/python3
"""Nothing twice, nothing lost, while daemons and consumers die.

A center and three managers as real processes. Producers push to any manager, consumers pull round-robin
and at random, and every few seconds a daemon gets kill -9 or a pause longer than the lease; consumers
die holding tasks, too. In the end everything that was confirmed must have been completed exactly once.

What is counted: a task is *produced* when `baton produce` printed its id; a completion is *accepted* when
`baton consume` said so. A consumer that was killed may have had a completion accepted that it could not
tell of: such a task must then be done in the ledger, with the token that nobody else completed with.

Prints a table and, last, one JSON line. Exit 1 if anything was lost or completed twice.
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio, await_condition  # noqa: E402  (the path must be set first)

QUEUE = "exactly-once"
LEASE_SECONDS = 3


class Producers:
    """Threads that run `baton produce` again and again, each time at another manager first."""

    def __init__(self, trio, count, rate, seed):
        self.trio = trio
        self.batch = max(1, rate // (2 * count))
        self.stop = threading.Event()
        self.confirmed = {}  # id -> payload
        self.repeated_ids = 0
        self.unknown = 0
        self.failed = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n, random.Random(f"{seed}-p{n}"))) for n in range(count)]

    def start(self):
        for thread in self._threads:
            thread.start()

    def finish(self):
        self.stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number, rng):
        serial = 0
        while not self.stop.is_set():
            payloads = [f"p{number}-{serial + i}" for i in range(self.batch)]
            serial += self.batch
            self._produce(payloads, rng.randrange(len(self.trio.managers)))
            self.stop.wait(0.5)

    def _produce(self, payloads, first):
        command = self.trio.command("produce", "-q", QUEUE, "-o", "jsonl", "--timeout", "60s",
                                    managers=self.trio.addresses(first))
        done = subprocess.run(command, input="\n".join(payloads) + "\n", capture_output=True, text=True, check=False)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        with self._lock:
            for payload, row in zip(payloads, rows):
                if row.get("id"):
                    self.repeated_ids += row["id"] in self.confirmed
                    self.confirmed[row["id"]] = payload
                elif row.get("unknown"):
                    self.unknown += 1
                else:
                    self.failed += 1
            self.unknown += len(payloads) - len(rows)


class Consumers:
    """`baton consume --exec` processes; each is replaced when it ends, some are killed on purpose."""

    # Slow now and then, so that there are claims to die with; the answer is told by the payload alone.
    WORK = 'read task; case "$BATON_TOKEN" in *7) sleep 0.3;; esac; echo "done $task $BATON_TOKEN"'

    def __init__(self, trio, count, seed):
        self.trio = trio
        self.rng = random.Random(f"{seed}-consumers")
        self.stop = threading.Event()
        self.accepted = defaultdict(list)  # id -> tokens whose completion was accepted
        self.wrong = []
        self.superseded = 0
        self.kills = 0
        self.pauses = 0
        self._lock = threading.Lock()
        self._processes = {}
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(count)]

    def start(self):
        for thread in self._threads:
            thread.start()

    def finish(self):
        self.stop.set()
        for process in list(self._processes.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for thread in self._threads:
            thread.join()

    def kill_one(self):
        """kill -9 to one consumer and to what it has started."""
        process = self._choose()
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            self.kills += 1

    def pause_one(self, stop):
        """A consumer sleeps through its lease and comes back: what it held is somebody else's by then."""
        process = self._choose()
        if process is not None:
            os.kill(process.pid, signal.SIGSTOP)
            self.pauses += 1
            stop.wait(LEASE_SECONDS * 2)
            os.kill(process.pid, signal.SIGCONT)

    def _choose(self):
        running = [process for process in self._processes.values() if process.poll() is None]
        return self.rng.choice(running) if running else None

    def _run(self, number):
        while not self.stop.is_set():
            command = self.trio.command(
                "consume", "-q", QUEUE, "-j", "4", "--lease", f"{LEASE_SECONDS}s", "--pick",
                ("round-robin", "random")[number % 2], "--exec", self.WORK, "-o", "jsonl",
                managers=self.trio.addresses(number % len(self.trio.managers)))
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       start_new_session=True)
            self._processes[number] = process
            errors = threading.Thread(target=self._read_errors, args=(process.stderr,))
            errors.start()
            for line in process.stdout:
                self._account(line)
            errors.join()
            process.wait()

    def _read_errors(self, stream):
        for line in stream:
            with self._lock:
                self.superseded += "superseded" in line

    def _account(self, line):
        try:
            row = json.loads(line)
        except ValueError:
            return  # cut off by kill -9 in the middle of a line
        if row.get("outcome") != "done":
            return
        with self._lock:
            self.accepted[row["id"]].append(row["token"])
            if row.get("result") != f"done {row['payload']} {row['token']}\n":
                self.wrong.append(row)


class Chaos(threading.Thread):
    """Every few seconds a daemon gets kill -9 or a pause longer than the lease, and comes back."""

    def __init__(self, trio, consumers, seed, period):
        super().__init__()
        self.trio = trio
        self.consumers = consumers
        self.rng = random.Random(f"{seed}-chaos")
        self.period = period
        self.stop = threading.Event()
        self.kills = 0
        self.pauses = 0
        self.failure = None

    def run(self):
        try:
            while not self.stop.wait(self.rng.uniform(0.5, 1.5) * self.period):
                self._strike()
        except Exception as error:  # told by the main thread; a daemon that does not come back is a finding
            self.failure = error

    def _strike(self):
        fate = self.rng.random()
        if fate < 0.25:
            self.consumers.kill_one()
        elif fate < 0.45:
            self.consumers.pause_one(self.stop)
        daemon = self.rng.choice(self.trio.daemons())
        if self.rng.random() < 0.35:
            daemon.pause()
            self.pauses += 1
            self.stop.wait(LEASE_SECONDS * self.rng.uniform(1.2, 1.8))
            daemon.resume()
        else:
            daemon.kill()
            self.kills += 1
            self.stop.wait(self.rng.uniform(0.0, 1.5))
            daemon.start()


def await_drained(trio, seconds):
    """Waits until no task of the queue waits or is claimed."""
    last = {}

    def drained():
        row = trio.baton("queue", "ls", "-o", "jsonl", code=None)
        rows = [json.loads(line) for line in row.splitlines()]
        mine = next((r for r in rows if r["name"] == QUEUE), None)
        last["row"] = mine
        return mine is not None and not any(int(mine[state]) for state in ("ready", "delayed", "claimed"))

    try:
        await_condition(drained, seconds, "the queue is empty")
        return True
    except AssertionError:
        print(f"not drained: {last.get('row')}", file=sys.stderr)
        return False


def judge(trio, producers, consumers):
    """(lost, completed, duplicated): by what consumers saw, and for the rest by what the ledger says."""
    duplicated = sum(len(tokens) > 1 for tokens in consumers.accepted.values())
    unseen = [task for task in producers.confirmed if task not in consumers.accepted]
    lost = []
    for task in unseen:
        shown = trio.rows("task", "show", task, code=None)
        if not shown or shown[0]["state"] != "done":
            lost.append((task, shown))
    for task, shown in lost[:5]:
        print(f"lost: {task} {producers.confirmed[task]} {shown}", file=sys.stderr)
    # The ledger keeps the one completion that counted: it must be the one that a consumer was told of.
    sample = random.Random(1).sample(sorted(consumers.accepted), min(25, len(consumers.accepted)))
    for task in sample:
        shown = trio.rows("task", "show", task)[0]
        if shown["state"] != "done" or str(shown["token"]) != str(consumers.accepted[task][0]):
            print(f"differs: {shown} completed with {consumers.accepted[task]}", file=sys.stderr)
            duplicated += 1
    return len(lost), len(consumers.accepted) + len(unseen) - len(lost), duplicated


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="how long faults go on (60)")
    parser.add_argument("--seed", type=int, default=None, help="of everything random (drawn and printed)")
    parser.add_argument("--producers", type=int, default=3)
    parser.add_argument("--consumers", type=int, default=4)
    parser.add_argument("--rate", type=int, default=200, help="tasks per second, about (200)")
    parser.add_argument("--period", type=float, default=3, help="seconds between two faults, about (3)")
    parser.add_argument("--heal-seconds", type=float, default=120, help="how long draining may take (120)")
    parser.add_argument("--keep", action="store_true", help="keep the data and the logs")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}", flush=True)

    began = time.monotonic()
    with Trio(keep=options.keep) as trio:
        producers = Producers(trio, options.producers, options.rate, seed)
        consumers = Consumers(trio, options.consumers, seed)
        chaos = Chaos(trio, consumers, seed, options.period)
        producers.start()
        consumers.start()
        chaos.start()
        while time.monotonic() - began < options.seconds and chaos.is_alive():
            time.sleep(0.2)
        chaos.stop.set()
        chaos.join()
        producers.finish()
        drained = chaos.failure is None and await_drained(trio, options.heal_seconds)
        consumers.finish()
        if chaos.failure is not None:
            raise chaos.failure
        lost, completed, duplicated = judge(trio, producers, consumers)

    result = {
        "produced": len(producers.confirmed), "completed": completed, "lost": lost,
        "duplicated_completions": duplicated, "superseded": consumers.superseded, "kills": chaos.kills,
        "pauses": chaos.pauses, "seconds": round(time.monotonic() - began, 1), "seed": seed,
        "consumer_kills": consumers.kills, "consumer_pauses": consumers.pauses,
        "unknown_produces": producers.unknown, "failed_produces": producers.failed,
        "ids_given_twice": producers.repeated_ids, "wrong_payloads": len(consumers.wrong),
        "completed_unconfirmed": len(set(consumers.accepted) - set(producers.confirmed)), "drained": drained,
    }
    width = max(map(len, result))
    for key, value in result.items():
        print(f"{key.replace('_', ' '):<{width}}  {value}")
    print(json.dumps(result), flush=True)
    good = drained and not lost and not duplicated and not producers.repeated_ids and not consumers.wrong
    worked = len(producers.confirmed) > 0 and chaos.kills + chaos.pauses > 0
    if good and not worked:
        print("error: nothing was produced or nothing was broken: this run proves nothing", file=sys.stderr)
    return 0 if good and worked else 1


if __name__ == "__main__":
    sys.exit(main())
