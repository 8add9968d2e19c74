#!/usr/bin/python3
"""Each installed header of the client library compiles alone with Debian's g++ 12, from the installed folder only,
and reaches nothing but the standard library.

Usage: public_headers_test.py BUILD.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

GCC = Path("/usr/bin/g++")
FOREIGN = ("google/", "boost/", "leveldb/", "spdlog/", "openssl/")


def main():
    if not GCC.exists():
        print(f"skipped: no {GCC}")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="baton-headers-") as temporary:
        subprocess.run(["cmake", "--install", sys.argv[1], "--prefix", temporary, "--component", "client"], check=True,
                       capture_output=True)
        root = Path(temporary) / "include/baton"
        headers = sorted(str(file.relative_to(root)) for file in root.rglob("*.h"))
        assert {"baton.h", "client/client.h", "client/producer.h", "client/consumer.h", "client/admin.h"} <= set(headers)
        for header in headers:
            # Compiling and listing what was read, in one go; a main, so that the header is used as a user would.
            done = subprocess.run([GCC, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-I", root,
                                   "-x", "c++", "-c", "-o", "/dev/null", "-H", "-"],
                                  input=f"#include <{header}>\nint main() {{}}\n", capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{header} does not compile alone:\n{done.stderr[-3000:]}"
            read = [line.lstrip(". ") for line in done.stderr.splitlines() if line.startswith(".")]
            strange = [name for name in read if any(part in name for part in FOREIGN)]
            assert not strange, f"{header} reaches {strange[0]}"
            outside = [name for name in read if name.startswith("/") and not name.startswith(str(root))
                       and not name.startswith("/usr/")]
            assert not outside, f"{header} reaches {outside[0]}"
        print(f"{len(headers)} headers compile alone with {GCC}")


main()
