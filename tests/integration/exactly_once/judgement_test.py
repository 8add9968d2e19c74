#!/usr/bin/python3
"""The judge of exactly_once.py finds every mistake that is planted in a good history."""
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from judgement import Seen, answer, judge  # noqa: E402  (the path must be set first)


class Run:
    """Three tasks: consumers told of the completion of two; the third was completed by one that was killed."""

    def __init__(self):
        self.seen = Seen()
        self.rows = {}
        for number in (1, 2, 3):
            task, token, payload = str(number), str(100 + number), f"p-{number}"
            self.seen.confirm(task, payload)
            self.rows[task] = {"state": "done", "token": token, "result": answer(payload, token)}
            if number < 3:
                self.seen.accept(task, token, payload, answer(payload, token))
        self.counts = {"center status": 3, "queue ls": 3}

    def verdict(self):
        return judge(self.seen, self.rows.get, self.counts)


class Judgement(unittest.TestCase):
    def setUp(self):
        self.run_ = Run()

    def assert_found(self, kind):
        verdict = self.run_.verdict()
        self.assertTrue(getattr(verdict, kind), f"nothing {kind}: {verdict}")
        self.assertFalse(verdict.good())

    def test_a_good_history_passes(self):
        verdict = self.run_.verdict()
        self.assertTrue(verdict.good(), verdict)
        self.assertEqual(verdict.completed, 3)

    def test_a_task_that_the_ledger_does_not_know(self):
        del self.run_.rows["3"]
        self.assert_found("lost")

    def test_a_task_that_still_waits(self):
        self.run_.rows["3"] = {"state": "ready"}
        self.assert_found("lost")

    def test_a_lost_task_that_is_shown_as_done(self):
        self.run_.rows["3"] = {"state": "done", "token": "0"}
        self.assert_found("lost")

    def test_a_result_that_belongs_to_another_task(self):
        self.run_.rows["3"]["result"] = answer("p-2", "103")
        self.assert_found("lost")

    def test_a_task_completed_twice(self):
        self.run_.seen.accept("1", "200", "p-1", answer("p-1", "200"))
        self.assert_found("duplicated")

    def test_a_task_completed_again_after_its_first_consumer_was_killed(self):
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assert_found("duplicated")

    def test_only_one_of_the_counts_is_too_high(self):
        self.run_.counts["queue ls"] = 4
        self.assert_found("duplicated")

    def test_a_completion_that_the_ledger_did_not_count(self):
        self.run_.counts["center status"] = 2
        self.assert_found("lost")

    def test_one_payload_completed_under_two_ids(self):
        self.run_.seen.accept("9", "109", "p-1", answer("p-1", "109"))
        self.run_.rows["9"] = {"state": "done", "token": "109", "result": answer("p-1", "109")}
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assert_found("duplicated")

    def test_one_payload_confirmed_under_two_ids(self):
        self.run_.seen.confirm("9", "p-3")
        self.run_.rows["9"] = {"state": "done", "token": "109", "result": answer("p-3", "109")}
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assert_found("duplicated")

    def test_another_completion_than_the_one_that_was_told(self):
        self.run_.rows["1"]["token"] = "300"
        self.assert_found("duplicated")

    def test_a_payload_of_another_task(self):
        self.run_.seen.accepted["1"] = [("101", "p-7", answer("p-7", "101"))]
        self.assert_found("wrong")

    def test_a_wrong_result(self):
        self.run_.seen.accepted["1"] = [("101", "p-1", "done p-1 99\n")]
        self.assert_found("wrong")

    def test_a_task_that_nobody_lived_to_tell_of_is_no_duplicate(self):
        self.run_.seen.unknown = {"p-8"}
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assertTrue(self.run_.verdict().good())

    def test_but_only_one_for_each(self):
        self.run_.seen.unknown = {"p-8"}
        self.run_.counts = {"center status": 5, "queue ls": 5}
        self.assert_found("duplicated")

    def test_an_unknown_produce_whose_completion_was_told_excuses_nothing(self):
        self.run_.seen.unknown = {"p-8"}
        self.run_.seen.accept("8", "108", "p-8", answer("p-8", "108"))
        self.run_.rows["8"] = {"state": "done", "token": "108", "result": answer("p-8", "108")}
        self.run_.counts = {"center status": 5, "queue ls": 5}
        self.assert_found("duplicated")

    def test_an_id_given_twice(self):
        self.run_.seen.confirm("1", "p-1")
        self.assertEqual(self.run_.seen.ids_given_twice, 1)


if __name__ == "__main__":
    unittest.main(verbosity=1)
