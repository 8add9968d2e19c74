"""What clients had been told at an instant, kept up to date from their events, and what a cut must not take back."""
from dataclasses import dataclass, field

from rig.record import Tail, content


class Told:
    """Advances through the events in order of time; `read` collects, `advance` applies those before an instant."""

    def __init__(self, folder):
        self._tail = Tail(folder)
        self._later = []
        self._produces = {}     # operation -> content
        self.sent = {}          # content -> task, or None while no id was told
        self.open = {}          # confirmed, and no completion told: task -> content
        self.acked = {}         # completion told: task -> token
        self.asked = set()      # somebody asked to complete it
        self.confirmed = 0
        self.twice = []         # tasks of which two claims were told to have completed it
        self._acks = {}         # operation -> (task, token)

    def read(self):
        self._later += self._tail.events()
        self._later.sort(key=lambda event: event["at"])

    def advance(self, instant):
        """Applies what was told before `instant` (CLOCK_MONOTONIC, nanoseconds)."""
        count = 0
        for event in self._later:
            if event["at"] >= instant:
                break
            self._apply(event)
            count += 1
        del self._later[:count]

    def _apply(self, event):
        action, outcome = event["action"], event["outcome"]
        if action == "produce":
            if outcome == "invoke":
                self._produces[event["operation"]] = event["content"]
                self.sent[event["content"]] = None
            elif outcome == "ok":
                self._confirm(event["task"], self._produces.pop(event["operation"]))
        elif action == "ack":
            if outcome == "invoke":
                self._acks[event["operation"]] = event["task"], event["token"]
                self.asked.add(event["task"])
            elif outcome == "ok":
                self._complete(*self._acks.pop(event["operation"]))

    def _confirm(self, task, what):
        self.confirmed += 1
        self.sent[what] = task
        if task not in self.acked:
            self.open[task] = what

    def _complete(self, task, token):
        if self.acked.setdefault(task, token) != token:
            self.twice.append(task)
        self.open.pop(task, None)

    def asked_by_now(self):
        """Tasks that somebody has asked to complete, also after the instant."""
        later = {event["task"] for event in self._later if event["action"] == "ack" and event["outcome"] == "invoke"}
        return self.asked | later

    def sent_by_now(self):
        later = {event["content"]: None for event in self._later
                 if event["action"] == "produce" and event["outcome"] == "invoke"}
        return {**later, **self.sent}


@dataclass
class Found:
    """What a cluster that came back says that it has."""
    handed_out: dict = field(default_factory=dict)  # task -> payload
    listed: dict = field(default_factory=dict)      # task -> state: claimed, delayed, dead
    damaged: set = field(default_factory=set)       # quarantined
    completions: int = 0


def taken_back(told, found):
    """One line for each promise made before the instant (told.advance) that `found` does not keep."""
    lines = []
    waiting = set(found.handed_out) | set(found.listed) | found.damaged
    asked, sent = told.asked_by_now(), told.sent_by_now()
    for task in sorted(waiting.intersection(told.acked)):
        where = "handed out again" if task in found.handed_out else found.listed.get(task, "quarantined")
        lines.append(f"task {task} was completed, and is {where}")
    for task, what in told.open.items():
        if task in found.damaged:
            lines.append(f"task {task} was confirmed, and is quarantined")
        elif task not in waiting and task not in asked:
            lines.append(f"task {task} was confirmed, and is lost")
        elif task in found.handed_out and content(found.handed_out[task]) != what:
            lines.append(f"task {task} has another payload: {found.handed_out[task][:80]!r}")
    for task, payload in found.handed_out.items():
        what = content(payload)
        if what not in sent:
            lines.append(f"task {task} was never produced: {payload[:80]!r}")
        elif sent[what] not in (None, task):
            lines.append(f"one payload is the tasks {sent[what]} and {task}: {payload[:80]!r}")
    if found.completions < len(told.acked):
        lines.append(f"{len(told.acked)} completions were told, but the ledger has counted {found.completions}")
    if found.completions > len(asked):
        lines.append(f"the ledger has counted {found.completions} completions, but only {len(asked)} were asked for")
    return lines
