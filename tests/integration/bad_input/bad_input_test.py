#!/usr/bin/python3
"""Every port against clients that misbehave: the daemons live, say why they closed, serve on, and stay small.

What a single connection may do wrong is tested row by row in tests/unit/net/server_test.cc; here are the
real daemons and the large numbers.
"""
import os
import random
import resource
import socket
import struct
import time

from trio import Trio, await_condition, run_cases

# A sanitizer keeps freed memory for a while, so the bounds are generous; a leak per connection or per byte
# sent would still exceed them by far.
GROWTH_KIB_MAX = 400 * 1024
IDLE_CONNECTIONS = 5000
FILES_BESIDE = 100
# The greeting of a client, as docs/protocol.md has it.
HELLO = bytes.fromhex("42544e01 0100 0000 0100000000000000 0c000000 00000000 97369d05 0801100118012204 64656d6f")
HELLO_OK = 2


def connect(daemon):
    host, port = daemon.address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), 20)


def resident_kib(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def closed(connection, seconds=20):
    """Reads until the other side closes; what it said. Fails when it does not."""
    deadline = time.monotonic() + seconds
    said = b""
    while True:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            got = connection.recv(65536)
        except TimeoutError as late:
            raise AssertionError(f"not closed within {seconds} s; said {said[:80]!r}") from late
        except ConnectionError:
            return said
        if not got:
            return said
        said += got


def still_work(trio):
    """The daemons live and a task goes all the way through them."""
    for daemon in trio.daemons():
        assert daemon.alive(), f"{daemon.name} died:\n{daemon.said()[-2000:]}"
    queue = f"check-{random.getrandbits(32)}"
    ids = trio.produce(queue, ["payload"])
    assert [row["id"] for row in trio.consume(queue, 1)] == ids


def bytes_that_are_no_frames_are_closed_and_named():
    with Trio(managers=1) as trio:
        for daemon in trio.daemons():
            for bytes_sent, reason in ((b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP on a Baton port"),
                                       (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS on a plain port"),
                                       (b"\0" * 28, "bad magic")):
                with connect(daemon) as connection:
                    connection.sendall(bytes_sent)
                    assert closed(connection) == b""
                await_condition(lambda: reason in daemon.said(), 20, f"{daemon.name} says {reason!r}")
        still_work(trio)


def random_bytes_do_no_harm():
    seed = int(os.environ.get("BATON_SEED", random.getrandbits(32)))
    print(f"seed {seed}", flush=True)
    numbers = random.Random(seed)
    with Trio(managers=1) as trio:
        for daemon in trio.daemons():
            before = resident_kib(daemon)
            for _ in range(300):
                with connect(daemon) as connection:
                    body = numbers.randbytes(numbers.randrange(1, 5000))
                    kind = numbers.randrange(3)
                    if kind == 1:  # a header with a valid beginning
                        body = b"BTN\x01" + body
                    elif kind == 2:  # and with lengths that fit, so that the checksum is judged
                        body = b"BTN\x01" + struct.pack("<HHQII", 1, 0, 1, len(body), 0) + b"\0\0\0\0" + body
                    try:
                        connection.sendall(body)
                        connection.shutdown(socket.SHUT_WR)
                    except OSError:
                        continue  # closed already: right
                    closed(connection)
            assert resident_kib(daemon) - before < GROWTH_KIB_MAX
        still_work(trio)


def a_frame_too_large_is_refused_while_it_is_being_sent():
    with Trio(managers=1) as trio:
        for daemon in trio.daemons():
            before = resident_kib(daemon)
            with connect(daemon) as connection:
                header = b"BTN\x01" + struct.pack("<HHQIII", 1, 0, 1, 100, 0xFFFFFFFF, 0)
                try:
                    connection.sendall(header)
                    for _ in range(64):
                        connection.sendall(b"x" * (1 << 20))
                except ConnectionError:
                    pass  # cut off: right
                try:
                    closed(connection)
                except ConnectionError:
                    pass
            assert resident_kib(daemon) - before < 64 * 1024
        still_work(trio)


class ManyFiles:
    """with ManyFiles(): this process may have IDLE_CONNECTIONS; False when the machine does not allow it."""

    def __enter__(self):
        self.before = resource.getrlimit(resource.RLIMIT_NOFILE)
        soft, hard = self.before
        wanted = IDLE_CONNECTIONS + FILES_BESIDE
        if hard != resource.RLIM_INFINITY and hard < wanted:
            print(f"skipped: the hard file limit of {hard} is below {wanted}")
            return False
        # What is started from here on has a low limit and must raise it itself.
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        return True

    @staticmethod
    def raise_own():
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE_CONNECTIONS + FILES_BESIDE, hard))

    def __exit__(self, *_):
        resource.setrlimit(resource.RLIMIT_NOFILE, self.before)


def five_thousand_unfinished_handshakes():
    with ManyFiles() as possible:
        if not possible:
            return
        with Trio(managers=1) as trio:
            ManyFiles.raise_own()
            for daemon in trio.daemons():
                before = resident_kib(daemon)
                # 1,024 may wait at a time, each for 5 s; the oldest go first.
                silent = [connect(daemon) for _ in range(IDLE_CONNECTIONS)]
                still_work(trio)
                assert resident_kib(daemon) - before < GROWTH_KIB_MAX
                for connection in (silent[0], silent[IDLE_CONNECTIONS // 2], silent[-1]):
                    assert closed(connection)[:3] == b"BTN", "it is told why"
                for connection in silent:
                    connection.close()
            still_work(trio)


def five_thousand_idle_clients():
    with ManyFiles() as possible:
        if not possible:
            return
        with Trio(managers=1) as trio:
            ManyFiles.raise_own()
            manager = trio.managers[0]
            before = resident_kib(manager)
            clients = []
            for _ in range(IDLE_CONNECTIONS):
                clients.append(connect(manager))
                clients[-1].sendall(HELLO)
            for client in clients:
                assert client.recv(28, socket.MSG_WAITALL)[4] == HELLO_OK
            still_work(trio)
            assert resident_kib(manager) - before < GROWTH_KIB_MAX
            for client in clients:
                client.close()
            still_work(trio)


if __name__ == "__main__":
    run_cases([
        bytes_that_are_no_frames_are_closed_and_named,
        random_bytes_do_no_harm,
        a_frame_too_large_is_refused_while_it_is_being_sent,
        five_thousand_unfinished_handshakes,
        five_thousand_idle_clients,
    ])
