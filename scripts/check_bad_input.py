#!/usr/bin/python3
"""Every row of docs/protocol.md, section 10 (bad input), has a test that is named after it, and every such
name is a row's.

A row's first column is its id, B1, B2, ...; a test function in tests/integration/python_client begins with it:
`def B7_delays_and_timeouts`. Two rows may share an id when one test proves both. Run:
scripts/check_bad_input.py [ROOT]. Exits 1 with a line for each that is missing.
"""
import re
import sys
from pathlib import Path

PAGE = "docs/protocol.md"
SECTION = "## 10. Bad input"
ROW = re.compile(r"^\| (\S+) \|", re.M)
ID = re.compile(r"B[1-9]\d*")
TEST = re.compile(r"^def (B[1-9]\d*)_\w+\(\)", re.M)


def problems(root):
    text = (root / PAGE).read_text()
    if SECTION not in text:
        yield f"{PAGE}: there is no section '{SECTION}'"
        return
    table = text[text.index(SECTION):]
    rows = [row for row in ROW.findall(table.split("\n## ", 1)[0]) if row != "row"]
    tests = [name for file in sorted((root / "tests/integration/python_client").glob("*_test.py"))
             for name in TEST.findall(file.read_text())]
    for row in rows:
        if not ID.fullmatch(row):
            yield f"{PAGE}: '{row}' is no id of a row: B and a number"
        elif row not in tests:
            yield f"{PAGE}: row {row} has no test: tests/integration/python_client has no function {row}_..."
    if not rows:
        yield f"{PAGE}: section 10 has no rows"
    for name in sorted(set(tests) - set(rows)):
        yield f"tests/integration/python_client: {name}_... proves no row of section 10 of {PAGE}"
    for name in sorted({name for name in tests if tests.count(name) > 1}):
        yield f"tests/integration/python_client: two tests are named {name}_..."


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
    found = list(problems(root))
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
