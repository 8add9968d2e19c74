#!/usr/bin/python3
"""The package helper of scripts/ asks for the right packages and installs nothing that is there."""
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
case "$*" in *-s*) printf '%s' "$SIMULATED";; esac
"""
SUDO = "#!/bin/sh\n[ \"$1\" = env ] && exec \"$@\"\nexit 0\n"


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

    def shell(self, script, installed="", simulated=""):
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "INSTALLED": installed,
                       "CALLS": str(self.calls), "SIMULATED": simulated}
        source = f"set -euo pipefail; source {SCRIPTS}/lib/packages.sh; baton_policy={self.bin}/policy; "
        return subprocess.run(["bash", "-c", source + script], capture_output=True, text=True, env=environment, check=False)

    def test_sections_do_not_mix(self):
        run = self.shell("packages_for run").stdout.split()
        test = self.shell("packages_for test").stdout.split()
        self.assertEqual(run, ["python3"])
        self.assertIn("catch2", test)
        self.assertNotIn("clang-19", test)

    def test_nothing_is_asked_when_nothing_is_missing(self):
        done = self.shell("install_packages run", installed="python3")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.calls.read_text(), "")

    def test_what_is_missing_is_installed_without_removing_anything(self):
        done = self.shell("install_packages run")
        self.assertEqual(done.returncode, 0, done.stderr)
        installs = [call for call in self.calls.read_text().splitlines() if " -s " not in f" {call} "]
        self.assertEqual(len(installs), 1)
        self.assertIn("--no-remove", installs[0])
        self.assertTrue(installs[0].endswith("python3"))

    def test_a_conflict_is_named_and_nothing_is_done(self):
        done = self.shell("install_packages run", simulated="Remv libboost1.74-dev [1.74]\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("would remove: libboost1.74-dev", done.stderr)
        self.assertEqual([call for call in self.calls.read_text().splitlines() if "-s " not in call], [])


if __name__ == "__main__":
    unittest.main(verbosity=1)
