#!/usr/bin/python3
"""The disk of a manager follows what it keeps: a backlog that was worked off gives its room back, and so after kill -9."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)

TASKS = 400
PAYLOAD_BYTES = 200_000
MIB = 1 << 20
# The log that is being written, the stretch that is open, and tables that were not merged yet.
ROOM = 56 * MIB


def room_of(daemon):
    """Bytes of its files."""
    total = 0
    for path in daemon.data.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            pass  # merged just now
    return total


def work_off(trio):
    trio.produce("backlog", [f"{number:06}{'x' * PAYLOAD_BYTES}" for number in range(TASKS)])
    full = room_of(trio.managers[0])
    assert full > TASKS * PAYLOAD_BYTES, f"{full} bytes keep {TASKS} payloads of {PAYLOAD_BYTES}"
    trio.baton("consume", "-q", "backlog", "-n", str(TASKS), timeout=120)


def await_room(trio):
    await_condition(lambda: room_of(trio.managers[0]) < ROOM, 180, "the room is given back")


def a_backlog_that_was_worked_off_gives_its_room_back():
    with Trio(managers=1) as trio:
        work_off(trio)
        await_room(trio)


def a_manager_that_was_killed_gives_it_back_after_its_start():
    with Trio(managers=1) as trio:
        work_off(trio)
        trio.managers[0].kill()
        trio.managers[0].start()
        await_room(trio)
        trio.produce("after", ["x"])


if __name__ == "__main__":
    run_cases([a_backlog_that_was_worked_off_gives_its_room_back,
               a_manager_that_was_killed_gives_it_back_after_its_start])
