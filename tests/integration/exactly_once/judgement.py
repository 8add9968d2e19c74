"""What a run of exactly_once.py has shown; judgement_test.py plants mistakes in it.

Nearly everything is judged by the checkers that judge the simulation, run by baton_judge on the run's history. Left
for here is what only a real ledger has: results and counts. The ledger alone is no witness that a task was done: it
keeps no row of most finished tasks, so that a task it had lost would be shown as done, too. Therefore a completion
that no consumer told of needs the task's result, which only the command of a consumer can have made. (Results are
kept for 24 h, and the newest 100,000 of a queue: a run must stay below that.) And the ledger's own count of
completions, which forgets nothing, must be the number of different tasks that were completed.
"""
import random
from collections import Counter
from dataclasses import dataclass, field

from baton_judge import run_baton_judge

SAMPLE = 25


def answer(payload, token):
    """What the command of every consumer prints, and so the result of its task."""
    return f"done {payload} {token}\n"


@dataclass
class Verdict:
    broken: list = field(default_factory=list)  # "C1 ...": what the checkers found; "R ...": results; "N ...": counts
    report: str = ""  # what baton_judge printed
    completed: int = 0

    def good(self):
        return not self.broken

    def count(self, *kinds):
        return sum(text.split()[0] in kinds for text in self.broken)


def judge(history, show, counts):
    """show(task): the row of `task show`, or None. counts: {who says so: completions ever}. Closes the history."""
    verdict = Verdict()
    proven = _look_at_tasks(history, show, verdict)
    _judge_results(history, verdict)
    verdict.completed = len(set(history.accepted) | proven)
    _judge_counts(history, proven, counts, verdict)
    history.close()
    judged = run_baton_judge(history.path, "--healed", "--max-attempts", "0")
    verdict.broken += judged.found
    verdict.report = judged.report
    return verdict


def _look_at_tasks(history, show, verdict):
    """Looks at all that nobody told of, and at some of the others. Those whose result proves that they were done."""
    proven = set()
    for task, payload in history.confirmed.items():
        if task in history.accepted:
            continue
        shown = history.look(task, show)
        if shown and shown["state"] == "done":
            if shown.get("result") == answer(payload, shown.get("token")):
                proven.add(task)
            else:
                verdict.broken.append(f"R {task} {payload} is done without the result of its command: {shown}")
    # The ledger keeps the one completion that counted: C5 compares its token with the one that a consumer was told.
    for task in random.Random(1).sample(sorted(history.accepted), min(SAMPLE, len(history.accepted))):
        shown = history.look(task, show)
        told = history.accepted[task][0][2]
        if shown and shown.get("result") != told:
            verdict.broken.append(f"R {task} was answered {told!r}, but the ledger has {shown}")
    return proven


def _judge_results(history, verdict):
    for task, completions in history.accepted.items():
        for token, payload, result in completions:
            if result != answer(payload, token):
                verdict.broken.append(f"R {task} {payload} with token {token} got the result {result!r}")


def _judge_counts(history, proven, counts, verdict):
    """A task that was completed a second time after its first consumer was killed shows only here."""
    told = Counter(payload for completions in history.accepted.values() for _, payload, _ in completions)
    # A task that neither its producer nor its consumer lived to tell of may have been completed, or not.
    silent = len(history.unknown - set(told) - set(history.confirmed.values()))
    known = len(set(history.accepted) | proven)
    for who, count in counts.items():
        if not known <= count <= known + silent:
            verdict.broken.append(f"N {count} completions by {who}, of {known} tasks (and at most {silent} unheard of)")
