#!/usr/bin/python3
"""baton fsck on directories that real daemons made: what it says, its exit codes, and that it changes nothing."""
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(*arguments):
    """(exit code, stdout, stderr) of baton fsck."""
    done = subprocess.run([str(BIN / "baton"), "fsck", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def fsck(folder, *arguments):
    """The same of a stopped daemon's directory; fails when anything in it has changed."""
    before = contents(folder) if folder.is_dir() else None
    outcome = run("--data", folder, *arguments)
    if before is not None:
        assert contents(folder) == before, "fsck changed something"
    return outcome


def rows(folder, code):
    exit_code, out, err = fsck(folder, "-o", "jsonl")
    assert exit_code == code, (exit_code, out, err)
    found = [json.loads(line) for line in out.splitlines()]
    assert found[-1]["found"] == "verdict" and found[-1]["clean"] == (code == 0), found[-1]
    return found


def of_kind(found, kind):
    return [row for row in found if row["found"] == kind]


def one_damage(folder, text):
    """fsck finds damage, and one finding has the text in its file or in its sentence."""
    found = of_kind(rows(folder, 1), "damage")
    assert any(text in f"{row['file']} {row['what']}" for row in found), (text, found)
    code, out, _ = fsck(folder)
    assert code == 1 and "damage: " in out and out.rstrip().endswith(("problem", "problems")), out
    assert all(row["advice"] for row in found), found


class Fixture:
    """A trio of one manager whose tasks are in tables and in a log, stopped; copies of its directories."""

    def __enter__(self):
        self.trio = Trio(managers=1).__enter__()
        manager = self.trio.managers[0]
        self.trio.produce("q", [f"task {n} " + "x" * 300 for n in range(200)])
        self.trio.consume("q", 20)
        manager.restart()
        self.trio.center.restart()
        self.trio.produce("q", [f"more {n}" for n in range(50)])
        await_condition(lambda: (self.trio.queue("q") or {}).get("ready") == 230, 30, "the ledger knows all tasks")
        for daemon in self.trio.daemons():
            daemon.kill()
        self.manager, self.center = manager.data, self.trio.center.data
        return self

    def __exit__(self, *error):
        return self.trio.__exit__(*error)

    def copy(self, folder):
        target = self.trio.folder / "damaged"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        return target


def flip(path, byte):
    data = bytearray(path.read_bytes())
    data[byte] ^= 1
    path.write_bytes(data)


def only(folder, pattern):
    found = sorted(folder.rglob(pattern))
    assert found, f"no {pattern} in {contents(folder).keys()}"
    return found[-1]


def directories_that_were_killed_are_clean_and_tell_what_was_acknowledged():
    shard, = of_kind(rows(FIXTURE.manager, 0), "shard")
    assert (shard["durable_end"], shard["tasks"], shard["lost"]) == ("251", 250, 0), shard
    found = rows(FIXTURE.center, 0)
    known, = of_kind(found, "known_shard")
    # Both sides agree: that is how an operator sees whether a copy is older.
    assert (known["shard"], known["created_hi"]) == (shard["shard"], "251"), known
    ledger, = of_kind(found, "ledger")
    assert (ledger["waiting"], ledger["completions"]) == (230, 20) and ledger["state_hash"], ledger
    code, out, err = fsck(FIXTURE.manager)
    assert (code, err) == (0, "") and "acknowledged up to offset 250" in out and out.endswith("clean\n"), (out, err)
    code, out, err = fsck(FIXTURE.center)
    assert (code, err) == (0, "") and "the ledger knows offsets up to 250" in out and out.endswith("clean\n"), (out, err)
    code, out, _ = fsck(FIXTURE.center, "-o", "json")
    assert code == 0 and json.loads(out)[-1]["clean"] is True


def a_flipped_bit_is_found_wherever_it_is():
    for source in (FIXTURE.manager, FIXTURE.center):
        for pattern, byte in (("*.ldb", 100), ("*.ldb", -60), ("MANIFEST-*", 20), ("*.log", 30), ("identity", 30),
                              ("CURRENT", 3)):
            folder = FIXTURE.copy(source)
            path = only(folder, pattern)
            flip(path, byte)
            one_damage(folder, "store" if pattern == "CURRENT" else path.name)


def what_is_lost_is_named_and_the_rest_is_counted():
    folder = FIXTURE.copy(FIXTURE.manager)
    flip(only(folder, "*.ldb"), 5000)
    found = rows(folder, 1)
    damage = [row for row in of_kind(found, "damage") if row["first_batch"]]
    assert damage and all(row["log"] == of_kind(found, "shard")[0]["shard"] for row in damage), found
    # What is behind the damaged block counts as acknowledged all the same.
    assert of_kind(found, "shard")[0]["durable_end"] == "251", found


def a_torn_end_is_a_note_and_a_cut_in_the_middle_is_damage():
    folder = FIXTURE.copy(FIXTURE.manager)
    log = only(folder, "*.log")
    log.write_bytes(log.read_bytes()[:-3])
    found = rows(folder, 0)
    note, = of_kind(found, "note")
    assert note["file"].endswith(log.name) and "not finished" in note["what"], note
    assert int(of_kind(found, "shard")[0]["durable_end"]) < 251, found
    table = only(folder, "*.ldb")
    table.write_bytes(table.read_bytes()[:-3])
    one_damage(folder, table.name)


def a_missing_file_is_named():
    for source in (FIXTURE.manager, FIXTURE.center):
        for pattern in ("*.ldb", "*.log", "MANIFEST-*", "CURRENT", "identity"):
            folder = FIXTURE.copy(source)
            path = only(folder, pattern)
            path.unlink()
            one_damage(folder, str(int(path.stem)) if pattern == "*.log" else path.name)
        folder = FIXTURE.copy(source)
        shutil.rmtree(folder / "store")
        one_damage(folder, "store")


def a_running_daemon_makes_it_refuse():
    with Trio(managers=1) as trio:
        for daemon in trio.daemons():
            code, out, err = run("--data", daemon.data)
            assert code == 5 and not out and "a daemon is using it" in err.replace(str(daemon.data), "it"), (code, out, err)
            assert len(err.splitlines()) <= 2, err


def wrong_directories_are_one_clear_error():
    code, out, err = fsck(FIXTURE.trio.folder / "nowhere")
    assert code == 3 and not out and err.startswith("error: not_found: there is no directory"), (code, out, err)
    assert not (FIXTURE.trio.folder / "nowhere").exists()
    file = FIXTURE.trio.folder / "a-file"
    file.write_text("x")
    empty = FIXTURE.trio.folder / "empty"
    empty.mkdir()
    for wrong, text in ((file, "not a directory"), (empty, "is not a data directory of Baton")):
        code, out, err = fsck(wrong)
        assert code == 2 and not out and text in err, (code, out, err)
    code, _, err = fsck(FIXTURE.manager, "-o", "yaml")
    assert code == 2 and "yaml" in err, (code, err)
    code, _, err = run()
    assert code == 2 and "--data" in err, err


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def a_newer_format_is_not_judged():
    folder = FIXTURE.copy(FIXTURE.manager)
    file = folder / "identity"
    now = file.read_bytes()
    newer = now[:8] + struct.pack("<I", 2) + now[12:-4]
    file.write_bytes(newer + struct.pack("<I", crc32c(newer)))
    code, out, err = fsck(folder)
    assert code == 1 and not out and err.startswith("error: unsupported_version: "), (code, out, err)
    assert "format 2" in err, err


def an_older_identity_is_named():
    with Trio(managers=1) as trio:
        manager = trio.managers[0]
        await_condition(lambda: b"m1" in (manager.data / "identity").read_bytes(), 10, "it has its name")
        trio.produce("q", ["x"])
        manager.kill()
        now = (manager.data / "identity").read_bytes()
        # As the first start made it: no name, no shard.
        fixed = now[:14 + 16] + bytes(16 + 4 + 8) + b"\0\0"
        (manager.data / "identity").write_bytes(fixed + struct.pack("<I", crc32c(fixed)))
        one_damage(manager.data, "older than the store")
        manager.launch()
        await_condition(lambda: not manager.alive(), 30, "it refuses")
        assert "does not list shard" in manager.said(), manager.said()


def nobody_may_read_it():
    if os.geteuid() == 0:
        return  # everything may be read
    folder = FIXTURE.copy(FIXTURE.manager)
    folder.chmod(0)
    code, _, err = fsck(folder)
    folder.chmod(0o700)
    assert code == 2 and "cannot be read" in err, err


if __name__ == "__main__":
    with Fixture() as FIXTURE:
        run_cases([directories_that_were_killed_are_clean_and_tell_what_was_acknowledged, a_flipped_bit_is_found_wherever_it_is,
                   what_is_lost_is_named_and_the_rest_is_counted, a_torn_end_is_a_note_and_a_cut_in_the_middle_is_damage,
                   a_missing_file_is_named, a_running_daemon_makes_it_refuse, wrong_directories_are_one_clear_error,
                   a_newer_format_is_not_judged, an_older_identity_is_named, nobody_may_read_it])
