"""The end of a run: everything is healed, everything confirmed must get done, and the history is judged."""
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from proto import broker_pb2 as broker
from rig.cluster import NoAnswer
from rig.record import Tail
from rig.told import Told

EVIDENCE_MAX = 64 << 20  # larger files are not kept


@dataclass
class Verdict:
    findings: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)


def await_finished(asker, queue, managers, seconds):
    """Whether no task of the queue waits or is claimed any more, within `seconds`."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            if asker.all_reported(managers):
                last = asker.queue(queue)
                if last and not (last.ready or last.delayed or last.claimed):
                    return True
        except NoAnswer as broken:
            last = broken
        time.sleep(0.1)
    print(f"not finished after {seconds} s: {last}", file=sys.stderr)
    return False


def judge(folder, asker, queue, drained):
    """Compares what clients were told in a whole run with what the healed cluster says."""
    verdict = Verdict()
    if not drained:
        verdict.findings.append("C8 not everything confirmed was finished")
    told = Told(folder)
    told.read()
    told.advance(time.monotonic_ns())
    for task in told.twice:
        verdict.findings.append(f"C3 task {task}: a completion was told twice")
    for task in told.open:
        row = asker.task(task)
        if row.state != broker.DONE or task not in told.asked:
            verdict.findings.append(f"C1 task {task} was confirmed, and is {broker.TaskState.Name(row.state)}")
    center = asker.center()
    if not len(told.acked) <= center.completions <= len(told.asked):
        verdict.findings.append(f"C1 {center.completions} completions, {len(told.acked)} told, {len(told.asked)} asked")
    for event in Tail(folder).events():
        verdict.counts[f"{event['action']}_{event['outcome']}"] += 1
        if event.get("right") is False:
            verdict.findings.append(f"C7 a wrong result: {event}")
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
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".log", ".jsonl", ".err") and path.is_file() and path.stat().st_size < EVIDENCE_MAX:
            target = where / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    print(f"logs and events: {where}", file=sys.stderr)
