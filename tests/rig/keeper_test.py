#!/usr/bin/python3
"""The keeper starts what has ended, and finds what may not have ended so; the tally counts what went on meanwhile."""
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from rig.keeper import Keeper  # noqa: E402  (the path must be set first)
from rig.tally import operations_during, pairs_at_once  # noqa: E402


class FakeDaemon:
    """A process that waits for a line and ends as it says."""

    name = "m1"

    def __init__(self):
        self.process = None
        self.words = ""

    def launch(self):
        self.process = subprocess.Popen(["sh", "-c", "read code; exit $code"], stdin=subprocess.PIPE, text=True)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def said(self):
        return self.words

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.communicate()

    def end(self, code, words):
        self.words = words
        self.process.communicate(f"{code}\n")


class Keeping(unittest.TestCase):
    def setUp(self):
        self.daemon = FakeDaemon()
        self.addCleanup(self.daemon.kill)
        self.keeper = Keeper([self.daemon])
        self.kept = self.keeper.kept["m1"]
        self.look()

    def look(self):
        self.keeper._look_after(self.kept)

    def test_it_is_started(self):
        self.assertTrue(self.daemon.alive())

    def test_what_was_killed_stays_down_until_let_up(self):
        self.assertTrue(self.keeper.kill("m1"))
        self.look()
        self.assertFalse(self.daemon.alive())
        self.keeper.let_up("m1")
        self.look()
        self.assertTrue(self.daemon.alive())
        self.assertEqual(self.keeper.findings, [])

    def test_killing_what_is_down_is_no_fault(self):
        self.keeper.kill("m1")
        self.assertFalse(self.keeper.kill("m1"))

    def test_an_end_without_an_excuse_is_found(self):
        self.daemon.end(1, "x ERROR y")
        self.look()
        self.assertIn("ended by itself", self.keeper.findings[0])

    def test_an_excused_end_is_none(self):
        self.keeper.excuse("m1", "io_error", 1)
        self.daemon.end(1, "x ERROR y")
        self.look()
        self.assertEqual(self.keeper.findings, [])
        self.assertEqual(self.keeper.counts["ended_of_io_error"], 1)

    def test_an_excused_end_has_to_say_why(self):
        self.keeper.excuse("m1", "io_error", 1)
        self.daemon.end(1, "")
        self.look()
        self.assertIn("did not say why", self.keeper.findings[0])

    def test_an_excused_end_is_a_failure(self):
        self.keeper.excuse("m1", "io_error", 1)
        self.daemon.end(0, "x ERROR y")
        self.look()
        self.assertIn("code 0", self.keeper.findings[0])


class Tally(unittest.TestCase):
    EVENTS = [{"operation": "a", "outcome": "invoke", "at": 1}, {"operation": "b", "outcome": "invoke", "at": 12},
              {"operation": "a", "outcome": "ok", "at": 15}, {"action": "delivery", "outcome": "ok", "at": 16},
              {"operation": "c", "outcome": "invoke", "at": 17}, {"operation": "c", "outcome": "fail", "at": 40}]

    def test_operations_count_where_they_end_and_open_ones_where_they_began(self):
        during = operations_during([("kill", 10, 20), ("pause", 30, 50), ("kill", 60, 70)], self.EVENTS)
        self.assertEqual(during["kill"], {"ok": 1, "unknown": 1})
        self.assertEqual(during["pause"], {"fail": 1})

    def test_pairs_are_kinds_that_overlap(self):
        windows = [("kill", 0, 10), ("pause", 5, 15), ("reset", 12, 20), ("kill", 30, 40)]
        self.assertEqual(pairs_at_once(windows), {frozenset(("kill", "pause")), frozenset(("pause", "reset"))})


if __name__ == "__main__":
    unittest.main(verbosity=1)
