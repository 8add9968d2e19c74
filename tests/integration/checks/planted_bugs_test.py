#!/usr/bin/python3
"""Every planted bug still applies to the tree, and a patch that is out of date would be seen."""
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PLANTED = Path(__file__).resolve().parents[2] / "planted"
GOOD = "no_fence.patch"


def check(folder):
    done = subprocess.run([PLANTED / "plant.py", "--check", "--folder", folder], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


class PlantedBugs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="baton_planted_")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.good = (PLANTED / GOOD).read_text()

    def assert_refused(self, text, because):
        (self.folder / "bad.patch").write_text(text)
        status, said = check(self.folder)
        self.assertEqual(status, 1, said)
        self.assertIn("bad.patch: " + because, said)

    def test_every_patch_is_whole_and_applies(self):
        status, said = check(PLANTED)
        self.assertEqual(status, 0, said)
        # An empty folder would apply as well.
        self.assertGreaterEqual(len(list(PLANTED.glob("*.patch"))), 35)

    def test_a_patch_whose_lines_are_gone_is_refused(self):
        self.assert_refused(self.good.replace(".token != token", ".token != a_name_of_long_ago"), "does not apply")

    def test_a_patch_without_its_head_is_refused(self):
        self.assert_refused(self.good.replace("Breaks: ", "It breaks ", 1), "does not begin with the lines")

    def test_a_patch_with_a_strange_seed_is_refused(self):
        lines = ["Seed: about 7" if line.startswith("Seed: ") else line for line in self.good.splitlines()]
        self.assert_refused("\n".join(lines) + "\n", "'about 7' is no seed")

    def test_a_patch_of_a_test_is_refused(self):
        self.assert_refused(self.good.replace("center/core/apply_operations.cc", "tests/sim/cluster/sim_run.cc"),
                            "changes tests/sim/cluster/sim_run.cc, which is no product code")

    def test_a_patch_without_words_is_refused(self):
        head, diff = self.good.split("\n--- a/", 1)
        self.assert_refused(head.split("\n\n", 1)[0] + "\n\n--- a/" + diff, "does not say in words")

    def test_two_patches_of_one_bug_are_refused(self):
        shutil.copy(PLANTED / GOOD, self.folder / "also.patch")
        self.assert_refused(self.good, "is the bug of also.patch")


if __name__ == "__main__":
    if shutil.which("git") is None:
        print("skipped: git is not installed, which applies the patches")
        sys.exit(77)
    unittest.main()
