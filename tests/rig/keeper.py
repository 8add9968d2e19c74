"""Keeps the daemons of a rig running: whatever ends one, it is started again when nothing holds it down.

A daemon may end by itself only where a fault excuses it (a disk that is full or fails), and then with an exit
code other than 0 and a line that says ERROR. Anything else is a finding.
"""
import threading
import time
from collections import Counter

EXCUSED_AFTER_SECONDS = 6  # a daemon may still die of a fault that was just taken away
START_AGAIN_SECONDS = 0.4


class Kept:
    """One daemon with what is being done to it."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.lock = threading.RLock()  # around start, kill and what must not cross them
        self.held_down = 0
        self.killed = False            # its end was ours, or is accounted for
        self.start_at = 0.0            # not before
        self.excuse = ""
        self.excused_until = 0.0
        self.traced = threading.Lock()  # one tracer at a time


class Keeper(threading.Thread):
    def __init__(self, daemons):
        super().__init__(daemon=True)
        self.kept = {daemon.name: Kept(daemon) for daemon in daemons}
        self.findings = []
        self.counts = Counter()
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            for kept in self.kept.values():
                with kept.lock:
                    self._look_after(kept)

    def stop(self):
        """Nothing is started any more."""
        self.over.set()
        self.join()

    def _look_after(self, kept):
        daemon = kept.daemon
        if daemon.alive():
            return
        if daemon.process is not None and not kept.killed:
            self._account_for_end(kept)
            kept.killed = True
            kept.start_at = time.monotonic() + START_AGAIN_SECONDS
        if not kept.held_down and time.monotonic() >= kept.start_at:
            daemon.launch()
            kept.killed = False
            self.counts["starts"] += 1

    def _account_for_end(self, kept):
        daemon = kept.daemon
        code = daemon.process.returncode
        said = daemon.said()
        errors = [line for line in said.splitlines() if " ERROR " in line or line.startswith("error:")]
        if time.monotonic() > kept.excused_until:
            self.findings.append(f"{daemon.name} ended by itself, code {code}: {said[-800:]}")
        elif code <= 0:
            self.findings.append(f"{daemon.name} ended with code {code} of {kept.excuse}: {said[-800:]}")
        elif not errors:
            self.findings.append(f"{daemon.name} did not say why it ended of {kept.excuse}: {said[-800:]}")
        self.counts[f"ended_of_{kept.excuse or 'nothing'}"] += 1

    def kill(self, name):
        """kill -9; it stays down until let_up. False when it was down already."""
        kept = self.kept[name]
        with kept.lock:
            kept.held_down += 1
            was_alive = kept.daemon.alive()
            if was_alive:
                kept.killed = True
                kept.daemon.kill()
            return was_alive

    def let_up(self, name):
        with self.kept[name].lock:
            self.kept[name].held_down -= 1

    def excuse(self, name, why, seconds):
        kept = self.kept[name]
        with kept.lock:
            kept.excuse = why
            kept.excused_until = max(kept.excused_until, time.monotonic() + seconds + EXCUSED_AFTER_SECONDS)

    def await_all(self, seconds):
        """Until every daemon listens; those that do not."""
        deadline = time.monotonic() + seconds
        while True:
            down = [name for name, kept in self.kept.items()
                    if not (kept.daemon.alive() and " listening " in kept.daemon.said())]
            if not down or time.monotonic() > deadline:
                return down
            time.sleep(0.05)
