#!/usr/bin/python3
"""`baton fence` as scripts use it: what passes, what is refused, with which exit code, whatever goes wrong."""
import itertools
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, await_condition, run_cases  # noqa: E402  (the path must be set first)

# A sanitizer's search for leaks does not work under a tracer.
os.environ["ASAN_OPTIONS"] = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))
os.environ.pop("BATON_TOKEN", None)


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


class Fence:
    """A fence in a folder of its own."""

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="baton-fence-"))
        self.file = self.folder / "fence"
        self.scratch = self.folder / ".fence.baton-fence-new"
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *arguments):
        return [str(BIN / "baton"), "fence", *map(str, arguments)]

    def run(self, *arguments, before=(), token=None, **options):
        environment = {**os.environ, **({"BATON_TOKEN": token} if token is not None else {})}
        return subprocess.run([*before, *self.command(self.file, *arguments)], capture_output=True, text=True, timeout=120,
                              check=False, env=environment, cwd=self.folder, **options)

    def refused(self, code, words, *arguments, **options):
        """It exits with `code` and one line that has `words`; the command did not run, the file is as it was."""
        before = self.file.read_bytes() if self.file.is_file() else None
        done = self.run(*arguments, "--", "touch", "ran", **options)
        expect((done.returncode, done.stdout), (code, ""))
        for word in words:
            assert word in done.stderr.splitlines()[0], done.stderr
        assert not (self.folder / "ran").exists(), "the command ran"
        expect(self.file.read_bytes() if self.file.is_file() else None, before)

    def passes(self, token):
        return self.run(token).returncode == 0

    def highest(self):
        """The token that the file says, its checksum aside."""
        return int(self.file.read_text().split()[2])


def a_token_that_grows_or_stays_passes_and_a_smaller_one_is_refused():
    with Fence() as fence:
        for token in (5, 5, 9, 18446744073709551615):
            done = fence.run(token, "--", "sh", "-c", 'echo "$BATON_TOKEN $*"', "-", "--a", "b c")
            expect((done.returncode, done.stdout, done.stderr), (0, f"{token} --a b c\n", ""))
        fence.refused(4, ["claim_superseded", "token 9 ", "18446744073709551615"], 9)


def the_token_comes_from_the_environment_when_none_is_given():
    with Fence() as fence:
        expect(fence.run("--", "sh", "-c", "exit 0", token="7").returncode, 0)
        expect(fence.highest(), 7)
        fence.refused(4, ["token 6", "7"], token="6")
        expect(fence.run("8", "--", "true", token="6").returncode, 0)  # what is given wins
        fence.refused(2, ["no token"])
        fence.refused(2, ["the token is empty"], token="")


def what_is_no_token_is_refused():
    with Fence() as fence:
        for made in (False, True):
            for token, words in (("", ["empty"]), ("0", ["0 is no token"]), ("seven", ["'seven' is no token"]),
                                 ("7x", ["'7x'"]), (" 7", ["' 7'"]), ("7.0", ["'7.0'"]), ("0x7", ["'0x7'"]),
                                 ("18446744073709551616", ["64 bits"]), ("9" * 200, ["64 bits"])):
                fence.refused(2, words, token)
            expect(fence.file.exists(), made)
            assert fence.passes(3)
        expect(fence.run("-7", "--", "true").returncode, 2)
        expect(fence.run("7", "true").returncode, 2)  # without --
        expect(fence.run("7", "--").returncode, 2)  # with nothing behind it
        expect(fence.highest(), 3)
        expect(subprocess.run(fence.command(), capture_output=True, check=False).returncode, 2)


def a_damaged_file_is_refused_and_stays_as_it_is():
    with Fence() as fence:
        assert fence.passes(50)
        good = fence.file.read_bytes()
        for bad in (b"", b"\n", good[:-1], good[:12], good + good, good.replace(b"50", b"40"), b"50\n", b"\0" * 40,
                    os.urandom(4096), b"x" * 2_000_000):
            fence.file.write_bytes(bad)
            fence.refused(1, ["data_loss", "is damaged"], 60)
        fence.file.write_bytes(good.replace(b"fence 1 ", b"fence 2 "))
        fence.refused(1, ["unsupported_version", "newer"], 60)
        fence.file.write_bytes(good)
        assert fence.passes(60)


def what_cannot_be_a_fence_is_refused():
    with Fence() as fence:
        place = fence.file
        fence.file = fence.folder / "nowhere" / "fence"
        fence.refused(3, ["not_found", "nowhere"], 5)
        assert not (fence.folder / "nowhere").exists()
        fence.file = Path("/dev/null")
        fence.refused(2, ["no regular file"], 5)
        fence.file = place
        os.mkfifo(fence.file)
        fence.refused(2, ["no regular file"], 5)
        fence.file.unlink()
        fence.file.mkdir()
        fence.refused(2, ["no regular file"], 5)


def without_permission_nothing_happens():
    def as_nobody():
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

    try:
        subprocess.run([BIN / "baton", "--version"], preexec_fn=as_nobody, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return print("skipped: nobody may not run this build")
    with Fence() as fence:
        assert fence.passes(5)
        os.chmod(fence.folder, 0o555)
        os.chmod(fence.file, 0o444)
        fence.refused(7, ["denied", "cannot make"], 6, preexec_fn=as_nobody)
        os.chmod(fence.file, 0)
        fence.refused(7, ["denied", "cannot open"], 6, preexec_fn=as_nobody)
        os.chmod(fence.folder, 0o755)
    return None


def a_full_disk_keeps_the_old_token():
    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    with Fence() as fence:
        fence.refused(5, ["unavailable", "cannot write"], 5, preexec_fn=full)
        assert not fence.file.exists()
        assert fence.passes(5)
        fence.refused(5, ["unavailable", "cannot write"], 6, preexec_fn=full)
        expect(sorted(path.name for path in fence.folder.iterdir()), ["fence"])
        expect(fence.run("5", "--", "true", preexec_fn=full).returncode, 0)  # nothing to write


def strace(*words):
    """A prefix that runs a command under strace; None when that does not work here."""
    prefix = ["strace", "-o", "/dev/null", *words]
    works = shutil.which("strace") and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return prefix if works else None


CALLS = ["openat", "flock", "read", "pread64", "write", "fsync", "rename", "unlink", "fchmod", "fcntl", "execve"]


def a_crash_at_any_call_keeps_the_larger_token():
    if not strace():
        return print("skipped: strace does not work here")
    died = 0
    for made, call in itertools.product((False, True), CALLS):
        for number in range(1, 200):
            with Fence() as fence:
                assert not made or fence.passes(5)
                tracer = strace("-P", fence.folder, "-P", fence.file, "-P", fence.scratch,
                                "-e", f"inject={call}:signal=KILL:when={number}")
                done = fence.run(6, "--", "touch", "ran", before=tracer)
                ran = (fence.folder / "ran").exists()
                if done.returncode == 0:
                    assert ran
                    break  # it has no more such calls
                died += 1
                assert not ran, f"{call} {number}: killed, and the command ran"
                assert not made or fence.highest() in (5, 6), fence.file.read_text()
                assert not made or not fence.passes(4), f"{call} {number}: a smaller token passes"
                assert fence.passes(7), f"{call} {number}: the crash left something in the way"
                expect(sorted(path.name for path in fence.folder.iterdir()), ["fence"])
    assert died >= 12, f"only {died} crashes"
    return None


def an_error_of_any_call_keeps_the_command_from_running():
    if not strace():
        return print("skipped: strace does not work here")
    for call, error in (("fsync", "EIO"), ("rename", "EIO"), ("write", "ENOSPC"), ("write", "EIO"), ("flock", "ENOLCK")):
        for number in (1, 2):
            with Fence() as fence:
                assert fence.passes(5)
                tracer = strace("-P", fence.folder, "-P", fence.file, "-P", fence.scratch,
                                "-e", f"inject={call}:error={error}:when={number}")
                done = fence.run(6, "--", "touch", "ran", before=tracer)
                if number == 2 and done.returncode == 0:
                    continue  # there is no second one
                expect((call, done.returncode, (fence.folder / "ran").exists()), (call, 5, False))
                assert not fence.passes(4) and fence.passes(6)
    return None


def the_command_is_what_ends_and_what_gets_signals():
    with Fence() as fence:
        expect(fence.run(1, "--", "sh", "-c", "exit 17").returncode, 17)
        expect(fence.run(1, "--", "sh", "-c", "kill -TERM $$").returncode, -signal.SIGTERM)
        expect(fence.run(1, "--", "no-such-program").returncode, 127)
        expect(fence.run(1, "--", "/").returncode, 126)
        expect(fence.run(1, "--", "cat", input="through").stdout, "through")
        process = subprocess.Popen(fence.command(fence.file, 2, "--", "sh", "-c", "trap 'exit 9' TERM; echo up; "
                                                 "while :; do read line || exit 8; done"),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        expect(process.stdout.readline(), b"up\n")
        process.terminate()
        process.stdin.close()
        expect(process.wait(60), 9)
        process.stdout.close()


def others_wait_until_the_command_and_its_children_have_ended():
    with Fence() as fence:
        holder = subprocess.Popen(fence.command(fence.file, 6, "--", "sh", "-c", "exec 3<&0; (read line <&3) & echo up"),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        expect(holder.stdout.readline(), b"up\n")
        expect(holder.wait(60), 0)  # gone, but its child has inherited the hold
        fence.refused(6, ["deadline_exceeded", "holds"], 7, "--wait", "0s")
        fence.refused(6, ["deadline_exceeded", "holds"], 7, "--wait", "100ms")
        waiting = subprocess.Popen(fence.command(fence.file, 7, "--", "sh", "-c", "echo through"), stdout=subprocess.PIPE)
        time.sleep(0.2)  # it must still wait: nothing can be awaited that does not happen
        expect(waiting.poll(), None)
        holder.stdin.close()
        expect(waiting.wait(60), 0)
        holder.stdout.close()
        waiting.stdout.close()


def a_holder_that_is_killed_holds_no_more():
    with Fence() as fence:
        holder = subprocess.Popen(fence.command(fence.file, 5, "--", "sleep", "600"))
        await_condition(lambda: fence.run(5, "--wait", "0s").returncode == 6, 30, "the fence is held")
        holder.kill()
        holder.wait()
        expect(fence.run(6, "--wait", "30s").returncode, 0)


def what_a_waiting_limit_needs_does_not_reach_the_command():
    with Fence() as fence:
        script = "import signal, time; print(signal.getitimer(signal.ITIMER_REAL), signal.getsignal(signal.SIGALRM))"
        done = fence.run(5, "--wait", "30s", "--", "/usr/bin/python3", "-c", script)
        expect(done.stdout, "(0.0, 0.0) 0\n")


def effects_of_many_at_once_come_in_growing_order():
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    order = random.Random(seed)
    tokens = order.choices(range(1, 41), k=80)
    with Fence() as fence:
        log = fence.folder / "effects"
        # Two lines, so that two who overlap would be seen.
        effect = f'echo "begin $BATON_TOKEN" >> {log}; echo "end $BATON_TOKEN" >> {log}'
        running, codes = [], []
        for token in tokens:
            running.append((token, subprocess.Popen(fence.command(fence.file, token, "--", "sh", "-c", effect),
                                                    stderr=subprocess.DEVNULL)))
            if len(running) >= 16:
                first, process = running.pop(order.randrange(len(running)))
                codes.append((first, process.wait(120)))
        codes += [(token, process.wait(120)) for token, process in running]
        lines = log.read_text().splitlines()
        passed = [int(line.split()[1]) for line in lines[::2]]
        expect(lines, [f"{what} {token}" for token in passed for what in ("begin", "end")])
        expect(passed, sorted(passed))
        expect(sorted(passed), sorted(token for token, code in codes if code == 0))
        expect({code for _, code in codes} <= {0, 4}, True)
        expect(passed[-1], max(tokens))
        expect(fence.highest(), max(tokens))


if __name__ == "__main__":
    run_cases([a_token_that_grows_or_stays_passes_and_a_smaller_one_is_refused,
               the_token_comes_from_the_environment_when_none_is_given,
               what_is_no_token_is_refused,
               a_damaged_file_is_refused_and_stays_as_it_is,
               what_cannot_be_a_fence_is_refused,
               without_permission_nothing_happens,
               a_full_disk_keeps_the_old_token,
               a_crash_at_any_call_keeps_the_larger_token,
               an_error_of_any_call_keeps_the_command_from_running,
               the_command_is_what_ends_and_what_gets_signals,
               others_wait_until_the_command_and_its_children_have_ended,
               a_holder_that_is_killed_holds_no_more,
               what_a_waiting_limit_needs_does_not_reach_the_command,
               effects_of_many_at_once_come_in_growing_order])
