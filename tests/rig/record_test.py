#!/usr/bin/python3
"""What is recorded is what is judged: events, histories made of them, and the comparison after a power cut."""
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from rig import histories  # noqa: E402  (the path must be set first)
from rig.record import Recorder, Tail, content  # noqa: E402
from rig.told import Found, Told, taken_back  # noqa: E402

ALWAYS = 1 << 62


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="baton_rig_")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.record = Recorder(self.folder / "a.jsonl", "a")

    def produce(self, number, task=None):
        operation = self.record.invoke("produce", "p", producer="p", number=number, content=content(b"p-%d" % number))
        if task:
            self.record.end("produce", operation, "ok", task=task)

    def ack(self, task, token, outcome="ok"):
        operation = self.record.invoke("ack", "c", task=task, token=token)
        if outcome:
            self.record.end("ack", operation, outcome)


class Records(Folder):
    def test_an_event_is_there_at_once_and_read_once(self):
        tail = Tail(self.folder)
        self.record.note("delivery", "c", task=1)
        self.assertEqual([event["task"] for event in tail.events()], [1])
        self.assertEqual(tail.events(), [])

    def test_a_line_that_is_half_written_waits(self):
        tail = Tail(self.folder)
        with open(self.folder / "b.jsonl", "w", encoding="utf-8") as file:
            file.write('{"at": 1, "action"')
            file.flush()
            self.assertEqual(tail.events(), [])
            file.write(': "ack"}\n')
        self.assertEqual([event["action"] for event in tail.events()], ["ack"])

    def test_files_are_merged_by_time(self):
        other = Recorder(self.folder / "b.jsonl", "b")
        for number, record in enumerate([self.record, other, self.record, other]):
            record.note("delivery", "c", task=number)
        self.assertEqual([event["task"] for event in Tail(self.folder).events()], [0, 1, 2, 3])


class Histories(Folder):
    def lines(self):
        return [json.loads(line) for line in histories.lines(Tail(self.folder).events())]

    def test_names_become_numbers_and_operations_end(self):
        self.produce(1, task=17)
        head, invoke, end = self.lines()
        self.assertEqual(head, {"baton_history": 1})
        self.assertEqual((invoke["operation"], invoke["producer"], invoke["number"]), (1, 1, 1))
        self.assertEqual((end["operation"], end["outcome"], end["task"]), (1, "ok", 17))

    def test_a_refusal_says_that_the_claim_is_over_only_with_the_right_code(self):
        for code in ("claim_superseded", "too_large"):
            operation = self.record.invoke("ack", "c", task=1, token=2)
            self.record.end("ack", operation, "fail", code=code)
        self.assertEqual([line["outcome"] for line in self.lines()[1:]], ["invoke", "fail", "invoke", "unknown"])

    def test_a_delivery_without_its_payload_gets_the_one_that_came_with_the_outcome(self):
        self.produce(1)
        self.record.note("delivery", "x", task=1, token=2, attempt=1, producer="p", number=1)
        operation = self.record.invoke("ack", "x", task=1, token=2)
        self.record.end("ack", operation, "ok", content=99)
        delivery = next(line for line in self.lines() if line.get("action") == "delivery")
        self.assertEqual(delivery["content"], 99)

    def test_or_else_the_one_that_it_says_it_is(self):
        self.produce(1)
        self.record.note("delivery", "x", task=1, token=2, attempt=1, producer="p", number=1)
        delivery = next(line for line in self.lines() if line.get("action") == "delivery")
        self.assertEqual(delivery["content"], content(b"p-1"))


class AfterACut(Folder):
    """Tasks 1 to 3 are confirmed; 1 is completed, 2 was asked to be."""

    def setUp(self):
        super().setUp()
        for number in (1, 2, 3):
            self.produce(number, task=number)
        self.produce(4)
        self.ack(1, 101)
        self.ack(2, 102, outcome=None)
        self.told = Told(self.folder)
        self.told.read()
        self.told.advance(ALWAYS)
        self.found = Found(handed_out={3: b"p-3"}, completions=2)

    def broken(self):
        return taken_back(self.told, self.found)

    def test_a_good_disk_passes(self):
        self.assertEqual(self.broken(), [])

    def test_what_was_asked_for_need_not_have_happened(self):
        self.found = Found(handed_out={2: b"p-2", 3: b"p-3"}, completions=1)
        self.assertEqual(self.broken(), [])

    def test_a_confirmed_task_is_missing(self):
        self.found.handed_out = {}
        self.assertIn("task 3 was confirmed, and is lost", self.broken())

    def test_a_confirmed_task_is_damaged(self):
        self.found = Found(damaged={3}, completions=2)
        self.assertIn("task 3 was confirmed, and is quarantined", self.broken())

    def test_a_completed_task_is_handed_out_again(self):
        self.found.handed_out[1] = b"p-1"
        self.assertIn("task 1 was completed, and is handed out again", self.broken())

    def test_a_completed_task_is_claimed(self):
        self.found.listed[1] = "claimed"
        self.assertIn("task 1 was completed, and is claimed", self.broken())

    def test_a_payload_of_another_task(self):
        self.found.handed_out[3] = b"p-4"
        self.assertTrue(any("another payload" in line for line in self.broken()))

    def test_a_payload_that_nobody_produced(self):
        self.found.handed_out[9] = b"p-9"
        self.assertTrue(any("never produced" in line for line in self.broken()))

    def test_one_payload_twice(self):
        self.found.handed_out[9] = b"p-3"
        self.assertTrue(any("one payload is the tasks" in line for line in self.broken()))

    def test_a_completion_was_forgotten(self):
        self.found.completions = 0
        self.assertTrue(any("has counted 0" in line for line in self.broken()))

    def test_a_completion_that_nobody_asked_for(self):
        self.found.completions = 3
        self.assertTrue(any("only 2 were asked for" in line for line in self.broken()))

    def test_what_was_told_after_the_cut_does_not_count(self):
        told = Told(self.folder)
        told.read()
        told.advance(0)
        self.assertEqual(taken_back(told, Found()), [])


if __name__ == "__main__":
    unittest.main(verbosity=1)
