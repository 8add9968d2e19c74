#!/usr/bin/python3
"""Checks the models of docs/models with spin: every configuration that must hold, every mistake that must be found.

docs/models/checks.txt lists them, one a line: model, size, what is expected, flags for spin. Expected is `holds` or
the promise whose assertion a planted mistake violates. Exit 1 when anything is not as expected, 77 when spin or a C
compiler is missing.
"""

import argparse
import concurrent.futures
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "docs", "models")
SIZES = ("quick", "normal", "full")
DEPTH = 1_000_000
MEMORY_MB = {"quick": 500, "normal": 3000, "full": 9000}
SECONDS = {"quick": 120, "normal": 600, "full": 3600}


@dataclass
class Check:
    model: str
    size: str
    expected: str
    flags: list


@dataclass
class Result:
    check: Check
    got: str = ""
    states: int = 0
    seconds: float = 0.0
    detail: str = ""

    def as_expected(self):
        return self.got == self.check.expected


def read_checks():
    checks = []
    with open(os.path.join(MODELS, "checks.txt"), encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) < 3 or words[1] not in SIZES:
                sys.exit(f"checks.txt:{number}: not `model size expected [flags]`")
            checks.append(Check(words[0], words[1], words[2], words[3:]))
    return checks


def compiler():
    return shutil.which("gcc") or shutil.which("cc")


def run(command, folder, seconds):
    return subprocess.run(command, cwd=folder, timeout=seconds, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)


def judge(output, result):
    """What a verifier's output says; anything but a finished search or a named assertion is told as it is."""
    states = re.search(r"^\s*(\d+) states, stored", output, re.M)
    result.states = int(states.group(1)) if states else 0
    violated = re.search(r"assertion violated (.*) \(at depth", output)
    errors = re.search(r"errors: (\d+)", output)
    if violated:
        names = re.findall(r"\b[IR]\d+_[A-Z_]+\b", violated.group(1))
        result.got = names[-1] if names else "unnamed assertion"
        result.detail = violated.group(1)
    elif not errors or re.search(r"Search not completed|depth too small|out of memory|truncated", output):
        result.got = "incomplete"
        result.detail = " ".join(re.findall(r"^(?:pan:|error:).*", output, re.M)[:3])
    elif errors.group(1) == "0":
        result.got = "holds"
    else:
        result.got = "error"
        result.detail = " ".join(re.findall(r"^pan:.*", output, re.M)[:1])


def verify(check):
    result = Result(check)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="baton-model-") as folder:
        for name in os.listdir(MODELS):
            if name.endswith(".pml"):
                shutil.copy(os.path.join(MODELS, name), folder)
        try:
            limit = SECONDS[check.size]
            made = run(["spin", "-a", *check.flags, f"{check.model}.pml"], folder, limit)
            if made.returncode == 0 and not re.search(r"Error", made.stdout):
                # To optimise a verifier takes up to a minute, longer than most searches.
                optimise = "-O2" if check.size == "full" else "-O0"
                made = run([compiler(), optimise, "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048", "-DNOFAIR",
                            f"-DMEMLIM={MEMORY_MB[check.size]}", "-o", "pan", "pan.c"], folder, limit)
            if made.returncode != 0:
                result.got, result.detail = "not built", made.stdout.strip()[:400]
            else:
                judge(run(["./pan", f"-m{DEPTH}"], folder, limit).stdout, result)
        except subprocess.TimeoutExpired:
            result.got = "timeout"
    result.seconds = time.monotonic() - began
    return result


def show(result):
    mark = "" if result.as_expected() else "   UNEXPECTED"
    check = result.check
    print(f"{check.model:<11} {' '.join(check.flags):<58} {check.expected:<34} "
          f"{'as expected' if result.as_expected() else result.got:<12} {result.states:>11,} {result.seconds:>7.1f}{mark}")
    if mark and result.detail:
        print(f"            {result.detail}")
    sys.stdout.flush()


def chosen(arguments):
    sizes = SIZES[:1] if arguments.quick else SIZES if arguments.full else SIZES[:2]
    checks = [c for c in read_checks() if c.size in sizes and arguments.model in ("", c.model)]
    if not checks:
        sys.exit(f"error: no model is called '{arguments.model}'")
    return checks


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="", help="only this one")
    parser.add_argument("--quick", action="store_true", help="only what is quick")
    parser.add_argument("--full", action="store_true", help="also what needs minutes and gigabytes")
    arguments = parser.parse_args()
    missing = [] if shutil.which("spin") else ["spin"]
    missing += [] if compiler() else ["gcc"]
    if missing:
        print(f"models are not checked: {' and '.join(missing)} not installed (Debian: {' '.join(missing)})")
        return 77

    checks = chosen(arguments)
    began = time.monotonic()
    print(f"{'model':<11} {'configuration':<58} {'expected':<34} {'got':<12} {'states':>11} {'seconds':>7}")
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = []
        for result in pool.map(verify, checks):
            show(result)
            results.append(result)
    wrong = sum(not result.as_expected() for result in results)
    states = sum(result.states for result in results)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{len(results)} checks, {wrong} unexpected, {states:,} states, {time.monotonic() - began:.0f} s, "
          f"{used.ru_utime + used.ru_stime:.0f} s of CPU")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
