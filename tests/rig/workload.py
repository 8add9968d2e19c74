"""Producers and consumers of a run, as processes that can be killed and paused, and what they were told.

- Producers are `baton produce` reading lines from us: the C++ library, with all its repeating.
- Session consumers are consumer_process.py: the protocol itself, with moods.
- Command consumers are `baton consume --exec`: their commands tell of each delivery through a pipe.

Payloads say what they are: PRODUCER-NUMBER-padding, all different. Every one of these writes a file of events
(record.py) into one folder.
"""
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from rig.record import Recorder, content
from trio import BIN

HERE = Path(__file__).resolve().parent
LEASE_MS = 3000
OUTSTANDING_MAX = 400
STOP_SECONDS = 20
BACKLOG_MAX = 800


class Client:
    """A process that is started again whenever it ends, until stopped. `place`: prefix that runs it somewhere."""

    def __init__(self, name, place):
        self.name = name
        self.place = list(place)
        self.process = None
        self.life = 0
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def start(self):
        self._thread.start()

    def _live(self):
        while not self.stopping.is_set():
            self.life += 1
            self.live()
            self.stopping.wait(0.2)

    def live(self):
        """One life of the process, from start to end."""
        raise NotImplementedError

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.alive():
            self.process.kill()

    def signal(self, number):
        if self.alive():
            self.process.send_signal(number)

    def begin_to_end(self):
        """Asks it to end in an orderly way."""
        self.stopping.set()
        self.end()

    def await_end(self):
        """Kills what does not end."""
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            self.kill()
            self._thread.join(STOP_SECONDS)

    def end(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)


class Producer(Client):
    """Feeds lines at a rate; each answer belongs to the oldest line without one."""

    def __init__(self, name, place, addresses, queue, folder, seed, rate, hold):
        super().__init__(name, place)
        self.addresses, self.queue, self.seed, self.rate, self.hold = addresses, queue, seed, rate, hold
        self.record = Recorder(folder / f"{name}.jsonl", name)
        self.errors = folder / f"{name}.err"

    def live(self):
        rng = random.Random(f"{self.seed}-{self.name}-{self.life}")
        who = f"{self.name}.{self.life}"
        addresses = rng.sample(self.addresses, len(self.addresses))
        command = [*self.place, str(BIN / "baton"), "produce", "-q", self.queue, "-o", "jsonl", "--timeout", "60s",
                   "--manager", ",".join(addresses)]
        waiting = deque()
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        feeder = threading.Thread(target=self._feed, args=(who, rng, waiting), daemon=True)
        feeder.start()
        for line in self.process.stdout:
            self._account(line, waiting)
        self.process.wait()
        feeder.join()

    def _feed(self, who, rng, waiting):
        number = 0
        began = time.monotonic()
        try:
            while not self.stopping.is_set() and self.alive():
                if self.hold.is_set() or len(waiting) >= OUTSTANDING_MAX:
                    began = time.monotonic() - number / self.rate  # what it could not send is not made up for
                while number < (time.monotonic() - began) * self.rate and len(waiting) < OUTSTANDING_MAX:
                    number += 1
                    payload = f"{who}-{number}-{'x' * int(rng.paretovariate(0.8) * 8 % 4000)}.".encode()
                    waiting.append(self.record.invoke("produce", who, producer=who, number=number,
                                                      content=content(payload)))
                    self.process.stdin.write(payload + b"\n")
                self.process.stdin.flush()
                time.sleep(0.02)
            self.process.stdin.close()
        except (BrokenPipeError, ValueError):
            pass

    def _account(self, line, waiting):
        try:
            row = json.loads(line)
        except ValueError:
            return  # cut off by kill -9
        operation = waiting.popleft()
        if row.get("id"):
            self.record.end("produce", operation, "ok", task=int(row["id"]))
        else:
            self.record.end("produce", operation, "unknown" if row["unknown"] else "fail", code=row["error"])

    def end(self):
        """The end of its input ends it, when all has been answered."""
        self.signal(signal.SIGCONT)


class SessionConsumer(Client):
    def __init__(self, name, place, addresses, queue, folder, seed, sessions=3, window=8):
        super().__init__(name, place)
        self.addresses, self.queue, self.folder, self.seed = addresses, queue, folder, seed
        self.sessions, self.window = sessions, window

    def live(self):
        name = f"{self.name}.{self.life}"
        command = [*self.place, sys.executable, str(HERE / "consumer_process.py"), "--name", name, "--managers",
                   ",".join(self.addresses), "--queue", self.queue, "--record", str(self.folder / f"{self.name}.jsonl"),
                   "--seed", f"{self.seed}-{name}", "--sessions", str(self.sessions), "--window", str(self.window),
                   "--lease-ms", str(LEASE_MS)]
        with open(self.folder / f"{self.name}.err", "ab") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        self.process.wait()


class CommandConsumer(Client):
    """`baton consume --exec`; a command that began is an ack whose outcome may never be told."""

    # The command of a consumer that is killed may get but the beginning of its payload, or nothing: it ends
    # without a word. The pipe takes a line at once. Slow now and then, so that there are claims to die with.
    WORK = ('read -r task; case "$task" in *.) ;; *) exit 1;; esac; '
            'printf "%s %s %s %s %.64s\\n" LIFE "$BATON_TASK_ID" "$BATON_TOKEN" "$BATON_ATTEMPT" "$task" >PIPE; '
            'case "$BATON_TOKEN" in *7) sleep 0.3;; esac; printf "done %.64s %s\\n" "$task" "$BATON_TOKEN"')

    def __init__(self, name, place, addresses, queue, folder, jobs=3):
        super().__init__(name, place)
        self.addresses, self.queue, self.folder, self.jobs = addresses, queue, folder, jobs
        self.record = Recorder(folder / f"{name}.jsonl", name)
        self.pipe = folder / f"{name}.pipe"
        os.mkfifo(self.pipe)
        # Read-write, so that it never ends: commands of a killed consumer run on.
        self._told = os.fdopen(os.open(self.pipe, os.O_RDWR), "rb")
        self._open = {}  # (task, token) -> operation
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read_pipe, daemon=True)
        self._reader.start()

    def _read_pipe(self):
        for line in self._told:
            words = line.decode(errors="replace").split(" ", 4)
            life, task, token, attempt = map(int, words[:4])
            producer, number, _ = (words[4] + "--").split("-", 2)
            # The payload itself comes with the outcome, where there is one.
            self.record.note("delivery", f"{self.name}.{life}", task=task, token=token, attempt=attempt,
                             producer=producer, number=int(number) if number.isdigit() else None)
            with self._changed:
                self._open[task, token] = self.record.invoke("ack", f"{self.name}.{life}", task=task, token=token)
                self._changed.notify_all()

    def live(self):
        addresses = self.addresses[self.life % len(self.addresses):] + self.addresses[:self.life % len(self.addresses)]
        work = self.WORK.replace("PIPE", str(self.pipe)).replace("LIFE", str(self.life))
        command = [*self.place, str(BIN / "baton"), "consume", "-q", self.queue, "-j", str(self.jobs), "--lease",
                   f"{LEASE_MS}ms", "--pick", "round-robin", "--exec", work, "-o", "jsonl", "--manager", ",".join(addresses)]
        with open(self.folder / f"{self.name}.err", "ab") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        for line in self.process.stdout:
            self._account(line)
        self.process.wait()

    def _account(self, line):
        try:
            row = json.loads(line)
        except ValueError:
            return
        key = int(row["id"]), int(row["token"])
        with self._changed:
            self._changed.wait_for(lambda: key in self._open, 2)
            operation = self._open.pop(key, None)
        if row["outcome"] == "nacked":
            self.record.note("nack", f"{self.name}.{self.life}", task=key[0], token=key[1], right=False)
        if operation is None:
            return  # superseded or released before its command had said anything
        # A claim that the library gave up may have been acked nevertheless, as far as we know.
        outcome = "ok" if row["outcome"] == "done" else "unknown"
        result = f"done {row['payload'][:64]} {row['token']}\n"
        right = outcome != "ok" or row.get("result") == result
        self.record.end("ack", operation, outcome, content=content(row["payload"].encode()), right=right)


class Workload:
    """All clients of a run. places(kind, number): the prefix that runs a client."""

    def __init__(self, addresses, queue, folder, seed, places, rate, producers=3, consumers=3, commands=1):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.hold = threading.Event()  # set: produce nothing for now
        self.producers = [Producer(f"p{n}", places("p", n), addresses, queue, folder, seed, rate / producers, self.hold)
                          for n in range(producers)]
        self.consumers = [SessionConsumer(f"c{n}", places("c", n), addresses[n % len(addresses):] +
                                          addresses[:n % len(addresses)], queue, folder, seed) for n in range(consumers)]
        self.consumers += [CommandConsumer(f"x{n}", places("x", n), addresses, queue, folder) for n in range(commands)]

    def clients(self):
        return [*self.producers, *self.consumers]

    def start(self):
        for client in self.clients():
            client.start()

    def keep_backlog(self, tasks):
        """Told how many tasks are not finished: producers wait when consumers are far behind."""
        if tasks > BACKLOG_MAX:
            self.hold.set()
        else:
            self.hold.clear()

    def stop_producing(self):
        end_all(self.producers)

    def stop_consuming(self):
        end_all(self.consumers)


def end_all(clients):
    for client in clients:
        client.begin_to_end()
    for client in clients:
        client.await_end()
