#!/usr/bin/python3
"""The package helper of scripts/ installs nothing that is there, and campaigns say how they ended."""
import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"

# Stand-ins for dpkg-query and apt-get: the test machine's own packages must not matter, nor change.
DPKG_QUERY = """#!/bin/sh
for last; do :; done
case " $INSTALLED " in *" $last "*) printf installed;; *) exit 1;; esac
"""
APT_GET = """#!/bin/sh
echo "$*" >> "$CALLS"
case " $*" in *" -s "*) printf '%s' "$SIMULATED"; exit;; esac
"$POLICY" >/dev/null 2>&1
echo "may services start: $?" >> "$CALLS"
exit "$APT_STATUS"
"""
SUDO = "#!/bin/sh\nexec \"$@\"\n"


class Packages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="baton_packages_")
        self.addCleanup(folder.cleanup)
        self.bin = Path(folder.name)
        self.calls = self.bin / "calls"
        self.calls.write_text("")
        for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET), ("apt-cache", "#!/bin/sh\nexit 0\n"),
                           ("sudo", SUDO), ("id", "#!/bin/sh\necho 1000\n")):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(stat.S_IRWXU)

        self.policy = self.bin / "policy"

    def shell(self, script, installed="", simulated="", apt_status=0):
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "INSTALLED": installed,
                       "CALLS": str(self.calls), "SIMULATED": simulated, "POLICY": str(self.policy),
                       "APT_STATUS": str(apt_status)}
        source = f"set -euo pipefail; source {SCRIPTS}/lib/packages.sh; baton_policy={self.policy}; "
        return subprocess.run(["bash", "-c", source + script], capture_output=True, text=True, env=environment, check=False)

    def test_sections_do_not_mix(self):
        run = self.shell("packages_for run").stdout.split()
        build = self.shell("packages_for build").stdout.split()
        test = self.shell("packages_for test").stdout.split()
        self.assertEqual(run, ["python3"])
        self.assertIn("clang-19", build)
        self.assertNotIn("clang-19", test)
        self.assertIn("spin", test)
        self.assertNotIn("spin", build)

    def test_every_script_that_configures_installs_what_a_build_needs_first(self):
        # tests/CMakeLists.txt looks for Catch, and is part of every preset.
        self.assertIn("catch2", self.shell("packages_for build").stdout.split())
        scripts = [path for path in (*SCRIPTS.glob("*.sh"), *SCRIPTS.glob("lib/*.sh"))
                   if "cmake --preset" in path.read_text()]
        self.assertIn("test.sh", [path.name for path in scripts])
        for path in scripts:
            with self.subTest(path.name):
                self.assertIn("install_packages build", path.read_text().split("cmake --preset")[0])

    def test_nothing_is_asked_when_nothing_is_missing(self):
        done = self.shell("install_packages run", installed="python3")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.calls.read_text(), "")

    def test_what_is_missing_is_installed_without_removing_anything(self):
        done = self.shell("install_packages run")
        self.assertEqual(done.returncode, 0, done.stderr)
        installs = [call for call in self.calls.read_text().splitlines() if "install" in call and " -s " not in f" {call} "]
        self.assertEqual(len(installs), 1)
        self.assertIn("--no-remove", installs[0])
        self.assertTrue(installs[0].endswith("python3"))

    def test_no_service_may_start_while_packages_are_installed_and_nothing_stays_behind(self):
        for status in (0, 100):
            with self.subTest(apt_status=status):
                self.calls.write_text("")
                done = self.shell("install_packages run", apt_status=status)
                self.assertEqual(done.returncode, status, done.stderr)
                said = [call for call in self.calls.read_text().splitlines() if call.startswith("may services start")]
                self.assertTrue(said and all(call.endswith(": 101") for call in said), said)
                self.assertFalse(self.policy.exists())

    def test_a_policy_that_was_there_before_stays(self):
        self.policy.write_text("#!/bin/sh\nexit 102\n")
        self.policy.chmod(stat.S_IRWXU)
        self.assertEqual(self.shell("install_packages run").returncode, 0)
        self.assertIn("may services start: 102", self.calls.read_text())
        self.assertIn("exit 102", self.policy.read_text())

    def test_a_conflict_is_named_and_nothing_is_done(self):
        done = self.shell("install_packages run", simulated="Remv libboost1.74-dev [1.74]\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("would remove: libboost1.74-dev", done.stderr)
        self.assertEqual([call for call in self.calls.read_text().splitlines() if "-s " not in call], [])


# Stand-in for a test program that has one scenario in the first of its parts, and breaks what it is asked to break.
RECOVERY_TEST = """#!/bin/sh
case "a clean restart" in *"$BATON_RECOVERY_ONLY"*) one=1;; *) one=0;; esac
case "$BATON_RECOVERY_PART" in 0/*) ;; *) one=0;; esac
echo "every step    scenarios operations     reads   crashes    nested    errors read errors violations   seconds"
echo "figures: payload   $one         10         0         4         0         6           0          0       1.0"
exit "${BROKEN:-0}"
"""
DAMAGE_TEST = "#!/bin/sh\necho \"stride $BATON_DAMAGE_STRIDE\"\nexit \"${BROKEN:-0}\"\n"


class Campaigns(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="baton_campaigns_")
        self.addCleanup(folder.cleanup)
        self.bin = Path(folder.name)
        for name, text in (("store_recovery_test", RECOVERY_TEST), ("trio_recovery_test", RECOVERY_TEST),
                           ("damage_test", DAMAGE_TEST)):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(stat.S_IRWXU)

    def run_script(self, name, *arguments, broken=0):
        environment = {**os.environ, "BATON_BIN": str(self.bin), "BROKEN": str(broken)}
        return subprocess.run([SCRIPTS / name, *arguments], capture_output=True, text=True, env=environment, check=False)

    def test_every_step_sums_its_processes(self):
        done = self.run_script("every_step.sh", "--jobs", "3", "--stride", "7", "--only", "payload")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^payload +1 +30 ")
        self.assertIn("of each 7 operations one was visited", done.stdout)

    def test_every_step_fails_with_one_of_its_processes(self):
        self.assertEqual(self.run_script("every_step.sh", "--jobs", "2", broken=3).returncode, 1)

    def test_every_step_that_took_no_step_is_no_success(self):
        done = self.run_script("every_step.sh", "--jobs", "2", "--scenario", "a clean retsart")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no such scenario: 'a clean retsart'", done.stderr)

    def test_every_step_refuses_what_it_does_not_know(self):
        for arguments in (("--only", "typo"), ("--jobs", "0"), ("--strid", "2")):
            with self.subTest(arguments):
                done = self.run_script("every_step.sh", *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn("what ", done.stderr)

    def test_damage_ends_with_1_however_much_was_missed(self):
        done = self.run_script("damage.sh", "--stride", "9")
        self.assertEqual((done.returncode, done.stdout), (0, "stride 9\n"))
        self.assertEqual(self.run_script("damage.sh", broken=7).returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=1)
