#!/usr/bin/python3
"""The plan of faults: one seed is one plan, and a long one leaves no kind and no pair out."""
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from rig.plan import AT_ONCE_MAX, KINDS, make_plan, pairs  # noqa: E402  (the path must be set first)

DAEMONS, CONSUMERS, PRODUCERS = ["center", "m1", "m2", "m3"], ["c0", "x0"], ["p0"]


def plan(seed, seconds, kinds=tuple(KINDS)):
    return make_plan(seed, seconds, kinds, DAEMONS, CONSUMERS, PRODUCERS, 3)


def faults(periods):
    return [fault for period in periods for fault in period.faults]


class Plan(unittest.TestCase):
    def test_a_seed_is_a_plan(self):
        self.assertEqual(plan(7, 100), plan(7, 100))
        self.assertNotEqual(plan(7, 100), plan(8, 100))

    def test_periods_follow_each_other_and_cover_the_run(self):
        periods = plan(1, 60)
        for before, after in zip(periods, periods[1:]):
            self.assertAlmostEqual(before.at + before.lasts, after.at)
        self.assertGreaterEqual(periods[-1].at + periods[-1].lasts, 60)

    def test_a_short_run_has_every_kind(self):
        for seed in range(50):
            for seconds in (1, 10, 45):
                self.assertEqual({fault.kind for fault in faults(plan(seed, seconds))}, set(KINDS))

    def test_a_long_run_has_every_pair_at_once(self):
        for seed in range(5):
            met = set().union(*(pairs({fault.kind for fault in period.faults}) for period in plan(seed, 600)))
            self.assertEqual(met, pairs(KINDS))

    def test_about_a_quarter_is_quiet(self):
        periods = plan(3, 3000)
        quiet = sum(not period.faults for period in periods) / len(periods)
        self.assertTrue(0.15 < quiet < 0.35, quiet)

    def test_a_period_has_different_kinds_and_not_too_many(self):
        for period in plan(4, 600):
            kinds = [fault.kind for fault in period.faults]
            self.assertEqual(len(kinds), len(set(kinds)))
            self.assertLessEqual(len(kinds), AT_ONCE_MAX)

    def test_targets_fit_the_kind(self):
        fitting = {"daemon": DAEMONS, "disk": DAEMONS, "consumer": CONSUMERS, "producer": PRODUCERS,
                   "machine": [*DAEMONS, *CONSUMERS, *PRODUCERS]}
        for fault in faults(plan(5, 600)):
            if KINDS[fault.kind] == "link":
                self.assertNotEqual(fault.target, fault.other)
                self.assertTrue({fault.target, fault.other} & set(DAEMONS))
            else:
                self.assertIn(fault.target, fitting[KINDS[fault.kind]])

    def test_pauses_are_shorter_and_longer_than_the_lease(self):
        lengths = [fault.lasts for fault in faults(plan(6, 2000)) if fault.kind == "pause"]
        self.assertLess(min(lengths), 3)
        self.assertGreater(max(lengths), 3)

    def test_only_the_kinds_that_were_asked_for(self):
        self.assertEqual({fault.kind for fault in faults(plan(9, 60, ("kill", "pause")))}, {"kill", "pause"})


if __name__ == "__main__":
    unittest.main(verbosity=1)
