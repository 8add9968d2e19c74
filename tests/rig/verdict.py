"""The end of a run: everything is healed, everything confirmed must get done, and the history is judged."""
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from baton_judge import run_baton_judge
from proto import broker_pb2 as broker
from rig import histories
from rig.cluster import NoAnswer, all_reported
from rig.record import Recorder, Tail
from rig.told import Told

FINDINGS_MAX = 100       # of the judge
EVIDENCE_MAX = 64 << 20  # larger files are not kept
LOOKED_AT = 200          # of the tasks that somebody was told to have completed
STATES = {broker.READY: "waiting", broker.DELAYED: "waiting", broker.CLAIMED: "claimed", broker.DONE: "done",
          broker.DEAD: "dead", broker.QUARANTINED: "quarantined", broker.STATE_NONE: "not_found"}


@dataclass
class Verdict:
    findings: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    events: list = field(default_factory=list)  # the whole run, by time


def await_finished(asker, queue, managers, seconds):
    """Whether in the end no task of the queue waits or is claimed; `seconds` is how long nothing may get done."""
    deadline = time.monotonic() + seconds
    last, most = None, 0
    while time.monotonic() < deadline:
        try:
            if all_reported(asker, managers):
                last = asker.queue(queue)
                if last and not (last.ready or last.delayed or last.claimed):
                    return True
                if last and last.done > most:
                    most = last.done
                    deadline = time.monotonic() + seconds
        except NoAnswer as broken:
            last = broken
        time.sleep(0.1)
    print(f"nothing was finished for {seconds} s: {last}", file=sys.stderr)
    return False


def look_at_tasks(folder, told, asker):
    """Records the state of every task whose completion nobody told, and of some others."""
    record = Recorder(folder / "states.jsonl", "states")
    for task in [*told.open, *random.Random(1).sample(sorted(told.acked), min(LOOKED_AT, len(told.acked)))]:
        operation = record.invoke("state", "judge", task=task)
        row = asker.task(task)
        record.end("state", operation, "ok", task=task, state=STATES.get(row.state, "other"), token=row.token)


def judge(folder, asker, queue, drained):
    """What baton_judge says of the whole run, and what the ledger's own count of completions says."""
    verdict = Verdict()
    if not drained:
        verdict.findings.append("C8 not everything confirmed was finished")
    told = Told(folder)
    told.read()
    told.advance(time.monotonic_ns())
    look_at_tasks(folder, told, asker)
    center = asker.center()
    if not len(told.acked) <= center.completions <= len(told.asked):
        verdict.findings.append(f"C1 {center.completions} completions, {len(told.acked)} told, {len(told.asked)} asked for")
    verdict.events = Tail(folder).events()
    verdict.findings += [f"C7 a wrong result: {event}" for event in verdict.events if event.get("right") is False]
    history = folder.parent / "history.jsonl"
    histories.write(verdict.events, history)
    verdict.findings += run_baton_judge(history, "--healed").found[:FINDINGS_MAX]
    for event in verdict.events:
        if event["outcome"] != "invoke":
            verdict.counts[f"{event['action']}_{event['outcome']}"] += 1
    verdict.counts["events_checked"] = len(verdict.events)
    verdict.counts["confirmed"] = told.confirmed
    verdict.counts["completed"] = center.completions
    verdict.counts["superseded"] = center.superseded
    return verdict


def keep_evidence(folder, where, findings):
    """Copies logs and events out of the rig, where asked for or needed; says where they are."""
    if not findings and not where:
        return
    where = Path(where) if where else Path(tempfile.mkdtemp(prefix="baton-evidence-"))
    where.mkdir(parents=True, exist_ok=True)
    (where / "findings.txt").write_text("".join(f"{line}\n" for line in findings))
    for path in sorted(folder.rglob("*")):
        kept = path.suffix in (".jsonl", ".err", ".strace") or (path.suffix == ".log" and "data" not in path.parts)
        if kept and path.is_file() and path.stat().st_size < EVIDENCE_MAX:
            target = where / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    print(f"logs and events: {where}", file=sys.stderr)
