"""Consumers that speak the protocol themselves, each with moods: most acks come at once, some late, some never.

A Session is one session of the protocol that survives connections and managers (docs/protocol.md, 6). What it
does with a claim is drawn from its own random numbers:

    prompt    ack at once                           slow      ack after up to 2 s, with heartbeats
    late      no heartbeat, ack after the lease     vanish    never heard of again, no heartbeat
    nack, release, extend (and then ack)

A session whose claim was lost acts on the old token now and then: that has to be refused.
Everything that is asked and answered is recorded (record.py).
"""
import heapq
import time
from dataclasses import dataclass

from baton_client import BatonError, Connection, ConnectionLost, Consumer, check
from proto import broker_pb2 as broker
from proto import error_pb2 as error
from rig.record import content

MOODS = {"prompt": 84, "slow": 6, "late": 2, "vanish": 1, "nack": 2, "release": 3, "extend": 2}
# Shorter than what a far client may take: a manager that is silent so long is left.
ANSWER_SECONDS = 1.5
PING_SECONDS = 0.4
NACKS_MAX = 2  # a task is dead after five
KINDS = {"ack": broker.ACK, "nack": broker.NACK, "release": broker.RELEASE, "extend": broker.EXTEND}


def answer(payload, token):
    """The result that a task is completed with; long payloads are told by their beginning."""
    return b"done %s %d\n" % (payload[:64], token)


@dataclass
class Pending:
    """An operation without an answer yet."""
    operation: broker.Operation
    payload: bytes
    recorded: str
    action: str
    claim: object


class Session:
    """Runs until stop() is true. `managers` is where it may connect, in turn."""

    def __init__(self, name, managers, queue, record, rng, window=8, lease_ms=3000, moods=None):
        self.name, self.managers, self.queue, self.record, self.rng = name, managers, queue, record, rng
        self.lease = lease_ms / 1000
        self.moods = moods or MOODS
        self.consumer = Consumer(queue, window, lease_ms)
        self._pending = {}      # seq -> Pending, in order
        self._due = []          # (when, number, what, claim)
        self._unrenewed = set()  # tokens whose owner sleeps
        self._number = 0
        self._next = rng.randrange(len(managers))
        self._delay = 0.05
        self._heartbeat_at = self._ping_at = self._repeat_at = 0

    def run(self, stop):
        while not stop():
            connection = None
            try:
                connection = self._connect()
                while not stop():
                    self._step()
            except (ConnectionLost, BatonError, OSError) as broken:
                if isinstance(broken, BatonError) and broken.code == error.NOT_FOUND:
                    self._begin_anew()
                time.sleep(self.rng.uniform(0, self._delay))
                self._delay = min(2 * self._delay, 1)
                self._next += 1
            finally:
                if connection:
                    connection.close()

    def leave(self):
        """Gives back what it holds, so that others need not wait for the lease."""
        try:
            connection = self._connect()
            for claim in list(self.consumer.held.values()):
                if not any(pending.claim is claim for pending in self._pending.values()):
                    self._operate("release", claim)
            self._send_pending()
            connection.close()
        except (ConnectionLost, BatonError, OSError):
            pass

    def _begin_anew(self):
        """The ledger has forgotten the session: what was not answered stays unknown."""
        self.consumer = Consumer(self.queue, self.consumer.window, self.consumer.lease_ms)
        self.name += "'"
        self._pending.clear()
        self._due.clear()

    def _connect(self):
        connection = Connection(self.managers[self._next % len(self.managers)], ANSWER_SECONDS)
        try:
            for claim in self.consumer.take_received():  # when the connection broke
                self._take(claim)
            lost = self.consumer.attach(connection, seconds=0)
            self._insist_on_some(lost)
            self._heartbeat_at = self._ping_at = 0
            self._send_pending()
        except Exception:
            connection.close()
            raise
        self._delay = 0.05
        return connection

    def _step(self):
        now = time.monotonic()
        claim = self.consumer.claim(min(0.05, max(0, self._due[0][0] - now)) if self._due else 0.05)
        while claim:
            self._take(claim)
            claim = self.consumer.claim(0)
        if self.consumer.connection.leaving:
            raise ConnectionLost("the manager is stopping")
        self._do_what_is_due()
        self._keep_alive()

    def _take(self, claim):
        number = None
        parts = claim.payload.split(b"-", 2)
        if len(parts) == 3 and parts[1].isdigit():
            number = int(parts[1])
        self.record.note("delivery", self.name, task=claim.task, token=claim.token, attempt=claim.attempt,
                         producer=parts[0].decode(errors="replace"), number=number, content=content(claim.payload))
        mood = self.rng.choices(list(self.moods), list(self.moods.values()))[0]
        if mood == "nack" and claim.attempt > NACKS_MAX:
            mood = "prompt"
        wait = 0
        if mood == "slow":
            wait = self.rng.uniform(0.1, 2)
        elif mood == "late":
            wait = self.lease * self.rng.uniform(0.9, 2)
        if mood in ("late", "vanish"):
            self._unrenewed.add(claim.token)
        if mood == "extend":
            self._schedule(0, "extend", claim)
            wait = self.rng.uniform(0.1, 1)
        if mood == "vanish":
            self._schedule(2.5 * self.lease, "forget", claim)
        else:
            self._schedule(wait, mood if mood in ("nack", "release") else "ack", claim)

    def _schedule(self, wait, what, claim):
        self._number += 1
        heapq.heappush(self._due, (time.monotonic() + wait, self._number, what, claim))

    def _do_what_is_due(self):
        """All that is due, as one request."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now and len(self._pending) < 256:
            _, _, what, claim = heapq.heappop(self._due)
            if what == "forget":
                self._forget(claim)
            else:
                self._operate(what, claim)
        if self._pending and now >= self._repeat_at:
            self._send_pending()

    def _forget(self, claim):
        self._unrenewed.discard(claim.token)
        if self.consumer.held.pop(claim.token, None):
            self.consumer.free(1)

    def _operate(self, what, claim):
        payload = answer(claim.payload, claim.token) if what == "ack" else b""
        operation = broker.Operation(seq=self.consumer.next_seq(), kind=KINDS[what], task=claim.task,
                                     token=claim.token, length=len(payload), started=True,
                                     lease_ms=self.consumer.lease_ms if what == "extend" else 0)
        recorded = self.record.invoke(what, self.name, task=claim.task, token=claim.token, lease_ms=operation.lease_ms)
        self._pending[operation.seq] = Pending(operation, payload, recorded, what, claim)

    def _send_pending(self):
        if not self._pending:
            return
        batch = list(self._pending.values())
        request = broker.Operations(answered_through=batch[0].operation.seq - 1,
                                    operation=[pending.operation for pending in batch])
        done = self.consumer.connection.ask(broker.OPERATIONS, request, broker.OPERATIONS_DONE, broker.OperationsDone,
                                            b"".join(pending.payload for pending in batch))
        freed = 0
        for outcome in done.outcome:
            if outcome.code in (error.UNAVAILABLE, error.RETRY_LATER):
                self._repeat_at = time.monotonic() + self.rng.uniform(0.05, 0.3)
                continue
            pending = self._pending.pop(outcome.seq, None)
            if pending:
                freed += self._settle(pending, outcome)
        if freed:
            self.consumer.free(freed)

    def _settle(self, pending, outcome):
        """How many slots became free."""
        told = "ok" if outcome.code == error.OK else "fail"
        if outcome.code == error.OK and outcome.finished_unknown:
            told = "unknown"
        self.record.end(pending.action, pending.recorded, told, code=error.ErrorCode.Name(outcome.code).lower())
        if pending.action == "extend":
            return 0
        if told == "fail":
            self._insist_on_some([pending.claim])
        self._unrenewed.discard(pending.claim.token)
        return 1 if self.consumer.held.pop(pending.claim.token, None) else 0

    def _insist_on_some(self, lost):
        """Acts on tokens that are known to be lost. Not where an answer is open: that one may have been the end."""
        busy = {pending.claim.token for pending in self._pending.values()}
        for claim in lost:
            if claim.token not in busy and self.rng.random() < 0.2:
                self._schedule(self.rng.uniform(0, 4), self.rng.choice(list(KINDS)), claim)

    def _keep_alive(self):
        now = time.monotonic()
        if now >= self._heartbeat_at:
            self._heartbeat_at = now + self.lease / 3
            self._renew()
        if now >= self._ping_at:
            self._ping_at = now + PING_SECONDS
            self.consumer.connection.ask(broker.PING, broker.Ping(), broker.PONG, broker.Ping)

    def _renew(self):
        tokens = [token for token in self.consumer.held if token not in self._unrenewed]
        if not tokens:
            return
        done = self.consumer.connection.ask(broker.HEARTBEAT, broker.Heartbeat(token=tokens), broker.HEARTBEAT_DONE,
                                            broker.HeartbeatDone)
        if done.code in (error.UNAVAILABLE, error.RETRY_LATER):
            self._heartbeat_at = 0
            return
        check(done.code, done.message)
        lost = [self.consumer.held.pop(token) for token in set(done.lost) & set(self.consumer.held)]
        self._insist_on_some(lost)
        if lost:
            self.consumer.free(len(lost))
