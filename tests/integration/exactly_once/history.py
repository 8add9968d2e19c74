"""History: writes what a run asked for and was told, for baton_judge (the format: common/history/history_file.h).

One writer for everything that the test program sees, so that lines stand in the order in which it saw them. What a
consumer was given it learns from the consumer's commands, which may be later than it was so; hence whoever has a
claim is taken to have asked for every end of it from the beginning, and was answered when it says so.
"""
import json
import threading
import time
import zlib


def content_of(payload):
    return zlib.crc32(payload.encode()) + 1  # 0 would mean that nobody knows


def item_of(payload):
    """(producer, number) of "p3-17"; (0, 0), an item that nobody produced, for anything else."""
    head, _, tail = payload.partition("-")
    if head[:1] != "p" or not head[1:].isdigit() or not tail.isdigit():
        return 0, 0
    return int(head[1:]) + 1, int(tail) + 1


class History:
    ENDS = ("ack", "nack", "release")

    def __init__(self, path):
        self.path = path
        self._file = open(path, "w", encoding="ascii")
        self._file.write('{"baton_history":1}\n')
        self._lock = threading.Lock()
        self._operations = 0
        self._claims = {}  # (task, token) -> {action: operation}
        self.confirmed = {}  # id -> payload
        self.unknown = set()  # payloads whose producer never learned what became of them
        self.accepted = {}  # id -> [(token, payload, result)]

    def close(self):
        self._file.close()

    # ---- producers ----

    def produce(self, payloads):
        """The operations, in order."""
        with self._lock:
            return [self._invoke("produce", process=item_of(payload)[0], **self._item(payload)) for payload in payloads]

    def confirm(self, operation, task, payload):
        with self._lock:
            self._end("produce", operation, "ok", task=int(task))
            self.confirmed.setdefault(task, payload)

    def produce_failed(self, operation):
        with self._lock:
            self._end("produce", operation, "fail")

    def produce_unknown(self, operation, payload):
        with self._lock:
            self._end("produce", operation, "unknown")
            self.unknown.add(payload)

    # ---- consumers ----

    def deliver(self, process, task, token, attempt, payload):
        """Of one claim any number of times: only the first counts."""
        with self._lock:
            self._deliver(process, task, token, attempt, payload)

    def outcome(self, process, row):
        """One line that `baton consume --exec -o jsonl` printed."""
        with self._lock:
            self._deliver(process, row["id"], row["token"], row["attempt"], row["payload"])
            operations = self._claims[(row["id"], str(row["token"]))]
            ended = {"done": "ack", "nacked": "nack", "released": "release"}.get(row["outcome"])
            for action in (ended, *self.ENDS):
                operation = operations.pop(action, None)
                if operation is None:
                    continue
                # Superseded, all ends are refused; else one was asked for, and of the others there is no word.
                self._end(action, operation, "ok" if action == ended else "unknown" if ended else "fail")
            if ended == "ack":
                self.accepted.setdefault(row["id"], []).append((str(row["token"]), row["payload"], row.get("result")))

    def _deliver(self, process, task, token, attempt, payload):
        key = (task, str(token))
        if key in self._claims:
            return
        about = {"process": process, "task": int(task), "token": int(token)}
        self._write("delivery", attempt=int(attempt), **about, **self._item(payload))
        self._claims[key] = {action: self._invoke(action, **about) for action in self.ENDS}

    # ---- looks and samples ----

    def look(self, task, show):
        """Asks show(task) for a row of `task show` and returns it."""
        with self._lock:
            operation = self._invoke("state", task=int(task))
        row = show(task)
        with self._lock:
            if row is None:
                self._end("state", operation, "unknown")
            else:
                state = {"ready": "waiting", "delayed": "waiting"}.get(row["state"], row["state"])
                known = state in ("not_found", "waiting", "claimed", "done", "dead", "quarantined")
                token = int(row.get("token") or 0) if state == "done" else 0
                self._end("state", operation, "ok", state=state if known else "other", token=token)
        return row

    def sample(self, process, what, value, cap):
        with self._lock:
            self._write("sample", process=process, what=what, value=value, cap=cap)

    # ---- lines ----

    @staticmethod
    def _item(payload):
        producer, number = item_of(payload)
        return {"producer": producer, "number": number, "content": content_of(payload)}

    def _invoke(self, action, **fields):
        self._operations += 1
        self._write(action, outcome="invoke", operation=self._operations, **fields)
        return self._operations

    def _end(self, action, operation, outcome, **fields):
        self._write(action, outcome=outcome, operation=operation, **fields)

    def _write(self, action, **fields):
        line = {"at": time.clock_gettime_ns(time.CLOCK_BOOTTIME), "action": action}
        line.update({key: value for key, value in fields.items() if value != 0})
        self._file.write(json.dumps(line) + "\n")
