#!/usr/bin/python3
"""The judge of exactly_once.py finds every mistake that is planted in a good history. Needs baton_judge in BATON_BIN."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]
os.environ.setdefault("BATON_BIN", str(Path(__file__).resolve().parents[3] / "build/release/bin"))
from history import History  # noqa: E402  (the path must be set first)
from judgement import answer, judge  # noqa: E402


class Run:
    """Three tasks: consumers told of the completion of two; the third was completed by one that was killed."""

    def __init__(self, folder):
        self.history = History(Path(folder) / "history.jsonl")
        self.rows = {}
        for number in (1, 2, 3):
            task, token, payload = str(number), str(100 + number), f"p0-{number}"
            self.confirm(task, payload)
            self.rows[task] = {"state": "done", "token": token, "result": answer(payload, token)}
            self.history.deliver(50 + number, task, token, 1, payload)
            if number < 3:
                self.accept(task, token, payload, process=50 + number)
        self.counts = {"center status": 3, "queue ls": 3}

    def confirm(self, task, payload):
        self.history.confirm(self.history.produce([payload])[0], task, payload)

    def accept(self, task, token, payload, result=None, process=60, outcome="done"):
        self.history.outcome(process, {"id": task, "token": token, "attempt": 1, "payload": payload, "outcome": outcome,
                                       "result": answer(payload, token) if result is None else result})

    def verdict(self):
        return judge(self.history, self.rows.get, self.counts)


class Judgement(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.run_ = Run(folder.name)
        self.addCleanup(self.run_.history.close)

    def assert_found(self, *kinds):
        verdict = self.run_.verdict()
        for kind in kinds:
            self.assertTrue(verdict.count(kind), f"no {kind}: {verdict}\n{verdict.report}")
        self.assertFalse(verdict.good())

    def test_a_good_history_passes(self):
        verdict = self.run_.verdict()
        self.assertTrue(verdict.good(), verdict)
        self.assertEqual(verdict.completed, 3)
        self.assertIn("every promise was kept", verdict.report)

    def test_a_task_that_the_ledger_does_not_know(self):
        del self.run_.rows["3"]
        self.assert_found("C1", "C8")

    def test_a_task_that_still_waits(self):
        self.run_.rows["3"] = {"state": "ready"}
        self.assert_found("C8")

    def test_a_lost_task_that_is_shown_as_done(self):
        self.run_.rows["3"] = {"state": "done", "token": "0"}
        self.assert_found("R")

    def test_a_task_that_is_done_though_nobody_ever_had_it(self):
        self.run_.confirm("4", "p0-4")
        self.run_.rows["4"] = {"state": "done", "token": "104", "result": answer("p0-4", "104")}
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assert_found("C1", "C5")

    def test_a_result_that_belongs_to_another_task(self):
        self.run_.rows["3"]["result"] = answer("p0-2", "103")
        self.assert_found("R")

    def test_a_task_completed_twice(self):
        self.run_.accept("1", "200", "p0-1")
        self.assert_found("C3", "C5")

    def test_a_task_completed_again_after_its_first_consumer_was_killed(self):
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assert_found("N")

    def test_only_one_of_the_counts_is_too_high(self):
        self.run_.counts["queue ls"] = 4
        self.assert_found("N")

    def test_a_completion_that_the_ledger_did_not_count(self):
        self.run_.counts["center status"] = 2
        self.assert_found("N")

    def test_one_payload_completed_under_two_ids(self):
        self.run_.accept("9", "109", "p0-1")
        self.run_.rows["9"] = {"state": "done", "token": "109", "result": answer("p0-1", "109")}
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assert_found("C6")

    def test_one_payload_confirmed_under_two_ids(self):
        self.run_.confirm("9", "p0-3")
        self.run_.history.deliver(70, "9", "109", 1, "p0-3")
        self.run_.rows["9"] = {"state": "done", "token": "109", "result": answer("p0-3", "109")}
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assert_found("C6")

    def test_another_completion_than_the_one_that_was_told(self):
        self.run_.rows["1"]["token"] = "300"
        self.assert_found("C5")

    def test_a_payload_of_another_task(self):
        self.run_.confirm("4", "p0-4")
        self.run_.accept("4", "104", "p0-1")
        self.run_.rows["4"] = {"state": "done", "token": "104", "result": answer("p0-1", "104")}
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assert_found("C6")

    def test_a_payload_that_nobody_produced(self):
        self.run_.history.deliver(70, "9", "109", 1, "p0-77")
        self.assert_found("C1", "C7")

    def test_a_wrong_result(self):
        self.run_.confirm("4", "p0-4")
        self.run_.accept("4", "104", "p0-4", result="done p0-4 99\n")
        self.run_.rows["4"] = {"state": "done", "token": "104", "result": "done p0-4 99\n"}
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assert_found("R")

    def test_a_completion_past_the_fence(self):
        self.run_.history.deliver(71, "4", "104", 1, "p0-4")
        self.run_.history.deliver(72, "4", "105", 2, "p0-4")
        self.run_.accept("4", "105", "p0-4", process=72)
        self.run_.accept("4", "104", "p0-4", process=71)
        self.assert_found("C3", "C5")

    def test_a_task_that_nobody_lived_to_tell_of_is_no_duplicate(self):
        self.unknown("p0-8")
        self.run_.counts = {"center status": 4, "queue ls": 4}
        self.assertTrue(self.run_.verdict().good())

    def test_but_only_one_for_each(self):
        self.unknown("p0-8")
        self.run_.counts = {"center status": 5, "queue ls": 5}
        self.assert_found("N")

    def test_an_unknown_produce_whose_completion_was_told_excuses_nothing(self):
        self.unknown("p0-8")
        self.run_.accept("8", "108", "p0-8")
        self.run_.rows["8"] = {"state": "done", "token": "108", "result": answer("p0-8", "108")}
        self.run_.counts = {"center status": 5, "queue ls": 5}
        self.assert_found("N")

    def test_an_id_given_twice(self):
        self.run_.confirm("1", "p0-9")
        self.assert_found("C6")

    def test_a_refused_task_that_comes_all_the_same(self):
        self.run_.history.produce_failed(self.run_.history.produce(["p0-9"])[0])
        self.run_.history.deliver(70, "9", "109", 1, "p0-9")
        self.assert_found("C1")

    def test_a_daemon_that_uses_too_much(self):
        self.run_.history.sample(1, "open_files", 513, 512)
        self.assert_found("C9")

    def unknown(self, payload):
        self.run_.history.produce_unknown(self.run_.history.produce([payload])[0], payload)


class Program(unittest.TestCase):
    def judge(self, *texts):
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"{number}.jsonl" for number in range(len(texts))]
            for file, text in zip(files, texts):
                file.write_text(text)
            return subprocess.run([Path(os.environ["BATON_BIN"]) / "baton_judge", *files], capture_output=True, text=True,
                                  check=False)

    def test_what_is_no_history_ends_with_2(self):
        done = self.judge('{"baton_history":1}\n', '{"baton_history":1}\nhello\n')
        self.assertEqual(done.returncode, 2)
        self.assertIn("1.jsonl:2: not a JSON object", done.stderr)

    def test_no_file_ends_with_2(self):
        self.assertEqual(self.judge().returncode, 2)

    def test_files_of_several_processes_are_one_history(self):
        producer = ('{"baton_history":1}\n'
                    '{"at":1,"action":"produce","outcome":"invoke","operation":1,"producer":1,"number":1}\n'
                    '{"at":4,"action":"produce","outcome":"ok","operation":1,"task":17}\n')
        consumer = ('{"baton_history":1}\n'
                    '{"at":2,"action":"delivery","process":2,"task":17,"token":3,"producer":1,"number":1}\n'
                    '{"at":3,"action":"ack","outcome":"invoke","operation":1,"process":2,"task":17,"token":3}\n'
                    '{"at":5,"action":"ack","outcome":"ok","operation":1}\n')
        whole, half = self.judge(producer, consumer), self.judge(consumer)
        self.assertEqual((whole.returncode, whole.stdout.splitlines()[-1]), (0, "every promise was kept"))
        self.assertEqual((half.returncode, half.stdout.splitlines()[-1]), (1, "a promise was broken"))

    def test_what_cannot_be_decided_is_no_broken_promise_and_no_success(self):
        lines = ['{"baton_history":1}']
        for number in range(2001):  # more events of one task than a search takes
            lines += [f'{{"at":{number},"action":"state","outcome":"invoke","operation":{number + 1},"task":17}}',
                      f'{{"at":{number},"action":"state","outcome":"ok","operation":{number + 1},"task":17,"state":"waiting"}}']
        done = self.judge("\n".join(lines) + "\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("C5 undecided for 1 tasks of 1", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "no broken promise was found, but not everything could be decided")


if __name__ == "__main__":
    unittest.main(verbosity=1)
