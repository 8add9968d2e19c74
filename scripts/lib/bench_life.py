#!/usr/bin/python3
"""The full cycle with options beside the plain one; run by scripts/bench_life.sh. Prints one JSON line."""
import json
import statistics
import sys

from trio import Trio

ROUNDS = 3
CYCLES = {
    "plain": [],
    "order_keys_100000": ["--order-keys", "100000"],
    "fair_keys_1000": ["--fair-keys", "1000"],
    "idempotency_keys": ["--keys"],
}


def cycle(trio, seconds, flags):
    row, = trio.rows("bench", "cycle", "--duration", f"{seconds}s", *flags, timeout=3600)
    assert row["violations"] == 0 and row["lost"] == 0, row
    return row["tasks_per_second"]


def median_rates(trio, seconds, cycles):
    rates = {name: [] for name in cycles}
    for _ in range(ROUNDS):
        for name, flags in cycles.items():
            rates[name].append(cycle(trio, seconds, flags))
    return {name: round(statistics.median(some)) for name, some in rates.items()}


def main():
    seconds, delayed = int(sys.argv[1]), sys.argv[2]
    with Trio() as trio:
        rates = median_rates(trio, seconds, CYCLES)
        before = trio.rows("center", "status")[0]["memory_bytes"]
        filled, = trio.rows("bench", "backlog", "--tasks", delayed, "--delay", "10h", "--no-drain", timeout=3600)
        after = median_rates(trio, seconds, {"beside_delayed": []})
        print(json.dumps({
            "tasks_per_second": {**rates, **after}, "delayed": filled["confirmed"],
            "delayed_fill_per_second": filled["fill_per_second"],
            "ledger_bytes_per_delayed": round((filled["ledger_bytes"] - before) / filled["confirmed"], 1)}))


if __name__ == "__main__":
    main()
