"""Runs baton_judge, the checkers that judge the simulation, on the history of a run."""
import subprocess
from dataclasses import dataclass

from trio import BIN


@dataclass
class Judged:
    found: list  # violations and what was undecided, "C1 ..."; "J ..." where the program failed itself
    report: str  # all that it printed


def run_baton_judge(path, *flags):
    """`path`: a history file; `flags`: of the program, about the run."""
    done = subprocess.run([str(BIN / "baton_judge"), *flags, str(path)], capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line[:1] == "C" and line[1:2].isdigit()]
    if done.returncode != (1 if found else 0):
        found.append(f"J baton_judge ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return Judged(found, done.stdout + done.stderr)
