#!/usr/bin/python3
"""Nothing twice, nothing lost, while daemons and consumers die.

A center and three managers as real processes. Producers push to any manager, consumers pull round-robin
and at random, and every few seconds a daemon gets kill -9 or a pause longer than the lease; consumers
die holding tasks, too. In the end everything that was confirmed must have been completed exactly once.

Everything that producers and consumers were told goes into a history (history.py), which the checkers of the
simulation judge in the end (baton_judge); judgement.py adds what only a real ledger has, results and counts. What
each daemon uses of memory, files and disk is sampled and judged, too.

Prints a table and, last, one JSON line. Exit 1 if anything was lost, or completed or produced twice.
"""
import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]
from history import History  # noqa: E402  (the path must be set first)
from judgement import judge  # noqa: E402
from trio import Trio, await_condition  # noqa: E402

QUEUE = "exactly-once"
LEASE_SECONDS = 3
# The judge asks for results, and the ledger keeps those of the last 100,000 tasks of a queue.
TASKS_MAX = 90_000
RATE = 200
MIB = 1 << 20
# Several times what sanitized daemons need for all tasks that a run may have.
CAPS = {"resident_bytes": 256 * MIB, "open_files": 256, "disk_bytes": 512 * MIB}
DAEMONS_FROM = 1  # process numbers in the history; a consumer's lives have numbers of their own
CONSUMERS_FROM = 100


class Producers:
    """Threads that run `baton produce` again and again, each time at another manager first."""

    def __init__(self, trio, history, count, rate, seed):
        self.trio = trio
        self.history = history
        self.batch = max(1, int(rate / (2 * count)))
        self.pause = self.batch * count / rate
        self.stop = threading.Event()
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
            self.stop.wait(self.pause)

    def _produce(self, payloads, first):
        command = self.trio.command("produce", "-q", QUEUE, "-o", "jsonl", "--timeout", "60s",
                                    managers=self.trio.addresses(first))
        operations = self.history.produce(payloads)
        done = subprocess.run(command, input="\n".join(payloads) + "\n", capture_output=True, text=True, check=False)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        for payload, operation, row in zip(payloads, operations, rows):
            if row.get("id"):
                self.history.confirm(operation, row["id"], payload)
            elif row.get("unknown"):
                self.history.produce_unknown(operation, payload)
            else:
                self.history.produce_failed(operation)
                with self._lock:
                    self.failed += 1
        for payload, operation in list(zip(payloads, operations))[len(rows):]:
            self.history.produce_unknown(operation, payload)


class Consumers:
    """`baton consume --exec` processes; each is replaced when it ends, some are killed on purpose."""

    # Says first what it was given, so that it is known also of consumers that die. Slow now and then, so that
    # there are claims to die with; prints what judgement.answer() says.
    WORK = ('read task; echo "$LIFE $BATON_TASK_ID $BATON_TOKEN $BATON_ATTEMPT $task" >> "$DELIVERIES"; '
            'case "$BATON_TOKEN" in *7) sleep 0.3;; esac; echo "done $task $BATON_TOKEN"')

    def __init__(self, trio, history, count, seed):
        self.trio = trio
        self.history = history
        self.rng = random.Random(f"{seed}-consumers")
        self.stop = threading.Event()
        self.superseded = 0
        self.kills = 0
        self.pauses = 0
        self.deliveries = Path(trio.folder) / "deliveries"
        self._lives = itertools.count(CONSUMERS_FROM)
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
        if self.deliveries.exists():
            for line in self.deliveries.read_text().splitlines():
                life, task, token, attempt, payload = line.split(" ", 4)
                self.history.deliver(int(life), task, token, attempt, payload)

    def kill_one(self):
        """kill -9 to one consumer; its commands, in process groups of their own, run on and nobody hears them."""
        process = self._choose()
        if process is not None:
            process.kill()
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
            with self._lock:
                life = next(self._lives)
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       start_new_session=True,
                                       env={**os.environ, "LIFE": str(life), "DELIVERIES": str(self.deliveries)})
            self._processes[number] = process
            errors = threading.Thread(target=self._read_errors, args=(process.stderr,))
            errors.start()
            for line in process.stdout:
                self._account(life, line)
            errors.join()
            process.wait()

    def _read_errors(self, stream):
        for line in stream:
            with self._lock:
                self.superseded += "superseded" in line

    def _account(self, life, line):
        try:
            row = json.loads(line)
        except ValueError:
            return  # cut off by kill -9 in the middle of a line
        if row.get("outcome"):
            self.history.outcome(life, row)


class Sampler(threading.Thread):
    """Once a second: what each running daemon uses."""

    def __init__(self, trio, history):
        super().__init__()
        self.trio = trio
        self.history = history
        self.stop = threading.Event()

    def run(self):
        while not self.stop.wait(1):
            for number, daemon in enumerate(self.trio.daemons(), DAEMONS_FROM):
                try:
                    self._sample(number, daemon)
                except (OSError, IndexError, ValueError):
                    pass  # it died, or a file went, while we looked

    def _sample(self, number, daemon):
        process = Path("/proc") / str(daemon.process.pid)
        pages = int((process / "statm").read_text().split()[1])
        use = {"resident_bytes": pages * os.sysconf("SC_PAGE_SIZE"), "open_files": len(list((process / "fd").iterdir())),
               "disk_bytes": sum(file.stat().st_blocks * 512 for file in daemon.data.rglob("*"))}
        for what, value in use.items():
            self.history.sample(number, f"{daemon.name} {what}", value, CAPS[what])


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


def queue_row(trio):
    """The row of `queue ls`, or None while nobody can answer."""
    rows = [json.loads(line) for line in trio.baton("queue", "ls", "-o", "jsonl", code=None).splitlines()]
    return next((row for row in rows if row["name"] == QUEUE), None)


def all_reported(trio):
    """Whether the ledger knows of everything that the managers have."""
    rows = [json.loads(line) for line in trio.baton("manager", "ls", "-o", "jsonl", code=None).splitlines()]
    return len(rows) == len(trio.managers) and all(row["state"] == "up" and int(row["lag"]) == 0 for row in rows)


def await_drained(trio, seconds):
    """Waits until no task of the queue waits or is claimed."""
    last = {}

    def drained():
        if not all_reported(trio):
            return False
        last["row"] = row = queue_row(trio)
        return row is not None and not any(int(row[state]) for state in ("ready", "delayed", "claimed"))

    try:
        await_condition(drained, seconds, "the queue is empty")
        return True
    except AssertionError:
        print(f"not drained: {last.get('row')}", file=sys.stderr)
        return False


def judge_run(trio, history):
    def show(task):
        return next(iter(trio.rows("task", "show", task, code=None)), None)

    counts = {"center status": int(trio.rows("center", "status")[0]["completions"]), "queue ls": int(queue_row(trio)["done"])}
    verdict = judge(history, show, counts)
    for text in verdict.broken[:20]:
        print(text, file=sys.stderr)
    print(verdict.report)
    return verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="how long faults go on (60)")
    parser.add_argument("--seed", type=int, default=None, help="of everything random (drawn and printed)")
    parser.add_argument("--producers", type=int, default=3)
    parser.add_argument("--consumers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=None,
                        help=f"tasks per second, about ({RATE}, or what makes {TASKS_MAX:,} in --seconds)")
    parser.add_argument("--period", type=float, default=3, help="seconds between two faults, about (3)")
    parser.add_argument("--heal-seconds", type=float, default=120, help="how long draining may take (120)")
    parser.add_argument("--keep", action="store_true", help="keep the data and the logs")
    options = parser.parse_args()
    rate = options.rate or min(RATE, TASKS_MAX / options.seconds)
    if rate * options.seconds > TASKS_MAX:
        parser.error(f"more than {TASKS_MAX:,} tasks cannot be judged: the ledger keeps no more results; lower --rate")
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}", flush=True)

    began = time.monotonic()
    with Trio(keep=options.keep) as trio:
        history = History(Path(trio.folder) / "history.jsonl")
        producers = Producers(trio, history, options.producers, rate, seed)
        consumers = Consumers(trio, history, options.consumers, seed)
        chaos = Chaos(trio, consumers, seed, options.period)
        sampler = Sampler(trio, history)
        producers.start()
        consumers.start()
        chaos.start()
        sampler.start()
        while time.monotonic() - began < options.seconds and chaos.is_alive():
            time.sleep(0.2)
        chaos.stop.set()
        chaos.join()
        producers.finish()
        drained = chaos.failure is None and await_drained(trio, options.heal_seconds)
        consumers.finish()
        sampler.stop.set()
        sampler.join()
        if chaos.failure is not None:
            raise chaos.failure
        verdict = judge_run(trio, history)

    result = {
        "produced": len(history.confirmed), "completed": verdict.completed, "lost": verdict.count("C1", "C8"),
        "duplicated_completions": verdict.count("C3", "C5", "C6", "N"), "superseded": consumers.superseded,
        "kills": chaos.kills, "pauses": chaos.pauses, "seconds": round(time.monotonic() - began, 1), "seed": seed,
        "consumer_kills": consumers.kills, "consumer_pauses": consumers.pauses,
        "unknown_produces": len(history.unknown), "failed_produces": producers.failed,
        "wrong_payloads": verdict.count("C7", "R"), "broken_promises": len(verdict.broken),
        "completed_unconfirmed": len(set(history.accepted) - set(history.confirmed)), "drained": drained,
    }
    width = max(map(len, result))
    for key, value in result.items():
        print(f"{key.replace('_', ' '):<{width}}  {value}")
    print(json.dumps(result), flush=True)
    good = drained and verdict.good()
    worked = len(history.confirmed) > 0 and chaos.kills + chaos.pauses > 0
    if good and not worked:
        print("error: nothing was produced or nothing was broken: this run proves nothing", file=sys.stderr)
    return 0 if good and worked else 1


if __name__ == "__main__":
    sys.exit(main())
