#!/usr/bin/python3
"""Restart time of a whole cluster with a backlog; run by scripts/bench_restart.sh. Prints one JSON line."""
import json
import subprocess
import sys
import time

from trio import Trio, await_condition

QUEUE = "restart"


def main():
    tasks = int(sys.argv[1])
    with Trio() as trio:
        filled = trio.rows("bench", "backlog", "--no-drain", "--tasks", tasks, "-q", QUEUE, timeout=3600)[0]
        await_condition(lambda: int(trio.queue(QUEUE)["ready"]) == filled["confirmed"], 60, "the ledger knows all tasks")
        for daemon in trio.daemons():
            daemon.kill()

        began = time.monotonic()
        for daemon in trio.daemons():
            daemon.launch()
        # Started with the daemons: it finds them as soon as they are there.
        consumer = subprocess.Popen(trio.command("consume", "-q", QUEUE, "-n", 1, "--wait", "300s", "-o", "jsonl"),
                                    stdout=subprocess.PIPE)
        consumer.stdout.readline()
        first_task = time.monotonic() - began
        consumer.communicate()
        for daemon in trio.daemons():
            daemon.await_listening()
        await_condition(lambda: sum(row["state"] == "up" for row in trio.rows("manager", "ls")) == len(trio.managers),
                        60, "every manager is up")
        for manager in trio.managers:
            trio.baton("produce", "-q", "after", stdin="x\n", managers=manager.address)
        print(json.dumps({"waiting": filled["confirmed"], "first_task_seconds": round(first_task, 3),
                          "all_serve_seconds": round(time.monotonic() - began, 3)}))


if __name__ == "__main__":
    main()
