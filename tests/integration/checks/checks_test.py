#!/usr/bin/python3
"""Each check of scripts/ finds what it is there to find, at the right line, and accepts what is right."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
GOOD_HEADER = "// A thing.\n#pragma once\n"


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="baton_checks_")
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        subprocess.run(["git", "init", "-q", self.root], check=True)
        for layer in ("common/base", "center/core", "manager/core", "client"):
            (self.root / layer).mkdir(parents=True)

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run_check(self, name):
        subprocess.run(["git", "-C", self.root, "add", "-A"], check=True)
        done = subprocess.run([SCRIPTS / f"check_{name}.py", self.root], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def assert_found(self, check, place):
        code, text = self.run_check(check)
        self.assertEqual(code, 1, text)
        self.assertIn(place, text)

    def assert_clean(self, check):
        self.assertEqual(self.run_check(check), (0, ""))


class Layers(Tree):
    def test_a_clean_tree_is_silent(self):
        self.write("center/core/a.h", GOOD_HEADER + '#include <vector>\n#include "common/base/status.h"\n')
        self.assert_clean("layers")

    def test_a_core_may_not_include_its_service(self):
        self.write("center/core/a.h", GOOD_HEADER + '#include "center/service/center_node.h"\n')
        self.assert_found("layers", "center/core/a.h:3:")

    def test_center_and_manager_do_not_know_each_other(self):
        self.write("manager/service/a.cc", '#include "center/core/ledger.h"\n')
        self.assert_found("layers", "manager/service/a.cc:1:")

    def test_nothing_includes_tests(self):
        self.write("client/a.cc", '#include "tests/support/builders.h"\n')
        self.assert_found("layers", "client/a.cc:1:")

    def test_a_service_does_not_know_asio(self):
        self.write("center/service/a.cc", "#include <boost/asio/post.hpp>\n")
        self.assert_found("layers", "center/service/a.cc:1:")

    def test_a_library_belongs_to_its_layers(self):
        self.write("manager/core/a.cc", "#include <leveldb/db.h>\n")
        self.assert_found("layers", "manager/core/a.cc:1:")

    def test_a_header_is_named_by_its_path_from_the_root(self):
        self.write("client/a.cc", '#include "session.h"\n')
        self.assert_found("layers", "client/a.cc:1:")

    def test_a_new_folder_must_get_a_layer(self):
        self.write("common/fancy/a.h", GOOD_HEADER)
        self.assert_found("layers", "common/fancy/a.h:1:")


class Purity(Tree):
    def test_words_in_comments_are_no_use(self):
        self.write("client/a.cc", "// no steady_clock::now here\n/* std::thread\n fsync( */ int a;\n")
        self.assert_clean("purity")

    def test_a_clock_outside_its_home(self):
        self.write("client/a.cc", "\nauto t = std::chrono::steady_clock::now();\n")
        self.assert_found("purity", "client/a.cc:2: the real clock")

    def test_a_clock_at_home(self):
        self.write("common/net/asio_loop.cc", "auto t = std::chrono::steady_clock::now();\n")
        self.assert_clean("purity")

    def test_randomness_fsync_threads_and_sleeping(self):
        for text, what in (("std::random_device d;", "randomness"), ("fdatasync(fd);", "fsync"),
                           ("std::thread t;", "threads"), ("usleep(5);", "sleeping")):
            self.write("manager/service/a.cc", text + "\n")
            self.assert_found("purity", f"manager/service/a.cc:1: {what}")

    def test_unordered_order_in_a_core(self):
        self.write("center/core/a.h", "std::unordered_map<int, int> a_;\n")
        self.assert_found("purity", "center/core/a.h:1:")
        self.write("center/core/a.h", "std::unordered_map<int, int> a_;  // lookups only, never iterated\n")
        self.assert_clean("purity")

    def test_a_sleep_in_a_unit_test(self):
        self.write("tests/unit/a_test.cc", "std::this_thread::sleep_for(1s);\n")
        self.assert_found("purity", "tests/unit/a_test.cc:1:")


class Habits(Tree):
    def test_a_clean_tree_is_silent(self):
        self.write("client/a.h", GOOD_HEADER)
        self.assert_clean("tree")

    def test_a_header_without_a_guard(self):
        self.write("client/a.h", "// A thing.\nint a;\n")
        self.assert_found("tree", "client/a.h:2:")

    def test_a_header_without_an_opening_comment(self):
        self.write("client/a.h", "#pragma once\n")
        self.assert_found("tree", "client/a.h:1:")

    def test_a_folder_of_one_machine(self):
        self.write("README.md", "see\n/" + "home/somebody/baton\n")
        self.assert_found("tree", "README.md:2:")

    def test_a_script_that_cannot_be_run(self):
        self.write("scripts/a.py", "#!/usr/bin/python3\n")
        self.assert_found("tree", "scripts/a.py:1:")

    def test_a_page_that_points_nowhere(self):
        self.write("docs/a.md", "See [this](../client/a.h#part), [that](https://example.org) and `client/a.h`.\n")
        self.write("client/a.h", GOOD_HEADER)
        self.assert_clean("tree")
        self.write("docs/a.md", "text\nSee [this](gone.md).\n")
        self.assert_found("tree", "docs/a.md:2: links to gone.md")
        self.write("docs/a.md", "Look at `client/gone.h`.\n")
        self.assert_found("tree", "docs/a.md:1: names client/gone.h")

    def test_no_newline_at_the_end(self):
        self.write("a.md", "text")
        self.assert_found("tree", "a.md:1:")


class BadInput(Tree):
    PAGE = "# The protocol\n\n## 10. Bad input\n\n| row | where |\n|---|---|\n| B1 | a |\n| B2 | b |\n"
    TESTS = "def B1_one():\n    pass\n\n\ndef B2_two():\n    pass\n"

    def write_both(self, page, tests):
        self.write("docs/protocol.md", page)
        self.write("tests/integration/python_client/values_test.py", tests)

    def test_rows_with_tests_are_silent(self):
        self.write_both(self.PAGE, self.TESTS)
        self.assert_clean("bad_input")

    def test_a_row_without_a_test(self):
        self.write_both(self.PAGE + "| B3 | c |\n", self.TESTS)
        self.assert_found("bad_input", "row B3 has no test")

    def test_a_row_without_an_id(self):
        self.write_both(self.PAGE + "| `priority` | c |\n", self.TESTS)
        self.assert_found("bad_input", "'`priority`' is no id")

    def test_a_test_without_a_row(self):
        self.write_both(self.PAGE, self.TESTS + "\n\ndef B4_four():\n    pass\n")
        self.assert_found("bad_input", "B4_... proves no row")

    def test_a_page_without_the_table(self):
        self.write_both("# The protocol\n", self.TESTS)
        self.assert_found("bad_input", "there is no section")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main(verbosity=1)
