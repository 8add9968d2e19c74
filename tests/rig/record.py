"""What the clients of a run asked for and were told: one JSON line an event, a file a process.

An event is written by one system call when it happens, so that the lines of a process that was killed are
there. Times are CLOCK_MONOTONIC in nanoseconds, which all processes of a machine share; no client runs under
a clock that was tampered with.
"""
import json
import os
import threading
import time
from hashlib import blake2b
from itertools import count
from pathlib import Path


def content(payload):
    """64 bits of a payload."""
    return int.from_bytes(blake2b(payload, digest_size=8).digest(), "little")


class Recorder:
    """Appends to one file; any number of threads may."""

    def __init__(self, path, name):
        self.name = name
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._numbers = count(1)
        self._lock = threading.Lock()

    def _write(self, fields):
        fields["at"] = time.monotonic_ns()
        os.write(self._file, (json.dumps(fields, separators=(",", ":")) + "\n").encode())

    def invoke(self, action, process, **fields):
        """An operation begins; the name to end it with."""
        with self._lock:
            operation = f"{self.name}.{next(self._numbers)}"
        self._write({"action": action, "outcome": "invoke", "operation": operation, "process": process, **fields})
        return operation

    def end(self, action, operation, outcome, **fields):
        """outcome: ok; fail: had no effect and never will; unknown."""
        self._write({"action": action, "outcome": outcome, "operation": operation, **fields})

    def note(self, action, process, **fields):
        """A single event."""
        self._write({"action": action, "outcome": "ok", "process": process, **fields})


class Tail:
    """Reads the events that were written since the last time, of all files of a folder."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._read = {}

    def events(self):
        """The new ones; ordered within a file, and by time altogether."""
        found = []
        for path in sorted(self._folder.glob("*.jsonl")):
            with open(path, "rb") as file:
                file.seek(self._read.get(path, 0))
                data = file.read()
            whole = data[:data.rfind(b"\n") + 1]  # a line may be half written
            self._read[path] = self._read.get(path, 0) + len(whole)
            found += map(json.loads, whole.splitlines())
        found.sort(key=lambda event: event["at"])
        return found
