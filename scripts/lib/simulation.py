#!/usr/bin/python3
"""Runs baton_sim in several processes over seeds that they share, and sums up what they did.

Called by scripts/sim.sh, which has built the program. Each process runs a piece of the range and ends with one line of
JSON; the pieces are small, so that an interrupt loses little.
"""
import argparse
import collections
import json
import os
import signal
import subprocess
import sys
import threading
import time

PIECE_SECONDS = 5        # about how long a process should work at one piece
PIECE_FIRST = 4          # seeds of the first pieces, before it is known how long one takes
EXPECTED_FROM_RUNS = 1000  # in fewer runs, what is rare may well never happen


class Sum:
    """What all pieces did together."""

    def __init__(self):
        self.numbers = collections.Counter()
        self.sometimes = collections.Counter()
        self.never = None  # names that no piece has seen
        self.violations = 0
        self.began = time.monotonic()

    def add(self, piece):
        for name in ("runs", "bad_runs", "events", "operations", "crashes", "simulated_seconds"):
            self.numbers[name] += piece.get(name, 0)
        self.sometimes.update(piece.get("sometimes", {}))
        never = set(piece.get("never", ()))
        self.never = never if self.never is None else self.never & never

    def never_happened(self):
        return sorted(name for name in self.never or () if not self.sometimes[name])

    def print(self, jobs):
        seconds = time.monotonic() - self.began
        simulated = self.numbers["simulated_seconds"]
        hourly = 3600 / seconds
        width = max(map(len, self.sometimes), default=0)
        for name, times in sorted(self.sometimes.items()):
            print(f"  {name:{width}}  {times:>12,}")
        print(f"{self.numbers['runs']:,} runs, {self.numbers['bad_runs']:,} with violations; "
              f"{seconds:.1f} s in {jobs} processes")
        print(f"{simulated / 3600:,.2f} simulated hours, {simulated / seconds:,.0f} per machine-hour")
        print(f"{self.numbers['crashes']:,} crashes of daemons, {self.numbers['crashes'] * hourly:,.0f} per machine-hour")
        print(f"{self.numbers['operations']:,} operations checked, "
              f"{self.numbers['operations'] * hourly:,.0f} per machine-hour")
        for name in self.never_happened():
            print(f"never happened: {name}")
        print(json.dumps({**self.numbers, "wall_seconds": round(seconds, 3), "jobs": jobs,
                          "sometimes": dict(sorted(self.sometimes.items())), "never": self.never_happened()}))


class Seeds:
    """Hands out the range, piece by piece."""

    def __init__(self, first, last, until):
        self.lock = threading.Lock()
        self.next = first
        self.last = last
        self.until = until  # of the clock; None: until the range is done
        self.per_second = None

    def take(self):
        """The next piece, or None when there is none or the time is over."""
        with self.lock:
            left = self.last - self.next + 1
            if left <= 0 or (self.until is not None and time.monotonic() >= self.until):
                return None
            size = PIECE_FIRST if self.per_second is None else max(1, int(self.per_second * PIECE_SECONDS))
            first = self.next
            self.next += min(size, left)
            return first, self.next - 1

    def done(self, count, seconds):
        with self.lock:
            self.per_second = count / max(seconds, 0.001)


class Campaign:
    """Processes that work through the seeds until they are done or somebody interrupts."""

    def __init__(self, program, seeds, jobs):
        self.program = program
        self.seeds = seeds
        self.jobs = jobs
        self.sum = Sum()
        self.lock = threading.Lock()
        self.children = set()
        self.interrupted = threading.Event()

    def run(self):
        threads = [threading.Thread(target=self.work) for _ in range(self.jobs)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            with self.lock:
                self.interrupted.set()
                for child in self.children:
                    child.kill()
            for thread in threads:
                thread.join()

    def work(self):
        while not self.interrupted.is_set() and (piece := self.seeds.take()):
            first, last = piece
            began = time.monotonic()
            if not self.run_piece(first, last):
                for seed in range(first, last + 1):  # which of them was it?
                    self.run_piece(seed, seed)
            self.seeds.done(last - first + 1, time.monotonic() - began)

    def run_piece(self, first, last):
        """False when the program broke down in the middle of several seeds: nothing is counted then."""
        with self.lock:
            if self.interrupted.is_set():
                return True
            child = subprocess.Popen([self.program, "--seeds", f"{first}..{last}", "--json"], stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True)
            self.children.add(child)
        out, err = child.communicate()
        with self.lock:
            self.children.discard(child)
            lines = out.splitlines()
            if lines and lines[-1].startswith("{"):
                self.sum.add(json.loads(lines.pop()))
            elif self.interrupted.is_set():
                return True  # killed by us
            elif first != last:
                return False
            else:
                said = err.strip().splitlines() or ["no words"]
                lines.append(f"seed {first}: ended by {describe(child.returncode)}: {said[-1]}")
                self.sum.add({"runs": 1, "bad_runs": 1})
            for line in lines:
                if line.startswith("seed "):
                    self.sum.violations += 1
                    print(line, flush=True)
        return True


def describe(status):
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def seed_range(text):
    first, dots, last = text.partition("..")
    if not dots or not first.isdigit() or not last.isdigit() or int(first) > int(last):
        raise argparse.ArgumentTypeError("A..B with A <= B")
    return int(first), int(last)


def main():
    parser = argparse.ArgumentParser(prog="scripts/sim.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seeds", type=seed_range, help="A..B, both included")
    parser.add_argument("--seed", type=int, help="the first seed; without --seconds, the only one")
    parser.add_argument("--seconds", type=float, help="go on with the next seed for this long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--trace", action="store_true", help="of one seed: every line of its trace")
    options = parser.parse_args()
    if options.seeds and options.seed is not None:
        parser.error("--seeds and --seed do not go together")
    if options.seed is not None and options.seconds is None:
        os.execv(options.program, [options.program, "--seed", str(options.seed), *(["--trace"] if options.trace else [])])
    if options.trace:
        parser.error("--trace goes with one --seed")

    if options.seeds:
        first, last = options.seeds
    else:
        first, last = options.seed if options.seed is not None else int(time.time()), 1 << 62
        print(f"first seed {first}", flush=True)
        if options.seconds is None:
            parser.error("one of --seconds, --seeds and --seed is needed")
    until = None if options.seconds is None else time.monotonic() + options.seconds
    campaign = Campaign(options.program, Seeds(first, last, until), options.jobs)
    campaign.run()
    campaign.sum.print(options.jobs)
    rare = campaign.sum.never_happened() if campaign.sum.numbers["runs"] >= EXPECTED_FROM_RUNS else []
    if campaign.sum.numbers["bad_runs"] or rare:
        return 1
    return 130 if campaign.interrupted.is_set() else 0


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    sys.exit(main())
