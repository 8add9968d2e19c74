#!/usr/bin/python3
"""Checks that clocks, randomness, fsync, threads and sleeps are used only in their one home.

Everything else gets them through a seam (Loop, Worker, Env, a seed), so that the simulator can stand in
for the world. Run: scripts/check_purity.py [ROOT]. Prints file:line: problem; exits 1 when it found any.
"""
import re
import sys
from pathlib import Path

# what: (pattern, homes)
RULES = {
    "the real clock": (
        r"(?:steady|system|high_resolution)_clock::now|\bclock_gettime\b|\bgettimeofday\b|\btime\((?:nullptr|NULL|0)\)",
        r"common/net/asio_|common/daemon/"),
    "randomness of the system": (
        r"std::random_device|\bgetrandom\b|\bgetentropy\b|/dev/u?random|\bs?rand\(|\bmt19937|\bRAND_bytes\b",
        r"common/net/asio_|common/daemon/"),
    "fsync": (
        r"\bf(?:data)?sync\(|\bsync_file_range\b|\bmsync\(|\bO_D?SYNC\b|\bsyncfs\b",
        r"common/storage/|common/daemon/"),
    "threads": (
        r"std::(?:j?thread|async|mutex|shared_mutex|condition_variable|atomic)\b|\bpthread_create\b|\bstd::call_once\b",
        r"common/net/asio_|common/daemon/|common/storage/|client/threads\."),
    "sleeping": (
        r"\bsleep_(?:for|until)\b|\bu?sleep\(|\bnanosleep\b",
        r"common/daemon/"),
}
# Cores take values and return effects: not even an interface to the outside.
PURE = re.compile(r"(?:center|manager)/core/")
IMPURE = (r"\bco_await\b|\bco_return\b|\bgetenv\b|\bLogger\b|\bLoop\b|std::unordered_|\bstd::(?:cout|cerr|ofstream|ifstream)\b"
          r"|\bfopen\b|\bprintf\b")
# A loop over an unordered container would make two replicas differ; lookups alone are harmless.
UNORDERED_ALLOWED = re.compile(r"//.*never iterated")
PRODUCT = ("common", "center", "manager", "client")
QUICK_TESTS = ("tests/unit", "tests/scenarios", "tests/model", "tests/sim", "tests/formats", "tests/support")


def code_of(line, in_comment):
    """`line` without comments, and whether a block comment goes on after it."""
    if in_comment:
        end = line.find("*/")
        if end < 0:
            return "", True
        line = line[end + 2:]
    line = re.sub(r"/\*.*?\*/", "", line.split("//")[0])
    start = line.find("/*")
    return (line, False) if start < 0 else (line[:start], True)


def lines_of(root, folders):
    """(path from root, line number, code, whole line) of every C++ line below `folders`."""
    for folder in folders:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in (".h", ".cc"):
                continue
            in_comment = False
            for number, line in enumerate(file.read_text().splitlines(), 1):
                code, in_comment = code_of(line, in_comment)
                yield file.relative_to(root).as_posix(), number, code, line


def problems(root):
    rules = [(what, re.compile(pattern), re.compile(homes)) for what, (pattern, homes) in RULES.items()]
    impure = re.compile(IMPURE)
    for name, number, code, line in lines_of(root, PRODUCT):
        for what, pattern, homes in rules:
            if pattern.search(code) and not homes.match(name):
                yield f"{name}:{number}: {what} belongs to {homes.pattern}: {line.strip()}"
        found = impure.search(code) if PURE.match(name) else None
        if found and not (found.group().startswith("std::unordered_") and UNORDERED_ALLOWED.search(line)):
            yield f"{name}:{number}: a core has no I/O, loop, log or unordered order ({found.group()}): {line.strip()}"
    sleeping = re.compile(RULES["sleeping"][0])
    for name, number, code, line in lines_of(root, QUICK_TESTS):
        if sleeping.search(code):
            yield f"{name}:{number}: tests wait for a condition, they do not sleep: {line.strip()}"


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()))
    if found:
        print("\n".join(found))
    sys.exit(1 if found else 0)
