"""What goes wrong when, drawn from a seed: periods with a random subset of fault kinds, a quarter of them quiet.

A pure function, so that a seed is a plan. A period prefers kinds that have not happened yet, then kinds that
have not been together yet: short runs meet every kind, long ones every pair.
"""
import itertools
import random
from dataclasses import dataclass

QUIET = 0.25
AT_ONCE_MAX = 4

# kind -> what it happens to
KINDS = {
    "kill": "daemon",              # kill -9; back after a while
    "pause": "daemon",             # SIGSTOP for 0.1 to 3 leases
    "partition": "link",           # nothing gets through
    "one_way": "link",             # nothing gets through in one direction
    "reset": "link",               # connections are reset
    "half_open": "link",           # one side forgets the connection, the other hears nothing of it
    "slow_link": "machine",        # what a machine sends goes out slowly
    "slow_disk": "daemon",         # every sync takes long
    "disk_full": "disk",           # too little room, or none at all
    "io_error": "daemon",          # a sync or a write fails
    "clock_jump": "daemon",        # its wall clock jumps by up to a day
    "clock_rate": "daemon",        # its clocks, also the monotonic one, run 10 % fast or slow
    "consumer_kill": "consumer",   # a consumer vanishes
    "consumer_pause": "consumer",  # a consumer sleeps, longer than its lease or not
    "producer_kill": "producer",   # a producer vanishes
}


@dataclass(frozen=True)
class Fault:
    kind: str
    target: str    # a machine's name
    other: str     # the other end of a link, or ""
    after: float   # seconds into the period
    lasts: float   # seconds
    amount: float  # 0 to 1: how bad


@dataclass(frozen=True)
class Period:
    at: float     # seconds into the run
    lasts: float
    faults: tuple


def pairs(kinds):
    return {frozenset(pair) for pair in itertools.combinations(sorted(kinds), 2)}


def make_plan(seed, seconds, kinds, daemons, consumers, producers, lease):
    """Periods that cover `seconds`, more if a kind would be left out. `lease` in seconds."""
    rng = random.Random(f"{seed}-plan")
    counts = dict.fromkeys(kinds, 0)
    missing = pairs(kinds)
    names = {"daemon": daemons, "disk": daemons, "consumer": consumers, "producer": producers,
             "machine": [*daemons, *consumers, *producers]}
    periods, at = [], 0.0
    while at < seconds or not all(counts.values()):
        quiet = bool(periods) and rng.random() < QUIET
        lasts = rng.uniform(1.5, 3) if quiet else rng.uniform(2.5, 5)
        chosen = [] if quiet else choose(rng, counts, missing)
        faults = []
        for kind in chosen:
            counts[kind] += 1
            faults.append(draw(rng, kind, names, daemons, lasts, lease))
        missing -= pairs(chosen)
        periods.append(Period(at, lasts, tuple(faults)))
        at += lasts
    return periods


def choose(rng, counts, missing):
    """Different kinds for one period: first one that is rare so far, then those that make most new pairs."""
    chosen = []
    for _ in range(min(len(counts), rng.randint(2, AT_ONCE_MAX))):
        left = [kind for kind in counts if kind not in chosen]

        def worth(kind):
            new = sum(frozenset((kind, other)) in missing for other in chosen)
            return counts[kind] > 0, -new, counts[kind], rng.random()

        chosen.append(min(left, key=worth))
    return chosen


def draw(rng, kind, names, daemons, lasts, lease):
    target, other = "", ""
    if KINDS[kind] == "link":
        # One end is a daemon; the other any machine, half of the time a daemon as well.
        target = rng.choice(daemons)
        others = [name for name in (daemons if rng.random() < 0.5 else names["machine"]) if name != target]
        other = rng.choice(others)
        if rng.random() < 0.5:
            target, other = other, target
    else:
        target = rng.choice(names[KINDS[kind]])
    after = rng.uniform(0, lasts * 0.3)
    longest = 3 * lease if kind in ("pause", "consumer_pause") else lasts - after
    return Fault(kind, target, other, after, rng.uniform(0.1 * lease, max(longest, 0.2 * lease)), rng.random())
