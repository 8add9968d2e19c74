#!/usr/bin/python3
"""baton task history and baton audit: what became of a task, and the proof of a real center's history."""
import json
import shutil
import signal
import struct
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)

HEADER_BYTES = 52  # center/storage/archive_segment.h
FOOTER_BYTES = 48
GRANTED, ACK = 2, 3  # causes


def history(trio, task):
    return trio.rows("task", "history", task)


def told(rows):
    return [(row["cause"], row["attempt"], row["uncertain"]) for row in rows]


def audit(folder, code=0):
    """The report of baton audit verify."""
    done = subprocess.run([str(BIN / "baton"), "audit", "verify", "--data", str(folder), "-o", "json"],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def a_task_tells_its_whole_life():
    with Trio(managers=2) as trio:
        task, = trio.produce("q", ["x"])
        nacked, = trio.consume("q", 1, "--exec", "exit 7", managers=trio.addresses(1))
        # The second attempt is cut off: its consumer stands still for longer than its lease.
        begun = trio.folder / "begun"
        slow = subprocess.Popen(
            trio.command("consume", "-q", "q", "-n", "1", "--lease", "3s", "--exec", f"touch {begun}; sleep 1000"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await_condition(begun.exists, 30, "the second attempt begins")
            slow.send_signal(signal.SIGSTOP)
            done, = trio.consume("q", 1, "--exec", "echo done")
        finally:
            slow.send_signal(signal.SIGCONT)
        slow.wait(60)

        rows = history(trio, task)
        changes = [row for row in rows if row["from"] is not None]
        assert told(changes) == [
            ("created", None, False), ("granted", 1, False), ("nack", 1, False), ("backoff_over", None, False),
            ("granted", 2, False), ("expired", 2, True), ("granted", 3, False), ("ack", 3, False)], rows
        assert [(row["from"], row["to"]) for row in changes] == [
            ("none", "ready"), ("ready", "claimed"), ("claimed", "delayed"), ("delayed", "ready"),
            ("ready", "claimed"), ("claimed", "ready"), ("ready", "claimed"), ("claimed", "done")], rows
        assert changes[0]["manager"] == "m1", rows
        assert changes[1]["manager"] == changes[2]["manager"] == "m2", rows
        assert changes[2]["reason"] == "exit code 7", rows
        assert changes[1]["consumer"], rows
        assert [row["token"] for row in changes] == [
            None, nacked["token"], nacked["token"], nacked["token"], changes[4]["token"], changes[4]["token"],
            done["token"], done["token"]], rows
        indexes = [row["index"] for row in rows]
        assert indexes == sorted(indexes), rows
        times = [row["time"] for row in rows]
        assert times == sorted(times), rows
        spent = time.time() - time.mktime(time.strptime(times[0][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone
        assert -5 < spent < 300, times
        # What is noted changes nothing: a late word of the second attempt.
        assert all(row["cause"] == "superseded" for row in rows if row["from"] is None), rows

        table = trio.baton("task", "history", task)
        assert table.splitlines()[0].split()[:3] == ["INDEX", "TIME", "CAUSE"], table
        trio.baton("task", "history", str(int(task) + 100), code=3)
        status, = trio.rows("audit", "status")
        assert (status["violations"], status["archive_first"], status["replayable"]) == (0, 1, True), status
        assert trio.rows("center", "status")[0]["audit_violations"] == 0

        # It is the same after a restart of the center, which replays its log.
        trio.center.restart()
        await_condition(lambda: trio.baton("center", "status", code=None), 60, "the center serves again")
        assert [row["index"] for row in history(trio, task)] == indexes
        report = audit(trio.center.data)
        assert report["ok"] and report["problem"] is None, report


def segments(folder):
    return sorted((folder / "archive").glob("segment-*"))


def records(data):
    """(place, content, hash) of every record of a finished segment."""
    at = HEADER_BYTES
    while at < len(data) - FOOTER_BYTES:
        length, = struct.unpack_from("<I", data, at)
        yield at, data[at + 4:at + 4 + length], data[at + 4 + length:at + 36 + length]
        at += 36 + length


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def forge(path, at, change):
    """Changes the content of the record of entry `at`, and makes every hash of the file fit again."""
    data = path.read_bytes()
    chain = data[16:48]
    out = data[:HEADER_BYTES]
    last = 0
    for _, content, _ in records(data):
        last, = struct.unpack_from("<Q", content)
        if last == at:
            content = change(bytearray(content))
        chain = sha256(chain + content).digest()
        out += struct.pack("<I", len(content)) + content + chain
    footer = struct.pack("<IQ", 0xffffffff, last) + chain
    path.write_bytes(out + footer + struct.pack("<I", crc32c(footer)))


def transitions_at(content):
    """Place and cause of every transition in a record of version 2."""
    entry_bytes, count, _ = struct.unpack_from("<III", content, 32)
    first = 44 + entry_bytes
    return [(first + 40 * i, content[first + 40 * i + 14]) for i in range(count)]


def find(path, cause):
    """The entries that have such a transition."""
    return [struct.unpack_from("<Q", content)[0] for _, content, _ in records(path.read_bytes())
            if any(found == cause for _, found in transitions_at(content))]


def a_real_history_is_proved_and_every_change_of_it_is_found():
    with Trio(managers=2, center_arguments=["--snapshot-log-bytes", "32KiB"]) as trio:
        for _ in range(12):
            trio.produce("q", [f"task {n}" for n in range(100)])
            trio.consume("q", 100)
        running = audit(trio.center.data)
        assert running["ok"] and running["completions"] > 0, running
        trio.center.kill()
        whole = audit(trio.center.data)
        assert whole["ok"] and whole["entries"] >= running["entries"], whole
        assert (whole["replayed"], whole["replayed_from"]) == (whole["entries"], 0), whole
        assert whole["segments"] > 1 and whole["uncertain"] == 0, whole

        def copy():
            shutil.rmtree(trio.folder / "copy", ignore_errors=True)
            shutil.copytree(trio.center.data, trio.folder / "copy")
            return trio.folder / "copy"

        # A flipped byte.
        folder = copy()
        path = segments(folder)[0]
        data = bytearray(path.read_bytes())
        place, content, _ = list(records(data))[10]
        data[place + 60] ^= 1
        path.write_bytes(data)
        report = audit(folder, 1)
        assert (report["problem_entry"], report["problem_file"]) == (
            struct.unpack_from("<Q", content)[0], str(path)), report

        # A transition that was edited in the newest finished segment, and every hash with it.
        folder = copy()
        path = [path for path in segments(folder) if path.read_bytes()[-48:-44] == b"\xff\xff\xff\xff"][-1]
        if segments(folder)[-1] != path:
            segments(folder)[-1].unlink()
        at = find(path, GRANTED)[0]

        def other_session(content):
            for place, cause in transitions_at(content):
                if cause == GRANTED:
                    content[place + 24] ^= 1
            return bytes(content)

        forge(path, at, other_session)
        report = audit(folder, 1)
        assert report["problem_entry"] == at and "the replay differs" in report["problem"], report

        # The same with a promise: an ack that becomes a release would let the task be completed twice.
        folder = copy()
        path = folder / path.relative_to(trio.folder / "copy")
        if segments(folder)[-1] != path:
            segments(folder)[-1].unlink()
        at = find(path, ACK)[0]

        def older_token(content):
            for place, cause in transitions_at(content):
                if cause == ACK:
                    content[place + 16] ^= 1
            return bytes(content)

        forge(path, at, older_token)
        report = audit(folder, 1)
        assert report["problem_entry"] == at and "a promise is broken" in report["problem"], report

        done = subprocess.run([str(BIN / "baton"), "audit", "verify", "--data", str(folder)], capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == 1 and f"entry {at}" in done.stdout, done.stdout
        assert subprocess.run([str(BIN / "baton"), "audit", "verify", "--data", str(trio.folder / "none")],
                              capture_output=True, timeout=60, check=False).returncode == 3


if __name__ == "__main__":
    run_cases([a_task_tells_its_whole_life, a_real_history_is_proved_and_every_change_of_it_is_found])
