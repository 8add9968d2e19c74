"""Turns the events of a run (record.py) into a history file that baton_judge reads (common/history/history_file.h).

Names become numbers. What a command consumer could not tell of a delivery, its payload, comes from the outcome,
or else from what the payload said that it is.
"""
import json
from itertools import count

# An operation that was refused because its claim is over had no effect. Any other refusal says less.
CLAIM_OVER = ("claim_superseded", "not_found")
CLAIM_OPERATIONS = ("ack", "nack", "release", "extend")
COPIED = ("task", "token", "attempt", "lease_ms", "number", "content", "state")


class Numbers:
    """A number from 1 for each name."""

    def __init__(self):
        self._numbers = {}
        self._next = count(1)

    def __call__(self, name):
        if name not in self._numbers:
            self._numbers[name] = next(self._next)
        return self._numbers[name]


def contents_of(events):
    """({(task, token): content told with an outcome}, {(producer, number): content produced})."""
    told, produced, acks = {}, {}, {}
    for event in events:
        if event["action"] == "produce" and event["outcome"] == "invoke":
            produced[event["producer"], event["number"]] = event["content"]
        elif event["action"] == "ack" and event["outcome"] == "invoke":
            acks[event["operation"]] = event["task"], event["token"]
        elif event["action"] == "ack" and "content" in event:
            told[acks[event["operation"]]] = event["content"]
    return told, produced


def outcome_of(event):
    if event["outcome"] == "fail" and event["action"] in CLAIM_OPERATIONS and event.get("code") not in CLAIM_OVER:
        return "unknown"
    return event["outcome"]


def lines(events):
    """The history, line by line; `events` in order of time."""
    yield json.dumps({"baton_history": 1})
    told, produced = contents_of(events)
    operations, processes, producers = Numbers(), Numbers(), Numbers()
    for event in events:
        line = {"at": event["at"], "action": event["action"]}
        if "process" in event:
            line["process"] = processes(event["process"])
        if event["action"] == "sample":
            yield json.dumps({**line, "what": event["what"], "value": event["value"], "cap": event["cap"]})
            continue
        if "operation" in event:
            line["operation"] = operations(event["operation"])
            line["outcome"] = outcome_of(event)
        if "producer" in event:
            line["producer"] = producers(event["producer"])
        ends = "operation" in event and event["outcome"] != "invoke"
        for field in COPIED:
            # The content that comes with an outcome is that of the delivery.
            if event.get(field) and not (ends and field == "content"):
                line[field] = event[field]
        if event["action"] == "delivery" and "content" not in event:
            item = event["producer"], event["number"]
            line["content"] = told.get((event["task"], event["token"]), produced.get(item, 0))
        yield json.dumps(line, separators=(",", ":"))


def write(events, path):
    with open(path, "w", encoding="utf-8") as file:
        for line in lines(events):
            file.write(line + "\n")
