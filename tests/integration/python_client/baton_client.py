"""A Baton client in Python, written from docs/protocol.md and protoc's output alone.

Small rather than fast: one socket, blocking calls with timeouts, no threads. It is a test of the document
and an example for authors of other clients, not a product.
"""
import itertools
import os
import random
import select
import socket
import struct
import time
from collections import deque, namedtuple

from proto import broker_pb2 as broker
from proto import error_pb2 as error

HEADER = struct.Struct("<3sBHHQIII")  # magic, version, type, flags, request id, lengths, CRC32C
HEADER_CHECKED = HEADER.size - 4      # what the checksum covers of it
MAGIC, VERSION = b"BTN", 1

Frame = namedtuple("Frame", "type request_id metadata payload")


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def encode(frame_type, request_id, message, payload=b""):
    """One frame as bytes."""
    metadata = message.SerializeToString()
    header = HEADER.pack(MAGIC, VERSION, frame_type, 0, request_id, len(metadata), len(payload), 0)[:HEADER_CHECKED]
    return header + struct.pack("<I", crc32c(header + metadata + payload)) + metadata + payload


class BatonError(Exception):
    """An error code of the protocol."""

    def __init__(self, code, message, info=None):
        super().__init__(f"{error.ErrorCode.Name(code).lower()}: {message}")
        self.code = code
        self.info = info  # the Error message, if it came as a frame


class ConnectionLost(Exception):
    """What was unanswered has an unknown outcome."""


def check(code, message):
    if code != error.OK:
        raise BatonError(code, message)


def new_uuid():
    return broker.Uuid(hi=int.from_bytes(os.urandom(8), "little"), lo=int.from_bytes(os.urandom(8), "little"))


class Connection:
    """A connection to one manager: HELLO, frames, answers by request id. `hello` is its HELLO_OK."""

    def __init__(self, address, timeout=20):
        host, port = address.rsplit(":", 1)
        self.timeout = timeout
        self.pushed = deque()    # TASKS that came while something else was awaited
        self.lost = {}           # token -> why, of claims that ended without the session's doing (CLAIMS_LOST)
        self.leaving = False     # GOODBYE came
        self._answers = {}
        self._ids = itertools.count(1)
        self._bytes = b""
        self._socket = socket.create_connection((host.strip("[]"), int(port)), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        hello = broker.Hello(version_min=1, version_max=1, role=broker.ROLE_CLIENT, software="python example")
        self.hello = self.ask(broker.HELLO, hello, broker.HELLO_OK, broker.HelloOk)

    def close(self):
        self._socket.close()

    def send(self, frame_type, message, payload=b"", request_id=None):
        """Returns the request id."""
        request_id = next(self._ids) if request_id is None else request_id
        try:
            self._socket.sendall(encode(frame_type, request_id, message, payload))
        except OSError as broken:
            raise ConnectionLost(str(broken)) from broken
        return request_id

    def send_raw(self, data):
        """For tests of bad input."""
        self._socket.sendall(data)

    def receive(self, timeout):
        """The next frame, or None when none came in time. ConnectionLost when the manager closed."""
        deadline = time.monotonic() + timeout
        while True:
            frame = self._cut_frame()
            if frame is not None:
                return frame
            if not select.select([self._socket], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            try:
                got = self._socket.recv(1 << 18)
            except OSError as broken:
                raise ConnectionLost(str(broken)) from broken
            if not got:
                raise ConnectionLost("closed by the manager")
            self._bytes += got

    def _cut_frame(self):
        if len(self._bytes) < HEADER.size:
            return None
        magic, version, frame_type, flags, request_id, metadata, payload, crc = HEADER.unpack_from(self._bytes)
        if magic != MAGIC or version != VERSION or flags != 0:
            raise ConnectionLost("these bytes are no frame")
        end = HEADER.size + metadata + payload
        if len(self._bytes) < end:
            return None
        whole, self._bytes = self._bytes[:end], self._bytes[end:]
        if crc32c(whole[:HEADER_CHECKED] + whole[HEADER.size:]) != crc:
            raise ConnectionLost("bad checksum")
        body = whole[HEADER.size:]
        return Frame(frame_type, request_id, body[:metadata], body[metadata:])

    def take(self, timeout):
        """Receives one frame and puts it where it belongs; False when none came in time."""
        frame = self.receive(timeout)
        if frame is None:
            return False
        if frame.type == broker.TASKS:
            self.pushed.append(frame)
        elif frame.type == broker.CLAIMS_LOST:
            self.lost.update({claim.token: claim.cause for claim in broker.ClaimsLost.FromString(frame.metadata).claim})
        elif frame.type == broker.PING:
            self.send(broker.PONG, broker.Ping.FromString(frame.metadata), request_id=frame.request_id)
        elif frame.type == broker.GOODBYE:
            self.leaving = True
        elif frame.type == broker.ERROR and frame.request_id == 0:
            info = error.Error.FromString(frame.metadata)
            raise BatonError(info.code, info.message, info)
        else:
            self._answers[frame.request_id] = frame
        return True

    def answer(self, request_id, frame_type, message_type):
        """Waits for the answer to a request: (message, payload). BatonError when it is an ERROR."""
        deadline = time.monotonic() + self.timeout
        while request_id not in self._answers:
            if not self.take(max(0, deadline - time.monotonic())):
                raise ConnectionLost("no answer")
        frame = self._answers.pop(request_id)
        if frame.type == broker.ERROR:
            info = error.Error.FromString(frame.metadata)
            raise BatonError(info.code, info.message, info)
        if frame.type != frame_type:
            raise ConnectionLost(f"frame type {frame.type} instead of {frame_type}")
        return message_type.FromString(frame.metadata), frame.payload

    def ask(self, frame_type, message, answer_type, message_type, payload=b""):
        return self.answer(self.send(frame_type, message, payload), answer_type, message_type)[0]

    def query(self, **what):
        """One QUERY, repeated while something that it needs cannot be reached: (Answer, payload)."""
        deadline = time.monotonic() + self.timeout
        while True:
            request_id = self.send(broker.QUERY, broker.Query(timeout_ms=10000, **what))
            answer, payload = self.answer(request_id, broker.ANSWER, broker.Answer)
            if answer.code != error.UNAVAILABLE or time.monotonic() > deadline:
                check(answer.code, answer.message)
                return answer, payload
            time.sleep(0.05)


    def act(self, action, tasks, reason=b"", timeout_ms=10000):
        """One ACT: (code, message, state) of each task, in order. Repeat what is unavailable."""
        act = broker.Act(action=action, task=tasks, reason=reason, timeout_ms=timeout_ms)
        acted = self.ask(broker.ACT, act, broker.ACTED, broker.Acted)
        return [(run.code, run.message, run.state) for run in acted.run for _ in range(run.count)]


class Producer:
    """Produces tasks, each once, also across reconnects (docs/protocol.md, "Producing")."""

    def __init__(self, connection):
        self.connection = connection
        self.id = new_uuid()
        self.resolved_below = 1  # this producer resolves one request before the next

    def request(self, queue, payloads, seq, **moved):
        return broker.Produce(producer=self.id, seq=seq, resolved_below=self.resolved_below, queue=queue,
                              length=[len(payload) for payload in payloads], timeout_ms=20000, **moved)

    def outcomes(self, request, payloads):
        """Sends one request as it is; the run of PRODUCED that each item is in, with that item's own first_task."""
        answer = self.connection.ask(broker.PRODUCE, request, broker.PRODUCED, broker.Produced, b"".join(payloads))
        items = []
        for run in answer.run:
            for i in range(run.count):
                item = broker.ProducedRun()
                item.CopyFrom(run)
                item.count = 1
                item.first_task = run.first_task + i if run.code == error.OK else 0
                items.append(item)
        return items

    def send_request(self, request, payloads):
        """Sends one request as it is; the ids of its tasks."""
        ids = []
        for item in self.outcomes(request, payloads):
            check(item.code, item.message)
            ids.append(item.first_task)
        return ids

    def produce_with(self, queue, payloads, options):
        """Tasks with TaskOptions (one for all, or one each), sent once: the outcome of each."""
        request = self.request(queue, payloads, self.resolved_below, options=options)
        items = self.outcomes(request, payloads)
        if all(item.code not in (error.UNAVAILABLE, error.RETRY_LATER, error.DEADLINE_EXCEEDED) for item in items):
            self.resolved_below += len(payloads)
        return items

    def produce(self, queue, payloads, seconds=60):
        """The ids of the tasks, repeated with back-off while the manager cannot store."""
        request = self.request(queue, payloads, self.resolved_below)
        deadline = time.monotonic() + seconds
        delay = 0.05
        while True:
            try:
                ids = self.send_request(request, payloads)
                self.resolved_below += len(payloads)
                return ids
            except BatonError as refused:
                if refused.code not in (error.UNAVAILABLE, error.RETRY_LATER) or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0, delay))
            delay = min(2 * delay, 10)


Claim = namedtuple("Claim", "task token attempt number payload checkpoint options expiries")


class Consumer:
    """One session with one line (docs/protocol.md, "Consuming")."""

    def __init__(self, queue, window=1, lease_ms=30000):
        self.queue, self.window, self.lease_ms = queue, window, lease_ms
        self.session = new_uuid()
        self.conn_epoch = 0
        self.connection = None
        self.held = {}           # token -> Claim: received, and no answer to ack, nack or release yet
        self._seq = 0            # of the last operation
        self._answered_through = 0
        self._ready = deque()    # received, and not claimed yet

    def attach(self, connection, seconds=30):
        """Binds the session to a connection (the first or a later one). Returns the claims that were lost."""
        deadline = time.monotonic() + seconds
        while True:
            self.conn_epoch += 1
            attach = broker.Attach(session=self.session, conn_epoch=self.conn_epoch, held=list(self.held),
                                   consumer="python")
            answer = connection.ask(broker.ATTACH, attach, broker.ATTACHED, broker.Attached)
            if answer.code != error.UNAVAILABLE or time.monotonic() > deadline:
                break
            time.sleep(0.1)  # the manager looks for its center
        check(answer.code, answer.message)
        self.connection = connection
        self._seen = set()       # grant numbers since this attach
        self._ready.clear()
        self._line = 1
        self._held_at_attach = len(self.held)
        self._freed = 0          # operations answered, numbers that died, claims that were lost
        lost = [self.held.pop(token) for token in set(self.held) - set(answer.kept)]
        self.free(len(lost))
        return lost

    def free(self, count):
        """So many claims of this connection are over: others may come."""
        self._freed += count
        self._demand()

    def _demand(self):
        total = self.window - self._held_at_attach + self._freed
        if total > 0:
            self.connection.send(broker.DEMAND, broker.Demand(line=self._line, queue=self.queue, total=total,
                                                              lease_ms=self.lease_ms))

    def _take_tasks(self, frame):
        tasks = broker.Tasks.FromString(frame.metadata)
        if tasks.conn_epoch != self.conn_epoch:
            return
        at = 0
        for delivery in tasks.delivery:
            payload = frame.payload[at:at + delivery.length]
            at += delivery.length
            checkpoint = frame.payload[at:at + delivery.checkpoint_length]
            at += delivery.checkpoint_length
            if delivery.number in self._seen:
                continue
            self._seen.add(delivery.number)
            claim = Claim(delivery.task, delivery.token, delivery.attempt, delivery.number, payload, checkpoint,
                          delivery.options, delivery.expiries)
            self.held[claim.token] = claim
            self._ready.append(claim)
        died = [number for number in tasks.died if number not in self._seen]
        self._seen.update(died)
        if died:
            self.free(len(died))

    def claim(self, seconds=20):
        """The next task, or None when none came in time."""
        deadline = time.monotonic() + seconds
        while True:
            while self.connection.pushed:
                self._take_tasks(self.connection.pushed.popleft())
            if self._ready:
                return self._ready.popleft()
            if not self.connection.take(max(0, deadline - time.monotonic())):
                return None

    def take_received(self):
        """What has been received and not been claimed, as when a connection broke."""
        received = list(self._ready)
        self._ready.clear()
        return received

    def heartbeat(self):
        """Renews the lease of everything held; the tokens that are lost."""
        answer = self.connection.ask(broker.HEARTBEAT, broker.Heartbeat(token=list(self.held)), broker.HEARTBEAT_DONE,
                                     broker.HeartbeatDone)
        check(answer.code, answer.message)
        return list(answer.lost)

    def next_seq(self):
        """The number of one more operation: those of a session have no gaps, over all of its connections."""
        self._seq += 1
        return self._seq

    def _operate(self, kind, claim, payload=b"", **fields):
        operation = broker.Operation(seq=self.next_seq(), kind=kind, task=claim.task, token=claim.token,
                                     length=len(payload), **fields)
        return self.send_operation(operation, payload)

    def send_operation(self, operation, payload=b""):
        """Sends one operation, new or repeated; its outcome."""
        request = broker.Operations(answered_through=self._answered_through, operation=[operation])
        done = self.connection.ask(broker.OPERATIONS, request, broker.OPERATIONS_DONE, broker.OperationsDone, payload)
        outcome = next(item for item in done.outcome if item.seq == operation.seq)
        if outcome.code not in (error.UNAVAILABLE, error.RETRY_LATER):
            self._answered_through = max(self._answered_through, operation.seq)
            if operation.kind not in (broker.EXTEND, broker.SAVE) and self.held.pop(operation.token, None):
                self.free(1)
        check(outcome.code, outcome.message)
        return outcome

    def ack(self, claim, result=b"", **fields):
        return self._operate(broker.ACK, claim, result, **fields)

    def nack(self, claim, reason=b"", **fields):
        return self._operate(broker.NACK, claim, reason, **fields)

    def save(self, claim, checkpoint=None, **progress):
        """Keeps what the next attempt needs (b"": nothing any more), and tells people how far it is."""
        return self._operate(broker.SAVE, claim, checkpoint or b"", checkpoint=checkpoint is not None, **progress)

    def release(self, claim, started=False):
        return self._operate(broker.RELEASE, claim, started=started)

    def extend(self, claim, lease_ms):
        return self._operate(broker.EXTEND, claim, lease_ms=lease_ms)

    def end_wait(self):
        """No task comes after this; what came before it counts."""
        self.connection.ask(broker.END_WAIT, broker.EndWait(line=self._line), broker.WAIT_ENDED, broker.WaitEnded)
        while self.connection.pushed:
            self._take_tasks(self.connection.pushed.popleft())
        return list(self._ready)
