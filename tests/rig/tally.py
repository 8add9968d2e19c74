"""What went on while faults were at work. A window is (kind, from, to), in the time of events."""
import bisect
from collections import Counter


def operations_during(windows, events):
    """{kind: Counter of ok, fail, unknown}: operations that ended, or were never ended, while a kind was at work."""
    invoked, ends = {}, []
    for event in events:
        if "operation" not in event:
            continue
        if event["outcome"] == "invoke":
            invoked[event["operation"]] = event["at"]
        else:
            invoked.pop(event["operation"], None)
            ends.append((event["at"], event["outcome"]))
    ends += [(at, "unknown") for at in invoked.values()]
    ends.sort()
    times = [at for at, _ in ends]
    counts = {}
    for kind, began, ended in windows:
        counted = counts.setdefault(kind, Counter())
        counted.update(outcome for _, outcome in ends[bisect.bisect(times, began):bisect.bisect(times, ended)])
    return counts


def pairs_at_once(windows):
    """The pairs of kinds that were at work at the same time."""
    return {frozenset((a[0], b[0])) for a in windows for b in windows
            if a[0] != b[0] and a[1] < b[2] and b[1] < a[2]}
