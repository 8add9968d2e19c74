#!/usr/bin/python3
"""The client library as a stranger gets it: installed, found by CMake, and used by the example program.

Usage: installed_client_test.py BUILD EXAMPLE COMPILER SANITIZERS. Installs from BUILD into a temporary folder,
builds EXAMPLE against that with COMPILER (and with Debian's g++, when the library is not sanitized), and runs it
against real daemons.
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import Trio  # noqa: E402  (the path must be set first)

BUILD, EXAMPLE, COMPILER, SANITIZERS = sys.argv[1:5]
WORDS = ["", "a", "baton", "broker", "Donaudampfschifffahrt"]


def run(*command, timeout=240):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def build_example(folder, prefix, compiler):
    flags = f"-fsanitize={SANITIZERS}" if SANITIZERS else ""
    run("cmake", "-S", EXAMPLE, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={compiler}",
        f"-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror {flags}")
    run("cmake", "--build", folder)
    return folder / "count_letters"


def main():
    compilers = [COMPILER]
    gcc = Path("/usr/bin/g++")
    if not SANITIZERS and gcc.exists():
        compilers.append(str(gcc))
    with tempfile.TemporaryDirectory(prefix="baton-installed-") as temporary:
        prefix = Path(temporary) / "prefix"
        run("cmake", "--install", BUILD, "--prefix", prefix, "--component", "client")
        assert (prefix / "include/baton/baton.h").is_file(), "baton.h is not installed"
        programs = [build_example(Path(temporary) / f"build{i}", prefix, compiler)
                    for i, compiler in enumerate(compilers)]
        # Nothing that the program runs with may come from the installed folder.
        shutil.rmtree(prefix)
        with Trio(managers=2) as trio:
            for program in programs:
                printed = run(program, trio.addresses(), *WORDS, timeout=120)
                wanted = "".join(f"{word} {len(word)}\n" for word in WORDS)
                assert printed == wanted, f"{printed!r} instead of {wanted!r}"
    print(f"built with {' and '.join(compilers)}: all words counted")


main()
