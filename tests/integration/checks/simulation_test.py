#!/usr/bin/python3
"""scripts/lib/simulation.py sums what its processes say, misses no violation, and can be interrupted."""
import json
import signal
import stat
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

RUNNER = Path(__file__).resolve().parents[3] / "scripts" / "lib" / "simulation.py"

# A stand-in: seed 13 breaks a promise, seed 17 breaks down, each run crashes two daemons, and what is rare
# happens in every tenth run.
SIMULATION = """#!/usr/bin/python3
import json, os, sys, time
with open(sys.argv[0] + ".pieces", "a") as pieces:
    pieces.write(sys.argv[2] + "\\n")
first, last = map(int, sys.argv[2].split(".."))
bad = 0
for seed in range(first, last + 1):
    if seed == 17:
        print("a check failed", file=sys.stderr)
        os.abort()
    if seed == 13:
        print("seed 13: C1 a task is lost")
        bad = 1
    time.sleep(float(os.environ.get("SLOW", "0")))
runs = last - first + 1
rare = sum(seed % 10 == 0 for seed in range(first, last + 1))
print(json.dumps({"runs": runs, "bad_runs": bad, "simulated_seconds": 36.0 * runs, "wall_seconds": 1, "events": runs,
                  "operations": 5 * runs, "crashes": 2 * runs, "sometimes": {"rare": rare} if rare else {},
                  "never": ["unheard of"] + ([] if rare else ["rare"])}))
sys.exit(1)
"""


class Simulation(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="baton_simulation_")
        self.addCleanup(folder.cleanup)
        self.program = Path(folder.name) / "stand_in"
        self.program.write_text(SIMULATION)
        self.program.chmod(stat.S_IRWXU)

    def start(self, *arguments, slow="0"):
        return subprocess.Popen([RUNNER, "--program", self.program, "--jobs", "3", *arguments], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"SLOW": slow, "PATH": "/usr/bin:/bin"})

    def run_to_end(self, *arguments):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.splitlines(), err

    def test_pieces_are_summed(self):
        status, lines, _ = self.run_to_end("--seeds", "100..199")
        said = json.loads(lines[-1])
        self.assertEqual(status, 0, lines)
        self.assertEqual((said["runs"], said["bad_runs"], said["crashes"], said["operations"]), (100, 0, 200, 500))
        self.assertEqual(said["simulated_seconds"], 3600)
        self.assertEqual(said["sometimes"], {"rare": 10})
        # Rare things that only some pieces met did happen; in so few runs others need not.
        self.assertEqual(said["never"], ["unheard of"])
        self.assertIn("never happened: unheard of", lines)

    def test_what_never_happens_in_many_runs_is_a_failure(self):
        status, _, _ = self.run_to_end("--seeds", "1000..1999")
        self.assertEqual(status, 1)

    def test_a_violation_is_shown_and_is_a_failure(self):
        status, lines, _ = self.run_to_end("--seeds", "1..16")
        self.assertEqual(status, 1)
        self.assertIn("seed 13: C1 a task is lost", lines)
        self.assertEqual(json.loads(lines[-1])["bad_runs"], 1)

    def test_a_run_that_breaks_down_is_named_and_the_others_of_its_piece_count(self):
        status, lines, _ = self.run_to_end("--seeds", "14..29")
        self.assertEqual(status, 1)
        self.assertIn("seed 17: ended by signal 6: a check failed", lines)
        self.assertEqual(json.loads(lines[-1])["runs"], 16)

    def test_an_interrupt_ends_with_the_summary_so_far(self):
        process = self.start("--seconds", "600", "--seed", "100", slow="0.02")
        self.assertEqual(process.stdout.readline(), "first seed 100\n")
        pieces = self.program.with_suffix(".pieces")
        deadline = time.monotonic() + 60
        # More pieces than processes: at least one has ended and is counted.
        while not pieces.exists() or len(pieces.read_text().splitlines()) < 4:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, out)
        self.assertGreater(json.loads(out.splitlines()[-1])["runs"], 0)

    def test_senseless_arguments_are_refused(self):
        for arguments in (("--seeds", "9..1"), ("--seeds", "1..2", "--seed", "3"), ("--seconds", "1", "--trace"), ()):
            with self.subTest(arguments):
                self.assertEqual(self.run_to_end(*arguments)[0], 2)


if __name__ == "__main__":
    unittest.main()
