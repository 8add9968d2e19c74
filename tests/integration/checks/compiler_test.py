#!/usr/bin/python3
"""A compiler that miscompiles coroutines stops CMake with one line that names the preset."""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def old_compiler():
    for name in ("g++-12", "g++"):
        if shutil.which(name):
            version = subprocess.run([name, "-dumpversion"], capture_output=True, text=True, check=True).stdout
            if int(version.split(".")[0]) < 13:
                return name
    return None


def main():
    compiler = old_compiler()
    if compiler is None:
        print("skipped: no g++ older than 13 is here")
        return 77
    with tempfile.TemporaryDirectory(prefix="baton-test-") as folder:
        done = subprocess.run(["cmake", "-S", str(ROOT), "-B", folder, f"-DCMAKE_CXX_COMPILER={compiler}"],
                              capture_output=True, text=True, check=False)
    told = [line.strip() for line in done.stderr.splitlines() if "preset" in line]
    good = done.returncode != 0 and len(told) == 1 and re.search(r"GCC 1?\d\.\d.*cmake --preset release", " ".join(
        done.stderr.split()))
    if not good:
        print(f"exit {done.returncode}:\n{done.stderr}", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
