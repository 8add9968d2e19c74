#!/usr/bin/python3
"""Completion and manual pages as a user gets them: installed, complete, valid, and run by real shells.

Usage: shell_test.py BUILD [CASE...]. Shells and roff programs that are not there are skipped with a line; bash is.
"""
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, run_cases  # noqa: E402  (the path must be set first)
from command_tree import Command  # noqa: E402

BUILD = sys.argv.pop(1)
HERE = Path(__file__).resolve().parent
PROGRAMS = {"baton": 1, "baton-center": 8, "baton-manager": 8}
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"]


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False, **options)


@functools.cache
def trees():
    return [Command(BIN / program, [program]) for program in PROGRAMS]


def pages():
    return sorted((PREFIX / "share/man").glob("man*/*"))


def page_of(command):
    """The page that tells of a command: its own, or that of the noun above it."""
    section = PROGRAMS[command.words[0]]
    return (PREFIX / f"share/man/man{section}" / f"{'-'.join(command.words[:2])}.{section}").read_text()


def part_of(command, page):
    """Where a page tells of a verb of a noun; the whole page otherwise."""
    if len(command.words) < 3:
        return page
    title = f'.SS "{" ".join(command.words)}"'.replace("-", "\\-")
    assert title in page, f"{command} has no part in its page"
    return re.split(r"^\.S[SH]", page.split(title)[1], maxsplit=1, flags=re.MULTILINE)[0]


def bash(*words, folder=None, script=None):
    """What bash offers for the last of the words."""
    script = script or PREFIX / "share/bash-completion/completions" / words[0]
    done = run("bash", "--norc", HERE / "complete.bash", script, *words, cwd=folder)
    expect((done.returncode, done.stderr), (0, ""))
    return done.stdout.split("\n")[:-1]


def the_install_brings_pages_and_completions():
    for program, section in PROGRAMS.items():
        for path in (f"man/man{section}/{program}.{section}", f"bash-completion/completions/{program}",
                     f"zsh/site-functions/_{program}", f"fish/vendor_completions.d/{program}.fish"):
            assert (PREFIX / "share" / path).stat().st_size > 100, path
    for word in ("produce", "consume", "task", "queue"):
        assert (PREFIX / f"share/man/man1/baton-{word}.1").is_file(), word


def every_verb_and_flag_has_its_place_in_a_page():
    for program in trees():
        assert program.flags, program
        for command in program.all():
            text = part_of(command, page_of(command))
            for flag in command.flags:
                shown = "\\fB" + flag.replace("-", "\\-") + "\\fR"
                assert shown in text, f"{command} {flag} is not in its page"
    overview = page_of(Command(BIN / "baton", ["baton"]))
    for verb in trees()[0].verbs:
        assert f"\\fBbaton\\-{verb.words[1]}\\fR(1)" in overview, f"{verb} is not in baton.1"


def every_verb_and_flag_is_completed():
    for program in trees():
        for command in program.all():
            expect(sorted(bash(*command.words, "-")), sorted(command.flags))
            if command.verbs:
                expect(sorted(bash(*command.words, "")), sorted(verb.words[-1] for verb in command.verbs))
            for shell, path in (("zsh", "zsh/site-functions/_{}"), ("fish", "fish/vendor_completions.d/{}.fish")):
                script = (PREFIX / "share" / path.format(program)).read_text()
                for flag in command.flags:
                    wanted = f"'{flag}:" if shell == "zsh" else f" -l {flag[2:]} " if flag[1] == "-" else f" -s {flag[1:]} "
                    place = f"    '{command}')" if shell == "zsh" else f"_at {command}'"
                    assert any(wanted in part.split("\n    '")[0] if shell == "zsh" else wanted in part.split("\n")[0]
                               for part in script.split(place)[1:]), f"{shell}: {command} {flag}"


def the_comparison_notices_what_is_missing():
    command = Command(BIN / "baton", ["baton", "task", "ls"])
    page = page_of(command)
    assert "\\fB\\-\\-state\\fR" in part_of(command, page)
    show = Command(BIN / "baton", ["baton", "task", "show"])
    assert "\\fB\\-\\-state\\fR" not in part_of(show, page), "a part of a page is not cut at its end"
    assert {"--state", "-q", "--queue", "--help"} <= set(command.flags), command.flags
    assert "--state" not in show.flags, show.flags


def bash_completes_verbs_flags_and_values():
    expect(bash("baton", "ta"), ["task"])
    expect(bash("baton", "task", "sh"), ["show"])
    expect(bash("baton", "consume", "--pi"), ["--pick"])
    expect(bash("baton", "consume", "--pick", ""), ["round-robin", "random"])
    expect(bash("baton", "consume", "--pick=ra"), ["random"])
    expect(bash("baton", "consume", "--pick="), ["round-robin", "random"])
    states = bash("baton", "task", "ls", "--state", "")
    assert {"ready", "delayed", "claimed", "dead", "quarantined"} <= set(states), states
    expect(bash("baton", "task", "ls", "--state", "cl"), ["claimed"])
    expect(bash("baton", "task", "ls", "-o", ""), ["table", "json", "jsonl"])
    expect(bash("baton", "consume", "-o", ""), ["table", "jsonl"])
    expect(bash("baton", "completion", "z"), ["zsh"])
    expect(bash("baton", "bench", "s"), ["single"])
    expect(bash("baton-center", "--log-level", "w"), ["warn"])


def bash_knows_where_it_is_whatever_stands_between():
    expect(bash("baton", "--manager", "task", "qu"), ["queue"])
    expect(bash("baton", "--manager", "127.0.0.1:7101", "task", "sh"), ["show"])
    expect(bash("baton", "--manager=127.0.0.1:7101,h:1", "task", "sh"), ["show"])
    expect(bash("baton", "-o", "json", "task", "sh"), ["show"])
    expect(bash("baton", "-v", "task", "ls", "-q", "show", "--li"), ["--limit"])
    expect(bash("baton", "task", "show", "123", "--ver"), ["--verbose"])
    expect(bash("baton", "nonsense", ""), bash("baton", ""))


def bash_offers_files_only_where_one_is_wanted():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a file").touch()
        (Path(folder) / "a folder").mkdir()
        both = ["a file", "a folder"]
        expect(sorted(bash("baton", "produce", "a", folder=folder)), both)
        expect(sorted(bash("baton", "produce", "a file", "a", folder=folder)), both)
        expect(sorted(bash("baton", "produce", "-q", "x", "--", "a", folder=folder)), both)
        expect(sorted(bash("baton", "bench", "--history", "a", folder=folder)), both)
        for words in (["baton", "fsck", "--data"], ["baton", "dev", "--data"], ["baton-center", "--data"]):
            expect(bash(*words, "a", folder=folder), ["a folder"])
        expect(sorted(bash("baton-manager", "--config", "a", folder=folder)), both)
        for words in (["baton", "task", "show"], ["baton", "consume"], ["baton", "consume", "-q"], ["baton", "queue", "ls"]):
            expect(bash(*words, "a", folder=folder), [])
        expect(sorted(bash("baton", "fence", "a", folder=folder)), both)
        expect(bash("baton", "fence", "fence", "a", folder=folder), [])  # the token
        expect(sorted(bash("baton", "fence", "fence", "--", "cat", "a", folder=folder)), both)
    for words in (["consume", "--exec"], ["fence", "fence", "--"], ["fence", "--wait", "1s", "fence", "7", "--"]):
        assert "cat" in bash("baton", *words, "ca"), words
    expect(bash("baton", "fence", "fence", "--", "cat", "--wa"), [])  # a flag of cat


def the_program_prints_what_is_installed():
    for shell, path in (("bash", "bash-completion/completions/baton"), ("zsh", "zsh/site-functions/_baton"),
                        ("fish", "fish/vendor_completions.d/baton.fish")):
        done = run(BIN / "baton", "completion", shell)
        expect((done.returncode, done.stderr), (0, ""))
        expect(done.stdout, (PREFIX / "share" / path).read_text())
    for words in (["completion"], ["completion", "tcsh"]):
        done = run(BIN / "baton", *words)
        expect((done.returncode, done.stdout), (2, ""))
        assert done.stderr.startswith("error: "), done.stderr
    for program in PROGRAMS:
        expect(run(BIN / program, "--shell-files", "/dev/null/nowhere").returncode, 2)


def a_build_is_sourced_by_bash():
    done = run("bash", "--norc", "-c", 'source <("$0" completion bash); complete -p baton', BIN / "baton")
    expect((done.returncode, done.stdout, done.stderr), (0, "complete -F _baton baton\n", ""))


def other_shells_accept_their_scripts():
    for shell, pattern in (("bash", "bash-completion/completions/*"), ("zsh", "zsh/site-functions/*"),
                           ("fish", "fish/vendor_completions.d/*")):
        if not shutil.which(shell):
            print(f"skipped: {shell} is not installed")
            continue
        for script in sorted((PREFIX / "share").glob(pattern)):
            done = run(shell, "-n", script)
            expect((script.name, done.returncode, done.stderr), (script.name, 0, ""))


def fish_completes_verbs_flags_and_values():
    if not shutil.which("fish"):
        return print("skipped: fish is not installed")
    script = PREFIX / "share/fish/vendor_completions.d/baton.fish"

    def fish(line):
        environment = {**os.environ, "HOME": str(PREFIX), "XDG_CONFIG_HOME": str(PREFIX)}
        done = run("fish", "--no-config", "-c", f"source {script}; complete -C '{line}'", env=environment)
        expect((done.returncode, done.stderr), (0, ""))
        return [answer.split("\t")[0] for answer in done.stdout.splitlines()]

    expect(fish("baton ta"), ["task"])
    expect(fish("baton -o json task sh"), ["show"])
    expect(fish("baton consume --pi"), ["--pick"])
    expect(sorted(fish("baton consume --pick r")), ["random", "round-robin"])
    expect(fish("baton task ls --state cl"), ["claimed"])
    expect(fish("baton completion z"), ["zsh"])
    expect(fish("baton task show x"), [])
    return None


def zsh_completes_verbs_flags_and_values():
    if not shutil.which("zsh"):
        return print("skipped: zsh is not installed")
    script = PREFIX / "share/zsh/site-functions/_baton"

    def zsh(*words):
        # What the completion system would get; the rest of it needs a terminal.
        stand_ins = ("compdef() { }; compset() { }; _message() { }; _files() { print FILES; };\n"
                     "compadd() { print -l -- ${(P)2}; };\n"
                     "_describe() { print -l -- ${${(P)@[-1]}%%:*}; };\n")
        quoted = " ".join(f"'{word}'" for word in words)
        done = run("zsh", "-f", "-c", f"{stand_ins}source {script}; words=({quoted}); CURRENT={len(words)}; _baton")
        expect((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    assert {"task", "produce"} <= set(zsh("baton", "ta"))
    assert {"show", "ls"} <= set(zsh("baton", "-o", "json", "task", ""))
    assert "--pick" in zsh("baton", "consume", "--pi")
    expect(zsh("baton", "consume", "--pick", ""), ["round-robin", "random"])
    expect(zsh("baton", "consume", "--pick=r"), ["round-robin", "random"])
    assert "claimed" in zsh("baton", "task", "ls", "--state", "")
    expect(zsh("baton", "produce", ""), ["FILES"])
    expect(zsh("baton", "task", "show", ""), [])
    return None


def pages_are_valid_roff_with_every_section():
    checkers = [["groff", "-man", "-ww", "-Tutf8", "-z"], ["man", "--warnings", "-l"], ["mandoc", "-Tlint", "-Wwarning"]]
    found = [checker for checker in checkers if shutil.which(checker[0])]
    for checker in checkers:
        if checker not in found:
            print(f"skipped: {checker[0]} is not installed")
    for page in pages():
        text = page.read_text()
        assert text.isascii(), page
        expect(re.findall(r'^\.SH "?([A-Z ]+?)"?$', text, re.MULTILINE), [s for s in (
            SECTIONS[:3] + ["COMMANDS"] + SECTIONS[3:] if page.name == "baton.1" else SECTIONS)])
        assert re.search(r"^\.EX\n.+\n\.EE", text, re.MULTILINE | re.DOTALL), f"{page}: no example"
        for checker in found:
            done = run(*checker, page, env={**os.environ, "MAN_KEEP_FORMATTING": "", "MANPAGER": "cat"})
            # A page has no date, so that two builds of one commit are the same.
            said = [line for line in (done.stdout if checker[0] == "mandoc" else done.stderr).splitlines()
                    if "missing date" not in line]
            expect((page.name, said), (page.name, []))


def every_variable_that_a_page_names_is_explained():
    for page in pages():
        body, environment = page.read_text().split(".SH ENVIRONMENT")
        for name in set(re.findall(r"BATON_[A-Z_]+", body)):
            assert f"\\fB{name}\\fR" in environment, f"{page.name}: {name}"
    assert "BATON_MANAGER" in page_of(Command(BIN / "baton", ["baton", "produce"])).split(".SH ENVIRONMENT")[1]


def help_hides_what_only_a_build_needs():
    for program in trees():
        assert "--shell-files" not in program.help, program
        assert all("shell-files" not in page.read_text() for page in pages())


with tempfile.TemporaryDirectory(prefix="baton-shell-") as temporary:
    PREFIX = Path(temporary)
    installed = run("cmake", "--install", BUILD, "--prefix", PREFIX, "--component", "shell")
    if installed.returncode != 0:
        sys.exit(f"cmake --install: {installed.stdout[-2000:]}{installed.stderr[-2000:]}")
    run_cases([the_install_brings_pages_and_completions,
               every_verb_and_flag_has_its_place_in_a_page,
               every_verb_and_flag_is_completed,
               the_comparison_notices_what_is_missing,
               bash_completes_verbs_flags_and_values,
               bash_knows_where_it_is_whatever_stands_between,
               bash_offers_files_only_where_one_is_wanted,
               the_program_prints_what_is_installed,
               a_build_is_sourced_by_bash,
               other_shells_accept_their_scripts,
               fish_completes_verbs_flags_and_values,
               zsh_completes_verbs_flags_and_values,
               pages_are_valid_roff_with_every_section,
               every_variable_that_a_page_names_is_explained,
               help_hides_what_only_a_build_needs])
