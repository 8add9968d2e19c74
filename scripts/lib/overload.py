#!/usr/bin/python3
"""A herd that reconnects and a surge of tasks, on real daemons; run by scripts/overload.sh, which says more."""
import argparse
import json
import subprocess
import sys
import time

from trio import BIN, Trio

AWAY_SECONDS_MAX = 10     # of 99 in 100 consumers
RECOVERY_SECONDS_MAX = 10
GOOD_SHARE = 0.95         # completed of what comes
WINDOW_SECONDS = 3        # completions are counted over so long
BENCH = ("--producers", 4, "--consumers", 4, "--window", 1024)


def herd(options):
    """How long consumers are away from a manager that was killed."""
    with Trio(managers=1) as trio:
        command = [str(BIN / "herd"), trio.addresses(), str(options.consumers), "120"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout.readline() == "holding\n", "not every consumer got a task"
            manager = trio.managers[0]
            manager.kill()
            manager.launch()
            program.stdin.write("go\n")
            program.stdin.close()
            figures = json.loads(program.stdout.readline())
    figures["ok"] = (figures["back"] == figures["consumers"] and figures["claims_lost"] == 0
                     and figures["p99_seconds"] <= AWAY_SECONDS_MAX)
    return figures


def paced(trio, queue, rate, seconds):
    return subprocess.Popen(trio.command("bench", "paced", "-q", queue, "--rate", int(rate), "--duration", f"{seconds}s",
                                         *BENCH), stdout=subprocess.DEVNULL)


def completed(trio, queue):
    row = trio.queue(queue)
    return int(row["done"]) if row else 0


def rates(trio, queue, seconds):
    """(seconds since the beginning, completions a second over the window before), about twice a second."""
    began = time.monotonic()
    seen = [(0.0, completed(trio, queue))]
    while seen[-1][0] < seconds:
        time.sleep(0.5)
        now, done = time.monotonic() - began, completed(trio, queue)
        then, before = next((at, count) for at, count in seen if at >= now - WINDOW_SECONDS - 0.5)
        seen.append((now, done))
        if now >= WINDOW_SECONDS:
            yield now, (done - before) / (now - then)


def surge(options):
    """Goodput during an overload and after it."""
    with Trio() as trio:
        capacity = trio.rows("bench", "cycle", "--duration", "10s", *BENCH)[0]["tasks_per_second"]
        usual = 0.8 * capacity
        programs = []
        try:
            programs.append(paced(trio, "surge", 2 * capacity, options.seconds))
            during = [rate for _, rate in rates(trio, "surge", options.seconds)]
            programs.append(paced(trio, "usual", usual, 3 * RECOVERY_SECONDS_MAX))
            later = list(rates(trio, "usual", 2 * RECOVERY_SECONDS_MAX))
        finally:
            for program in programs:
                program.kill()
                program.wait()
    back = next((at for at, rate in later if rate >= GOOD_SHARE * usual), None)
    return {"capacity_per_second": round(capacity), "seconds": options.seconds,
            "completed_per_second_in_surge": round(sum(during) / len(during)), "usual_per_second": round(usual),
            "back_after_seconds": back and round(back, 1), "ok": back is not None and back <= RECOVERY_SECONDS_MAX}


def main():
    parser = argparse.ArgumentParser(prog="scripts/overload.sh")
    parser.add_argument("--consumers", type=int, default=5000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("parts", nargs="*", metavar="PART", help="herd or surge; both when none is named")
    options = parser.parse_args()
    parts = {"herd": herd, "surge": surge}
    if unknown := [name for name in options.parts if name not in parts]:
        parser.error(f"no part is called {unknown[0]}")
    ok = True
    for name in options.parts or parts:
        figures = parts[name](options)
        print(json.dumps({name: figures}), flush=True)
        ok = ok and figures["ok"]
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
