#!/usr/bin/python3
"""`baton dev` and `baton bench --self`: a cluster that comes and goes with one command, and leaves nothing."""
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, run_cases  # noqa: E402  (the path must be set first)


class Dev:
    def __init__(self, *arguments):
        self.scratch = tempfile.TemporaryDirectory(prefix="baton-test-")
        self.process = subprocess.Popen([str(BIN / "baton"), "dev", "--port-base", "0", *arguments], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, "TMPDIR": self.scratch.name})
        line = self.process.stdout.readline()
        assert line.startswith("BATON_MANAGER="), line + self.process.stderr.read()
        self.environment = {**os.environ, "BATON_MANAGER": line.strip().split("=", 1)[1]}

    def baton(self, *arguments, stdin=""):
        done = subprocess.run([str(BIN / "baton"), *arguments], input=stdin, text=True, capture_output=True, timeout=60,
                              check=False, env=self.environment)
        assert done.returncode == 0, f"{arguments}: {done}"
        return done.stdout

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, out + err
        return err

    def left_over(self):
        return os.listdir(self.scratch.name)


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def a_cluster_in_one_process_works_and_leaves_nothing():
    dev = Dev()
    expect(len(dev.environment["BATON_MANAGER"].split(",")), 3)
    expect(len(dev.left_over()), 1)
    dev.baton("produce", "-q", "demo", stdin="a\nb\n")
    expect(dev.baton("consume", "-q", "demo", "-n", "2", "--wait", "30s"), "a\nb\n")
    dev.stop()
    expect(dev.left_over(), [])


def its_data_is_kept_when_a_folder_is_given():
    with tempfile.TemporaryDirectory(prefix="baton-test-") as data:
        first = Dev("--managers", "1", "--data", data)
        first.baton("produce", "-q", "kept", stdin="a\n")
        first.stop(signal.SIGTERM)
        second = Dev("--managers", "1", "--data", data)
        expect(second.baton("consume", "-q", "kept", "-n", "1", "--wait", "30s"), "a\n")
        second.stop()


def a_folder_in_use_is_refused_with_one_sentence():
    with tempfile.TemporaryDirectory(prefix="baton-test-") as data:
        first = Dev("--managers", "1", "--data", data)
        second = subprocess.run([str(BIN / "baton"), "dev", "--port-base", "0", "--data", data], capture_output=True,
                                text=True, timeout=60, check=False)
        expect((second.returncode, second.stdout), (1, ""))
        assert second.stderr.startswith("error: center: "), second.stderr
        first.stop()


def a_bench_of_its_own_leaves_nothing():
    with tempfile.TemporaryDirectory(prefix="baton-test-") as scratch:
        done = subprocess.run([str(BIN / "baton"), "bench", "backlog", "--self", "--tasks", "2000", "-o", "json"], text=True,
                              capture_output=True, timeout=120, check=False, env={**os.environ, "TMPDIR": scratch})
        expect((done.returncode, os.listdir(scratch)), (0, []))
        report = json.loads(done.stdout)
        expect((report["confirmed"], report["completed"], report["lost"], report["managers"]), (2000, 2000, 0, 3))
        assert report["ledger_bytes"] > 0 and report["resident_bytes"] > 0 and report["disk_bytes"] > 0, report


if __name__ == "__main__":
    run_cases([a_cluster_in_one_process_works_and_leaves_nothing, its_data_is_kept_when_a_folder_is_given,
               a_folder_in_use_is_refused_with_one_sentence, a_bench_of_its_own_leaves_nothing])
