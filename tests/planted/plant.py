#!/usr/bin/python3
"""Plants known bugs, one at a time, and sees whether the simulation finds them.

A checker that cannot fail checks nothing, and a simulation that misses a known bug will miss its like. Each file
tests/planted/NAME.patch is one bug: what it is, what it breaks, who finds it, and the seed that does. The files that
it touches are copied and patched, compiled with the commands of an existing build and linked into a program of their
own; the tree itself is never changed.

Run: tests/planted/plant.py [--build build/release] [--kept | --update] [NAME ...]
Needs a build directory in which the target baton_sim is up to date. Exits 1 when a bug was not found.
"""
import argparse
import concurrent.futures
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent

HEAD = ("Bug", "Breaks", "Found by", "Seed")  # of every patch, in this order
MODELS = ROOT / "docs/models/README.md"        # its last table names the bugs of the models' mistakes
SEEDS_AT_ONCE = 20   # so that a crash costs few seeds to run again
HANGS_AFTER = 25     # seconds of processor time for as many seeds: a bug may turn the world in circles
LAST_SEED = 1 << 40
# By which a violation that no checker's number begins is called.
PHRASES = ("is given away", "grants and got number", "got a task after its end", "logs an error", "after an I/O error",
           "ended itself", "finished tasks, and may keep", "refused to start", "was refused", "was acked with",
           "the result of task", "still open", "without an outcome", "ended by signal", "does not end")
RUNNING = set()      # programs that end with us
STOPPING = threading.Event()


class Broken(Exception):
    """A patch that cannot be planted: it is out of date."""


class Bug:
    """One patch and its head lines."""

    def __init__(self, path):
        self.path = path
        self.name = path.stem
        self.text = path.read_text()
        self.head = {}
        for line in self.text.splitlines():
            name, colon, value = line.partition(": ")
            if not colon or name not in HEAD + ("Program",):
                break
            self.head[name] = value
        self.program = shlex.split(self.head.get("Program", "baton_sim"))
        self.files = re.findall(r"^\+\+\+ b/(\S+)$", self.text, re.MULTILINE)

    @property
    def seed(self):
        """The seed that is known to find it, or None."""
        return int(self.head["Seed"]) if self.head["Seed"].isdigit() else None

    @property
    def is_simulated(self):
        return self.program[0] == "baton_sim"

    def problems(self):
        """What is wrong with the patch as it lies there."""
        if list(self.head)[:len(HEAD)] != list(HEAD):
            yield f"does not begin with the lines {', '.join(HEAD)}"
            return
        if self.head["Seed"] != "none" and self.seed is None:
            yield f"'{self.head['Seed']}' is no seed: a number or none"
        elif self.is_simulated and self.seed is None:
            yield "nothing is known to find it: no seed, no program"
        body = self.text.split("\n--- a/", 1)[0].split("\n\n", 1)
        if len(body) < 2 or not body[1].strip():
            yield "does not say in words what it does"
        if not self.files:
            yield "changes no file"
        for file in self.files:
            if not file.endswith((".cc", ".h")) or file.startswith("tests/"):
                yield f"changes {file}, which is no product code"
        applied = git_apply(ROOT, self.path, "--check")
        if applied:
            yield f"does not apply: {applied}"

    def keep(self, seed, finders):
        """Writes down which seed finds it."""
        text = re.sub(r"^Seed: .*$", f"Seed: {seed}", self.text, count=1, flags=re.MULTILINE)
        text = re.sub(r"^Found by: .*$", f"Found by: {finders}", text, count=1, flags=re.MULTILINE)
        self.path.write_text(text)


def git_apply(folder, patch, *options):
    """What git says against applying the patch in the folder; empty when it does apply."""
    # Not as a part of the repository around it, whatever that has staged.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(["git", "apply", *options, str(patch)], cwd=folder, env=environment, capture_output=True,
                          text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


class Build:
    """An existing build: how it compiles and links, and which sources include which headers."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()
        self.known = {}
        self.dependencies = None

    def commands(self, target):
        """The commands that make a target, the one that links it last."""
        with self.lock:
            if target not in self.known:
                self.known[target] = self.ninja("-t", "commands", target).splitlines()
            return self.known[target]

    def includers(self, header):
        """Objects whose source includes the header, as ninja has recorded it."""
        with self.lock:
            if self.dependencies is None:
                self.dependencies = self.ninja("-t", "deps")
        found = set()
        wanted = str(ROOT / header)
        for line in self.dependencies.splitlines():
            if line and not line.startswith(" "):
                current = line.split(":")[0]
            elif line.strip() == wanted:
                found.add(current)
        return found

    def ninja(self, *arguments):
        done = subprocess.run(["ninja", "-C", str(self.folder), *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Broken(f"ninja {' '.join(arguments)} fails in {self.folder}: {done.stderr.strip()}")
        return done.stdout

    def compiles(self, target, files):
        """(words, source) of the compile commands of a target that have to do with the files."""
        headers = set().union(*(self.includers(file) for file in files if file.endswith(".h")))
        for line in self.commands(target):
            if " -c " not in line:
                continue
            words = shlex.split(line)
            source = words[words.index("-c") + 1]
            is_touched = any(source == str(ROOT / file) for file in files)
            if is_touched or words[words.index("-o") + 1] in headers:
                yield words, Path(source)


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


class Outcome:
    """How a program ended, and the processor time that it took: the machine may have other work."""

    def __init__(self, command, seconds_max):
        with (tempfile.TemporaryFile("w+", errors="replace") as out,
              tempfile.TemporaryFile("w+", errors="replace") as err):
            limited = ["sh", "-c", f"ulimit -t {int(seconds_max)}; exec \"$@\"", "sh", *map(str, command)]
            with subprocess.Popen(limited, stdout=out, stderr=err) as child:
                RUNNING.add(child)
                _, status, usage = os.wait4(child.pid, 0)
                RUNNING.discard(child)
                child.returncode = self.status = os.waitstatus_to_exitcode(status)
            self.seconds = usage.ru_utime + usage.ru_stime
            out.seek(0)
            err.seek(0)
            self.stdout, self.stderr = out.read(), err.read()

    @property
    def hangs(self):
        return self.status in (-signal.SIGXCPU, -signal.SIGKILL)


def plant(bug, build, scratch):
    """Builds the bug's program with the bug in it; returns its path."""
    folder = scratch / bug.name
    for file in bug.files:
        copy = folder / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text((ROOT / file).read_text())
    if refused := git_apply(folder, bug.path):
        raise Broken(f"does not apply: {refused}")
    target = bug.program[0]
    objects = []
    for words, source in build.compiles(target, bug.files):
        patched = folder / source.relative_to(ROOT)
        made = folder / f"{len(objects)}.o"
        words = [word for word in words if not word.startswith("-Werror") and not word.endswith("ccache")]
        words[words.index("-c") + 1] = str(patched if patched.exists() else source)
        words[words.index("-o") + 1] = str(made)
        for option in ("-MT", "-MF"):  # the record of dependencies is the build's own
            if option in words:
                words[words.index(option) + 1] = str(made) + (".d" if option == "-MF" else "")
        first_include = next(i for i, word in enumerate(words) if word.startswith("-I"))
        words.insert(first_include, f"-I{folder}")
        compiled = run(words, cwd=build.folder)
        if compiled.returncode != 0:
            raise Broken(f"does not compile:\n{compiled.stderr}")
        objects.append(str(made))
    if not objects:
        raise Broken(f"{', '.join(bug.files)} is in no object of {target}")
    # In front of the libraries, so that the linker takes them instead of the archives' own members.
    link = build.commands(target)[-1].replace(f"-o bin/{target}", f"{' '.join(objects)} -o {folder / target}", 1)
    linked = run(["sh", "-c", link], cwd=build.folder)
    if linked.returncode != 0:
        raise Broken(f"does not link:\n{linked.stderr}")
    return folder / target


class Find:
    """What a search came to. No line: nothing was found."""

    def __init__(self, lines=(), seed=None, seeds=0, seconds=0.0):
        self.lines = list(lines)
        self.seed = seed
        self.seeds = seeds
        self.seconds = seconds

    @property
    def finders(self):
        """Checkers by their numbers; what a node or the program itself noticed in a few words."""
        names = []
        for line in self.lines:
            words = re.sub(r"^seed \d+: ", "", line)
            checker = re.match(r"[A-Z]+\d+\b", words)
            phrase = next((phrase for phrase in PHRASES if phrase in words), words[:40])
            name = checker.group() if checker else phrase
            if name not in names:
                names.append(name)
        return ", ".join(sorted(names))


def violations(text):
    """Not the line that names the trace of a single seed."""
    return [line for line in text.splitlines() if re.match(r"seed \d+: (?!trace )", line)]


class Simulation:
    """Runs seeds of a planted baton_sim, beside the right one."""

    def __init__(self, program, right, ignored):
        self.program = program
        self.right = right
        self.ignored = ignored  # checkers whose word counts for nothing
        self.seconds = 0.0

    def search(self, first, last, seconds_max):
        """The first find in a range of seeds, for so many seconds of processor time at most."""
        at = first
        while at <= last and self.seconds < seconds_max and not STOPPING.is_set():
            end = min(at + SEEDS_AT_ONCE - 1, last)
            lines, seed = self.try_seeds(at, end)
            if seed is None:
                at = end + 1
                continue
            lines = self.counted(lines)
            if lines and not self.is_bad_anyway(seed):
                return Find(lines, seed, seed - first + 1, self.seconds)
            at = seed + 1
        return Find(seeds=at - first, seconds=self.seconds)

    def try_seeds(self, first, last):
        """What is said about the first seed of a range that goes wrong, and that seed; ([], None) when none does."""
        done = Outcome([self.program, "--seeds", f"{first}..{last}", "--until-violation"], HANGS_AFTER)
        self.seconds += done.seconds
        if lines := violations(done.stdout):
            return lines, int(lines[0].split()[1].rstrip(":"))
        if done.status >= 0 or STOPPING.is_set():
            return [], None
        if first == last:
            # A check inside a node is a find as well.
            said = done.stderr.strip().splitlines() or ["no words"]
            said = re.sub(r"\S+/(\w+\.\w+:\d+: check failed)", r"\1", said[-1])
            ended = f"does not end within {HANGS_AFTER} s" if done.hangs else f"ended by signal {-done.status}: {said}"
            return [f"seed {first}: {ended}"], first
        for seed in range(first, last + 1):
            lines, found = self.try_seeds(seed, seed)
            if lines:
                return lines, found
        return [], None

    def counted(self, lines):
        return [line for line in lines if line.split()[2] not in self.ignored]

    def is_bad_anyway(self, seed):
        """Without the bug, too: then the seed proves nothing."""
        done = Outcome([self.right, "--seeds", f"{seed}..{seed}"], HANGS_AFTER)
        return done.status < 0 or bool(self.counted(violations(done.stdout)))


def run_once(program, arguments, seconds_max):
    """Of another program than the simulation: it finds the bug when it fails."""
    done = Outcome([program, *arguments], seconds_max)
    if done.status == 0:
        return Find(seeds=1, seconds=done.seconds)
    failed = re.findall(r"^.*(?:FAILED|violation|check failed|terminat).*$", done.stdout + done.stderr, re.MULTILINE)
    said = failed[0].strip() if failed else "does not end" if done.hangs else f"exit status {done.status}"
    return Find([f"{program.name}: {said}"], None, 1, done.seconds)


def look_for(bug, program, build, options):
    """(what was found, a remark about the kept seed)"""
    if not bug.is_simulated:
        return run_once(program, bug.program[1:], max(options.seconds, HANGS_AFTER)), ""
    remark = ""
    simulation = Simulation(program, build.folder / "bin" / bug.program[0], options.ignore)
    if options.kept and bug.seed is not None:
        find = simulation.search(bug.seed, bug.seed, options.seconds)
        if find.lines:
            return find, ""
        remark = f"kept seed {bug.seed} finds it no more; "
    elif options.kept:
        remark = "no seed kept; "
    return simulation.search(*options.seeds, options.seconds), remark


def try_one(bug, build, scratch, options):
    """Plants and looks; returns the find, or None where the patch is broken."""
    try:
        program = plant(bug, build, scratch)
    except Broken as why:
        print(f"{bug.name}: BROKEN: {why}", flush=True)
        return None
    find, remark = look_for(bug, program, build, options)
    program.unlink()
    if STOPPING.is_set():
        return None
    cost = f"{find.seeds} seed{'s' if find.seeds != 1 else ''}, {find.seconds:.1f} s"
    if find.lines:
        where = f" at seed {find.seed}" if find.seed is not None else ""
        print(f"{bug.name}: {remark}found by {find.finders}{where} ({cost}): {find.lines[0]}", flush=True)
        if options.update and bug.is_simulated:
            bug.keep(find.seed, find.finders)
    else:
        print(f"{bug.name}: {remark}MISSED ({cost}); to be found by {bug.head['Found by']}", flush=True)
    return find


def named_by_models():
    """The planted bugs that share their idea with a mistake in the models."""
    rows = [line.split("|") for line in MODELS.read_text().splitlines() if re.match(r"\|.*\| `[A-Z_]+`.*\|$", line)]
    return {name for row in rows for name in re.findall(r"[a-z_]{3,}", row[-2])}


def check(bugs):
    """The patches as they lie there: whole, unique, and fitting to the tree."""
    found = [f"{bug.path.name}: {problem}" for bug in bugs for problem in bug.problems()]
    names = {path.stem for path in FOLDER.glob("*.patch")}
    found += [f"{MODELS.name}: no planted bug is called {name}" for name in sorted(named_by_models() - names)]
    titles = {}
    for bug in bugs:
        other = titles.setdefault(bug.head.get("Bug"), bug)
        if other is not bug:
            found.append(f"{bug.path.name}: is the bug of {other.path.name}")
    print("\n".join(found) or f"{len(bugs)} planted bugs apply")
    return 1 if found else 0


def seed_range(text):
    first, dots, last = text.partition("..")
    if not dots or not first.isdigit() or not last.isdigit() or int(first) > int(last):
        raise argparse.ArgumentTypeError("A..B with A <= B")
    return int(first), int(last)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release", help="a build directory with baton_sim in it")
    parser.add_argument("--kept", action="store_true",
                        help="try the kept seed of each bug; search only where that finds it no more")
    parser.add_argument("--update", action="store_true", help="search, and keep the seed that finds the bug")
    parser.add_argument("--seeds", type=seed_range, default=(1, LAST_SEED), help="A..B: where to search")
    parser.add_argument("--seconds", type=float, default=60, help="how long to search for each bug, in processor time (60)")
    parser.add_argument("--jobs", type=int, default=2, help="bugs at once (2)")
    parser.add_argument("--ignore", action="append", default=[], metavar="CHECKER",
                        help="a checker, for instance C5, whose word counts for nothing")
    parser.add_argument("--check", action="store_true", help="only see whether the patches are whole and apply")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    options = parser.parse_args()
    bugs = [Bug(path) for path in sorted(options.folder.glob("*.patch"))]
    for name in options.names:
        if name not in (bug.name for bug in bugs):
            parser.error(f"no bug is called {name}")
    return options, [bug for bug in bugs if not options.names or bug.name in options.names]


def main():
    options, bugs = parse_arguments()
    if options.check:
        return check(bugs)
    build = Build(Path(options.build).resolve())
    with tempfile.TemporaryDirectory(prefix="baton-planted-") as scratch:
        pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
        try:
            finds = list(pool.map(lambda bug: try_one(bug, build, Path(scratch), options), bugs))
        except KeyboardInterrupt:
            STOPPING.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for child in list(RUNNING):
                child.kill()
            pool.shutdown()
            raise
    found = [(find.seconds, bug.name) for find, bug in zip(finds, bugs) if find is not None and find.lines]
    slowest = f"; slowest: {max(found)[1]}, {max(found)[0]:.1f} s" if found else ""
    print(f"{len(found)} of {len(bugs)} planted bugs found{slowest}")
    return 0 if len(found) == len(bugs) else 1


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except Broken as problem:
        sys.exit(f"plant: {problem}")
