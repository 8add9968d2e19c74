"""A `baton consume` in the background, whose command tells the test through files what it does."""
import atexit
import json
import os
import subprocess
import tempfile
from pathlib import Path

from trio import await_condition


class Worker:
    """Consumes from a queue, with any flags. `command` is its --exec, in which {folder} is a directory that
    the test sees, and {ended} a file that the test makes when the command may end."""

    def __init__(self, trio, queue, *arguments, command=None, managers=None):
        self._temporary = tempfile.TemporaryDirectory(prefix="baton-test-")
        self.folder = Path(self._temporary.name)
        self.begun = self.folder / "begun"
        self.ended = self.folder / "ended"
        if command is not None:
            script = f"echo $$ >> {self.begun}; {command.format(ended=self.ended, folder=self.folder)}"
            arguments = (*arguments, "--exec", script)
        # What it leaves when it is killed is in the folder that goes with it.
        self.process = subprocess.Popen(trio.command("consume", "-q", queue, "-o", "jsonl", *arguments, managers=managers),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "TMPDIR": str(self.folder)})
        atexit.register(self._abandon)

    def await_begun(self, count=1):
        await_condition(lambda: self.begun.exists() and len(self.pids()) >= count, 60, f"{count} commands have begun")
        return self

    def pids(self):
        """Of the commands that have begun."""
        return [int(line) for line in self.begun.read_text().split()]

    def signal(self, number):
        self.process.send_signal(number)

    def finish(self, code):
        """Waits for its end; (its rows, its stderr). Fails when it exits with something else than `code`."""
        out, err = self.process.communicate(timeout=90)
        atexit.unregister(self._abandon)
        self._temporary.cleanup()
        assert self.process.returncode == code, f"exit {self.process.returncode} instead of {code}: {out}{err}"
        return [json.loads(line) for line in out.splitlines()], err

    def _abandon(self):
        """A test that has failed leaves nothing behind."""
        if self.process.poll() is None:
            self.process.terminate()  # so that it ends its commands
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] not in "ZX"
    except OSError:
        return False
