"""A real cluster for tests: one center and some managers as processes on loopback, and the baton program.

Every port is given by the system at the first start and kept over restarts. Everything lives in one
temporary directory. Only processes that were started here are ever signalled, by pid; leaving the
`with` block ends them all.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(os.environ.get("BATON_BIN", Path(__file__).resolve().parents[2] / "build/release/bin"))
LISTENING = re.compile(r"\blistening\b.*\baddress=\"?([^\s\"]+)")
# Generous, since a sanitized build on a busy machine is slow; nothing waits that long when all is well.
START_SECONDS = 60
STOP_SECONDS = 15


class StartError(Exception):
    """A daemon ended instead of listening; the text is what it said on stderr."""


def await_condition(condition, seconds, what):
    """Returns the first true value of condition(); fails with `what` when there was none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Daemon:
    """One daemon with its data directory, through any number of lives."""

    def __init__(self, folder, program, name, arguments=()):
        self.folder = Path(folder)
        self.program = program
        self.name = name
        self.arguments = list(arguments)
        self.data = self.folder / name
        self.log = self.folder / f"{name}.log"
        self.address = None
        self.process = None
        self.paused = False

    def command(self):
        listen = self.address or "127.0.0.1:0"
        return [str(BIN / self.program), "--listen", listen, "--data", str(self.data), *self.arguments]

    def launch(self):
        """Starts the process and does not wait for it."""
        assert not self.alive(), f"{self.name} runs already"
        with open(self.log, "ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.paused = False

    def await_listening(self):
        """Waits until it listens. StartError when it ends instead."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            found = LISTENING.search(self.said())
            if found:
                self.address = found.group(1)
                return self
            if self.process.poll() is not None:
                raise StartError(self.said())
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} does not listen after {START_SECONDS} s:\n{self.said()}")
            time.sleep(0.02)

    def start(self):
        self.launch()
        return self.await_listening()

    def said(self):
        """What this life wrote to its log."""
        with open(self.log, "rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9, and waits until it is gone."""
        if self.alive():
            self.process.kill()
            self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True

    def resume(self):
        self.process.send_signal(signal.SIGCONT)
        self.paused = False

    def terminate(self):
        """SIGTERM; the exit code. Fails when it takes longer than the 10 s that are promised (and some)."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def restart(self):
        self.kill()
        return self.start()


class Trio:
    """with Trio() as trio: a center and `managers` managers that listen; trio.baton(...) runs the program."""

    def __init__(self, managers=3, manager_arguments=(), start=True, keep=False, center_arguments=()):
        self.folder = Path(tempfile.mkdtemp(prefix="baton-test-"))
        self.keep = keep
        # The disk floor is for operators; a test machine may have little room left.
        self.center = Daemon(self.folder, "baton-center", "center", ["--disk-free-min", "16MiB", *center_arguments])
        self.managers = []
        self._manager_arguments = list(manager_arguments)
        self._managers_wanted = managers
        self._start = start

    def __enter__(self):
        try:
            if self._start:
                self.center.start()
            for number in range(1, self._managers_wanted + 1):
                self.add_manager(f"m{number}")
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, error, *_):
        for daemon in self.daemons():
            if daemon.alive() and daemon.paused:
                daemon.resume()
            daemon.kill()
        passed = kind is None or (kind is SystemExit and not error.code)
        if not passed:
            for daemon in self.daemons():
                if daemon.log.exists():
                    print(f"---- last words of {daemon.name}", daemon.log.read_text(errors="replace")[-3000:], sep="\n",
                          file=sys.stderr)
        if self.keep:
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def add_manager(self, name):
        manager = Daemon(self.folder, "baton-manager", name,
                         ["--name", name, "--disk-free-min", "16MiB", "--center", self.center.address or "127.0.0.1:1",
                          *self._manager_arguments])
        self.managers.append(manager)
        if self._start:
            manager.start()
        return manager

    def daemons(self):
        return [self.center, *self.managers]

    def addresses(self, first=0):
        """All managers, the one with index `first` first."""
        order = self.managers[first:] + self.managers[:first]
        return ",".join(manager.address for manager in order if manager.address)

    def command(self, *arguments, managers=None):
        """The baton program with its verb and flags; --manager at the end, where every verb takes it."""
        return [str(BIN / "baton"), *map(str, arguments), "--manager", managers or self.addresses()]

    def baton(self, *arguments, stdin="", code=0, managers=None, timeout=120):
        """Runs the program; its stdout. Fails when it exits with something else than `code` (None: anything)."""
        done = subprocess.run(self.command(*arguments, managers=managers), input=stdin, capture_output=True, text=True,
                              timeout=timeout, check=False)
        if code is not None and done.returncode != code:
            raise AssertionError(f"baton {' '.join(map(str, arguments))}: exit {done.returncode} instead of {code}\n"
                                 f"stdout: {done.stdout[-1000:]}\nstderr: {done.stderr[-1000:]}")
        return done.stdout

    def rows(self, *arguments, **options):
        """The program's answer as a list of JSON objects."""
        return [json.loads(line) for line in self.baton(*arguments, "-o", "jsonl", **options).splitlines()]

    def produce(self, queue, payloads, **options):
        """Their ids, in order."""
        text = "".join(f"{payload}\n" for payload in payloads)
        return self.baton("produce", "-q", queue, stdin=text, **options).split()

    def consume(self, queue, count, *arguments, **options):
        return self.rows("consume", "-q", queue, "-n", count, "--wait", "90s", *arguments, **options)

    def queue(self, name):
        """The row of `queue ls` for one queue, or None."""
        return next((row for row in self.rows("queue", "ls") if row["name"] == name), None)


def run_cases(cases):
    """Runs test functions by name ('all' or the names given on the command line); exits 1 if any failed."""
    wanted = sys.argv[1:] or [case.__name__ for case in cases]
    failed = 0
    for case in cases:
        if case.__name__ not in wanted:
            continue
        began = time.monotonic()
        try:
            case()
            verdict = "ok"
        except (AssertionError, StartError, subprocess.SubprocessError, OSError, KeyError, ValueError) as error:
            failed += 1
            verdict = f"FAILED: {type(error).__name__}: {error}"
        print(f"{case.__name__.replace('_', ' ')}: {verdict} ({time.monotonic() - began:.1f} s)", flush=True)
    sys.exit(1 if failed else 0)
