#!/usr/bin/python3
"""Data directories that are removed, swapped, copied or put back from an older copy: refused or handled."""
import re
import shutil
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Daemon, StartError, Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)


def check_refused(daemon, pattern, seconds=30):
    """The daemon ends by itself, not with 0, and says why in a line that matches."""
    daemon.launch()
    await_condition(lambda: not daemon.alive(), seconds, f"{daemon.name} gives up: {daemon.said()[-800:]}")
    assert daemon.process.returncode not in (0, None) and daemon.process.returncode > 0, daemon.process.returncode
    assert re.search(pattern, daemon.said()), f"nothing like '{pattern}' in:\n{daemon.said()[-1500:]}"


def said(daemon, pattern):
    return lambda: re.search(pattern, daemon.said())


def a_directory_serves_one_process():
    with Trio(managers=1) as trio:
        for daemon in trio.daemons():
            twin = Daemon(trio.folder, daemon.program, daemon.name, daemon.arguments)
            twin.log = trio.folder / f"{daemon.name}-twin.log"
            check_refused(twin, r"(?i)lock|in use")
        check_works(trio)


def check_works(trio, queue="works", **options):
    ids = trio.produce(queue, ["one", "two"], **options)
    assert sorted(row["id"] for row in trio.consume(queue, 2)) == sorted(ids)


def a_center_does_not_start_on_a_managers_directory_nor_the_reverse():
    with Trio(managers=1) as trio:
        manager, center = trio.managers[0], trio.center
        manager.kill()
        center.kill()
        shutil.move(manager.data, trio.folder / "aside")
        shutil.move(center.data, manager.data)
        shutil.move(trio.folder / "aside", center.data)
        check_refused(center, r"(?i)manager")
        check_refused(manager, r"(?i)center")


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def identity_of(daemon):
    """The file and what it holds: 8 bytes magic, the format's version (u32, little-endian), ..., CRC32C."""
    file = daemon.data / "identity"
    return file, file.read_bytes()


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def a_newer_format_is_refused_and_left_alone():
    with Trio(managers=1) as trio:
        for daemon in trio.daemons():
            daemon.kill()
            file, now = identity_of(daemon)
            assert struct.unpack_from("<I", now, 8) == (1,) and struct.pack("<I", crc32c(now[:-4])) == now[-4:], now
            newer = now[:8] + struct.pack("<I", 2) + now[12:-4]
            file.write_bytes(newer + struct.pack("<I", crc32c(newer)))
            before = contents(daemon.data)
            check_refused(daemon, r"it has format 2, this Baton knows only format 1")
            assert contents(daemon.data) == before, "something was changed in a directory that was refused"
            file.write_bytes(now)
            daemon.start()
        check_works(trio)


def a_damaged_identity_is_refused():
    with Trio(managers=1) as trio:
        for daemon in trio.daemons():
            daemon.kill()
            file, now = identity_of(daemon)
            file.write_bytes(now[:-1] + bytes([now[-1] ^ 1]))
            check_refused(daemon, r"identity .*damaged")
            file.write_bytes(now)
            daemon.start()
        check_works(trio)


def a_lost_store_is_not_taken_for_an_empty_one():
    with Trio(managers=1) as trio:
        manager = trio.managers[0]
        trio.produce("q", ["x"])
        manager.kill()
        for path in manager.data.iterdir():
            if path.is_dir():
                shutil.move(path, trio.folder / "aside")
                check_refused(manager, r"(?i)lost|missing")
                if path.exists():
                    shutil.rmtree(path)
                shutil.move(trio.folder / "aside", path)
        manager.start()
        assert trio.consume("q", 1)[0]["payload"] == "x"


def a_removed_managers_directory_needs_manager_remove():
    with Trio() as trio:
        lost = trio.managers[0]
        ids = trio.produce("q", ["gone-1", "gone-2"], managers=lost.address)
        await_condition(lambda: trio.queue("q"), 10, "the ledger knows the queue")
        lost.kill()
        shutil.rmtree(lost.data)
        others = trio.addresses(1)
        check_refused(lost, r"(?i)name.*(belongs|another|bound)|manager remove")
        await_condition(lambda: not next(row for row in trio.rows("manager", "ls", managers=others)
                                         if row["name"] == lost.name)["state"] == "up", 10, "m1 is seen down")
        trio.baton("manager", "remove", lost.name, managers=others)
        lost.start()
        check_works(trio)
        states = [trio.rows("task", "show", task)[0]["state"] for task in ids]
        assert states == ["quarantined", "quarantined"], states


def swapped_manager_directories_are_refused_by_name():
    with Trio() as trio:
        one, two = trio.managers[:2]
        one.kill()
        two.kill()
        shutil.move(one.data, trio.folder / "aside")
        shutil.move(two.data, one.data)
        shutil.move(trio.folder / "aside", two.data)
        check_refused(one, r"(?i)name|belongs")
        check_refused(two, r"(?i)name|belongs")


def an_older_copy_of_a_manager_is_sealed_and_goes_on_with_a_new_shard():
    with Trio() as trio:
        manager = trio.managers[0]
        early = trio.produce("q", ["early"], managers=manager.address)
        await_condition(lambda: trio.queue("q"), 10, "the ledger knows the first task")
        manager.kill()
        shutil.copytree(manager.data, trio.folder / "older")
        manager.start()
        late = trio.produce("q", ["late-1", "late-2"], managers=manager.address)
        await_condition(lambda: int(trio.queue("q")["ready"]) == 3, 10, "the ledger knows all three")
        manager.kill()
        shutil.rmtree(manager.data)
        shutil.move(trio.folder / "older", manager.data)
        manager.start()
        await_condition(said(manager, r"shard sealed"), 20, "the manager says that its store is an older one")
        await_condition(lambda: int(trio.queue("q")["quarantined"]) == 2, 20, "what is missing is quarantined")
        assert [trio.rows("task", "show", task)[0]["state"] for task in late] == ["quarantined"] * 2
        rows = trio.consume("q", 1)
        assert [row["id"] for row in rows] == early and rows[0]["payload"] == "early", rows
        check_works(trio, managers=manager.address)


def a_running_copy_of_a_manager_is_refused_while_the_original_lives():
    with Trio() as trio:
        original = trio.managers[0]
        trio.produce("q", ["x"], managers=original.address)
        original.kill()
        copy = Daemon(trio.folder, original.program, "copy", original.arguments)
        shutil.copytree(original.data, copy.data)
        original.start()
        check_refused(copy, r"(?i)in use|copy|another (life|process)")
        check_works(trio)


def check_managers_leave(trio, pattern):
    """Every manager ends by itself, not with 0, with a sentence that matches; the center says so, too."""
    for manager in trio.managers:
        await_condition(lambda: not manager.alive(), 30, f"{manager.name} gives up: {manager.said()[-800:]}")
        assert manager.process.returncode == 1, manager.process.returncode
        assert re.search(rf"the node cannot go on.*{pattern}", manager.said()), manager.said()[-1500:]
        refused = rf"manager refused manager={manager.name} .*{pattern}"
        await_condition(said(trio.center, refused), 10, f"the center says that it refused {manager.name}")


def a_removed_center_directory_is_refused_by_the_managers():
    with Trio() as trio:
        trio.produce("q", ["x"])
        center = trio.center
        center.kill()
        shutil.move(center.data, trio.folder / "aside")
        center.start()
        check_managers_leave(trio, r"foreign cluster: manager m\d belongs to cluster")
        check_refused(trio.managers[0], r"foreign cluster: ")  # a restart does not help
        center.kill()
        shutil.rmtree(center.data)
        shutil.move(trio.folder / "aside", center.data)
        center.start()
        for manager in trio.managers:
            manager.start()
        assert trio.consume("q", 1)[0]["payload"] == "x"
        check_works(trio)


def an_older_copy_of_the_center_is_refused():
    with Trio() as trio:
        center = trio.center
        trio.produce("q", ["one"])
        await_condition(lambda: trio.queue("q"), 10, "the ledger knows the task")
        center.kill()
        shutil.copytree(center.data, trio.folder / "older")
        center.start()
        trio.consume("q", 1)
        for manager in trio.managers:
            manager.restart()  # what they have seen is synced at register
            await_condition(said(manager, r"\bregistered\b"), 30, f"{manager.name} is registered")
        trio.produce("q", ["two"])
        center.kill()
        shutil.move(center.data, trio.folder / "newer")
        shutil.move(trio.folder / "older", center.data)
        center.start()
        check_managers_leave(trio, r"ledger went back: manager m\d has seen index \d+, this center has \d+")
        check_refused(trio.managers[0], r"ledger went back: ")
        center.kill()
        shutil.rmtree(center.data)
        shutil.move(trio.folder / "newer", center.data)
        center.start()
        for manager in trio.managers:
            manager.start()
        # "one" was completed before, and is not handed out again.
        assert [row["payload"] for row in trio.consume("q", 1)] == ["two"]
        check_works(trio)


def wrong_flags_and_taken_ports_are_one_clear_line():
    with Trio(managers=1) as trio:
        taken = trio.managers[0].address
        other = Daemon(trio.folder, "baton-center", "other")
        other.address = taken
        check_refused(other, r"(?i)taken|in use|already")
        other.address = "0.0.0.0:0"
        check_refused(other, r"--insecure")
        assert other.process.returncode == 2
        other.address = None
        other.arguments = ["--no-such-flag"]
        check_refused(other, r"no-such-flag")
        assert other.process.returncode == 2
        blocked = trio.folder / "a-file"
        blocked.write_text("not a directory")
        other.arguments = []
        other.data = blocked
        check_refused(other, r"(?i)directory")


if __name__ == "__main__":
    try:
        run_cases([a_directory_serves_one_process, a_center_does_not_start_on_a_managers_directory_nor_the_reverse,
                   a_newer_format_is_refused_and_left_alone, a_damaged_identity_is_refused, a_lost_store_is_not_taken_for_an_empty_one,
                   a_removed_managers_directory_needs_manager_remove, swapped_manager_directories_are_refused_by_name,
                   an_older_copy_of_a_manager_is_sealed_and_goes_on_with_a_new_shard,
                   a_running_copy_of_a_manager_is_refused_while_the_original_lives,
                   a_removed_center_directory_is_refused_by_the_managers, an_older_copy_of_the_center_is_refused,
                   wrong_flags_and_taken_ports_are_one_clear_line])
    except StartError as error:
        sys.exit(f"a daemon did not start: {error}")
