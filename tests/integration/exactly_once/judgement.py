"""What a run of exactly_once.py has shown, as functions of what was seen; judgement_test.py plants mistakes in it.

The ledger alone is no witness that a task was done: it keeps no row of most finished tasks, so that a task it
had lost would be shown as done, too. Therefore a completion that no consumer told of needs the task's result,
which only the command of a consumer can have made. (Results are kept for 24 h, and the newest 100,000 of a
queue: a run must stay below that.) And the ledger's own count of completions, which forgets nothing, must be
the number of different tasks that were completed.
"""
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field

SAMPLE = 25


def answer(payload, token):
    """What the command of every consumer prints, and so the result of its task."""
    return f"done {payload} {token}\n"


@dataclass
class Seen:
    """What producers and consumers were told. Every payload was sent once, and all are different."""
    confirmed: dict = field(default_factory=dict)  # id -> payload
    unknown: set = field(default_factory=set)  # payloads whose producer never learned what became of them
    ids_given_twice: int = 0
    accepted: dict = field(default_factory=lambda: defaultdict(list))  # id -> [(token, payload, result)]

    def confirm(self, task, payload):
        self.ids_given_twice += task in self.confirmed
        self.confirmed[task] = payload

    def accept(self, task, token, payload, result):
        self.accepted[task].append((str(token), payload, result))


@dataclass
class Verdict:
    lost: list = field(default_factory=list)
    duplicated: list = field(default_factory=list)
    wrong: list = field(default_factory=list)
    completed: int = 0

    def good(self):
        return not (self.lost or self.duplicated or self.wrong)


def judge(seen, show, counts):
    """show(task): the row of `task show`, or None. counts: {who says so: completions ever}."""
    verdict = Verdict()
    _judge_what_consumers_told(seen, verdict)
    _judge_ids(seen, verdict)
    proven = _judge_what_nobody_told(seen, show, verdict)
    _judge_sample(seen, show, verdict)
    verdict.completed = len(set(seen.accepted) | proven)
    _judge_counts(seen, proven, counts, verdict)
    return verdict


def _judge_what_consumers_told(seen, verdict):
    for task, completions in seen.accepted.items():
        if len(completions) > 1:
            verdict.duplicated.append(f"{task} was completed {len(completions)} times: {completions}")
        for token, payload, result in completions:
            if result != answer(payload, token) or seen.confirmed.get(task, payload) != payload:
                verdict.wrong.append(f"{task}, produced as {seen.confirmed.get(task)}: {token} {payload} {result!r}")


def _judge_ids(seen, verdict):
    """Produced once: a payload is one task, however often its produce was repeated."""
    ids = defaultdict(set)
    for task, payload in seen.confirmed.items():
        ids[payload].add(task)
    for task, completions in seen.accepted.items():
        for _, payload, _ in completions:
            ids[payload].add(task)
    verdict.duplicated += [f"{payload} became the tasks {sorted(tasks)}" for payload, tasks in ids.items() if len(tasks) > 1]


def _judge_what_nobody_told(seen, show, verdict):
    """The confirmed tasks that a killed consumer may have completed: those whose result proves it."""
    proven = set()
    for task, payload in seen.confirmed.items():
        if task in seen.accepted:
            continue
        shown = show(task)
        if shown and shown["state"] == "done" and shown.get("result") == answer(payload, shown["token"]):
            proven.add(task)
        else:
            verdict.lost.append(f"{task} {payload}: {shown}")
    return proven


def _judge_sample(seen, show, verdict):
    """The ledger keeps the one completion that counted: it must be the one that a consumer was told of."""
    for task in random.Random(1).sample(sorted(seen.accepted), min(SAMPLE, len(seen.accepted))):
        token, _, result = seen.accepted[task][0]
        shown = show(task)
        if not shown or (shown["state"], str(shown.get("token")), shown.get("result")) != ("done", token, result):
            verdict.duplicated.append(f"{task} was completed with {token}, but the ledger has {shown}")


def _judge_counts(seen, proven, counts, verdict):
    """A task that was completed a second time after its first consumer was killed shows only here."""
    told = Counter(payload for completions in seen.accepted.values() for _, payload, _ in completions)
    # A task that neither its producer nor its consumer lived to tell of may have been completed, or not.
    silent = len(seen.unknown - set(told) - set(seen.confirmed.values()))
    known = len(set(seen.accepted) | proven)
    for who, count in counts.items():
        if count > known + silent:
            verdict.duplicated.append(f"{count} completions by {who}, of {known} tasks (and at most {silent} unheard of)")
        elif count < known:
            verdict.lost.append(f"{count} completions by {who}, but {known} tasks were completed")
