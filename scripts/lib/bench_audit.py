#!/usr/bin/python3
"""Speed of baton audit verify and of a lookup in the archive; run by scripts/bench_audit.sh. Prints one JSON line."""
import json
import subprocess
import sys
import time

from trio import BIN, Trio

QUEUE = "audit"


def timed(trio, *arguments):
    began = time.monotonic()
    trio.baton(*arguments)
    return time.monotonic() - began


def main():
    seconds = int(sys.argv[1])
    with Trio() as trio:
        task, = trio.produce("first", ["x"])
        trio.consume("first", 1)
        worked = trio.rows("bench", "cycle", "--duration", f"{seconds}s", "-q", QUEUE, timeout=3600)[0]
        status = trio.rows("audit", "status")[0]
        assert status["violations"] == 0, status
        # What is above the price of a question that needs no file.
        shown = min(timed(trio, "task", "show", task) for _ in range(3))
        lookup = min(timed(trio, "task", "history", task) for _ in range(3))
        trio.center.terminate()
        done = subprocess.run([str(BIN / "baton"), "audit", "verify", "--data", str(trio.center.data), "-o", "json"],
                              capture_output=True, text=True, check=False)
        report = json.loads(done.stdout)
        assert report["ok"], report
        print(json.dumps({
            "tasks_per_second": worked["tasks_per_second"], "entries": report["entries"], "tasks": report["tasks"],
            "archive_bytes": status["archive_bytes"], "verify_seconds": round(report["seconds"], 2),
            "seconds_per_million_entries": round(report["seconds_per_million_entries"], 2),
            "seconds_per_million_tasks": round(report["seconds"] / report["tasks"] * 1e6, 2),
            "history_ms": round((lookup - shown) * 1000, 1)}))


if __name__ == "__main__":
    main()
