#!/usr/bin/python3
"""The main job of scripts/run.sh: does its work, can be broken off, leaves nothing, and can be kept."""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, await_condition, run_cases  # noqa: E402  (the path must be set first)

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
# With --keep, but on free ports, since the default ones may be somebody else's.
KEPT = "import sys, main_job; main_job.KEPT_PORTS.update(center={0}, A={0}, B={0}, C={0}); sys.exit(main_job.run())"


class Job:
    """A run whose temporary and kept files are in a folder of its own."""

    def __init__(self, *command):
        self.scratch = tempfile.TemporaryDirectory(prefix="baton-test-")
        self.command = command
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        for pid in self.daemons():
            os.kill(pid, signal.SIGKILL)
        await_condition(lambda: not self.daemons(), 30, "the daemons are gone")
        self.scratch.cleanup()

    def start(self):
        environment = {**os.environ, "BATON_BIN": str(BIN), "TMPDIR": self.scratch.name, "PYTHONDONTWRITEBYTECODE": "1",
                       "XDG_STATE_HOME": f"{self.scratch.name}/state", "PYTHONPATH": str(SCRIPTS / "lib")}
        # A process group of its own, as a shell gives to what is typed.
        self.process = subprocess.Popen([str(word) for word in self.command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env=environment, start_new_session=True)
        return self

    def finish(self, code):
        """Waits for its end: (its stdout, its stderr)."""
        out, err = self.process.communicate(timeout=200)
        assert self.process.returncode == code, f"exit {self.process.returncode} instead of {code}:\n{out}{err}"
        return out, err

    def await_consumers(self):
        def consumers():
            return [words for pid, words in processes() if parent(pid) == self.process.pid and "consume" in words]

        await_condition(lambda: len(consumers()) == 2, 60, "both consumers run")
        return self

    def daemons(self):
        """The pids of processes that name our folder on their command line."""
        return [pid for pid, words in processes() if any(self.scratch.name in word for word in words)]

    def left_over(self):
        return os.listdir(self.scratch.name)


def processes():
    """(pid, words of the command line) of all that run."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue  # it has just ended
            yield int(folder.name), words


def parent(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def forty_headers_are_all_there_and_none_twice():
    with Job(SCRIPTS / "lib/main_job.py", "--limit", 40) as job:
        out, _ = job.start().finish(0)
        assert re.search(r"^tasks pushed to A +40 ", out, re.M) and re.search(r"^together +40 ", out, re.M), out
        for what in ("missing", "done twice", "wrong results"):
            assert re.search(rf"^{what} +0\b", out, re.M), out
        assert out.endswith("All there, none twice.\n"), out
        expect((job.daemons(), job.left_over()), ([], []))


def broken_off_at_work_it_leaves_nothing():
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with Job(SCRIPTS / "lib/main_job.py") as job:
            job.start().await_consumers().process.send_signal(number)
            _, err = job.finish(code)
            assert "Traceback" not in err, err
            expect((job.daemons(), job.left_over()), ([], []))


def ctrl_c_in_a_shell_ends_run_sh_and_leaves_nothing():
    with Job(SCRIPTS / "run.sh") as job:
        os.killpg(job.start().await_consumers().process.pid, signal.SIGINT)
        _, err = job.finish(130)
        assert "Traceback" not in err, err
        expect((job.daemons(), job.left_over()), ([], []))


def what_a_broken_off_kept_run_left_does_not_disturb_the_next():
    with Job(sys.executable, "-c", KEPT.format(0), "--keep", "--limit", 300) as job:
        job.start().await_consumers().process.send_signal(signal.SIGINT)
        job.finish(130)
        expect((job.daemons(), job.left_over()), ([], ["state"]))
        out, _ = job.start().finish(0)
        assert "All there, none twice." in out, out
        stop = re.search(r"^  (kill .*)$", out, re.M).group(1)
        expect(len(job.daemons()), 4)
        subprocess.run(["sh", "-c", stop], check=True)
        await_condition(lambda: not job.daemons(), 30, "that stops it")


def taken_ports_are_named_in_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with Job(sys.executable, "-c", KEPT.format(port), "--keep", "--limit", 1) as job:
            out, err = job.start().finish(1)
            expect((out, len(err.splitlines())), ("", 1))
            assert f"listens on {port}" in err, err


if __name__ == "__main__":
    # Where SIGINT is ignored (a job in the background of a script) our children would ignore it, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_cases([forty_headers_are_all_there_and_none_twice, broken_off_at_work_it_leaves_nothing,
               ctrl_c_in_a_shell_ends_run_sh_and_leaves_nothing,
               what_a_broken_off_kept_run_left_does_not_disturb_the_next, taken_ports_are_named_in_one_sentence])
