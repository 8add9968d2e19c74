#!/usr/bin/python3
"""Checks habits that no compiler sees, over the files that git tracks.

Headers open with a comment and guard themselves; no file names a folder of somebody's machine; text
ends with a newline; scripts are executable; pages link only to what is there. Run: scripts/check_tree.py [ROOT]. Prints file:line: problem;
exits 1 when it found any, 0 with one line when ROOT is no git checkout.
"""
import re
import stat
import subprocess
import sys
from pathlib import Path

# Written so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.}$])/(?:wor[k]|far[m]|roo[t]|hom[e]/\w+|User[s]/\w+)/")
UNFINISHED = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
NAMED_FILE = re.compile(r"`((?:\w[\w.-]*/)+[\w.-]+\.(?:h|cc|py|sh|proto|md|txt))`")
# Inputs of the fuzz targets: bytes, not text.
BYTES = "tests/fuzz/corpus/"
TEXT = {".h", ".cc", ".py", ".sh", ".md", ".proto", ".cmake", ".txt", ".json", ".in", ".yml", ".toml", ""}


def tracked(root):
    done = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, text=True, check=False)
    return None if done.returncode else [name for name in done.stdout.split("\0") if name]


def header_problems(name, lines):
    first_code = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith("//")), None)
    if not lines or not lines[0].startswith("//"):
        yield f"{name}:1: a header opens with what its type is"
    if first_code is None or lines[first_code].strip() != "#pragma once":
        yield f"{name}:{(first_code or 0) + 1}: #pragma once comes first in a header"


def missing_links(root, name, number, line):
    """Links of a page, and files that it names by their path from the root, that are not there."""
    for target in LINK.findall(line):
        if not (root / name).parent.joinpath(target).exists():
            yield f"{name}:{number}: links to {target}, which is not there"
    for target in NAMED_FILE.findall(line):
        if (root / target.split("/")[0]).is_dir() and not (root / target).exists():
            yield f"{name}:{number}: names {target}, which is not there"


def problems(root, names):
    for name in names:
        file = root / name
        if name.startswith(BYTES) or not file.is_file() or file.suffix not in TEXT:
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        lines = text.splitlines()
        if file.suffix == ".h":
            yield from header_problems(name, lines)
        if text and not text.endswith("\n"):
            yield f"{name}:{len(lines)}: no newline at the end"
        if lines and lines[0].startswith("#!") and not file.stat().st_mode & stat.S_IXUSR:
            yield f"{name}:1: a script is executable"
        if file.suffix == ".py" and lines and lines[0].startswith("#!") and lines[0] != "#!/usr/bin/python3":
            yield f"{name}:1: python scripts start with #!/usr/bin/python3"
        for number, line in enumerate(lines, 1):
            if file.suffix == ".md":
                yield from missing_links(root, name, number, line)
            if MACHINE_PATH.search(line):
                yield f"{name}:{number}: names a folder of one machine: {line.strip()}"
            if UNFINISHED.search(line) and file.suffix in (".h", ".cc", ".py", ".sh", ".proto"):
                yield f"{name}:{number}: says that it is unfinished: {line.strip()}"


if __name__ == "__main__":
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    names = tracked(str(root))
    if names is None:
        print("skipped: not a git checkout")
        sys.exit(0)
    found = list(problems(root, names))
    if found:
        print("\n".join(found))
    sys.exit(1 if found else 0)
