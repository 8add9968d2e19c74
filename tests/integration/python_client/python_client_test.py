#!/usr/bin/python3
"""docs/protocol.md, proven: a client in another language against real daemons.

usage: python_client_test.py FOLDER_WITH_PROTOC_OUTPUT [case ...]
"""
import socket
import sys

sys.path.insert(0, sys.argv.pop(1))
try:
    import google.protobuf  # noqa: F401
except ImportError:
    print("skipped: python3-protobuf is not installed")
    sys.exit(77)

from proto import broker_pb2 as broker
from proto import error_pb2 as error
from baton_client import BatonError, Connection, ConnectionLost, Consumer, Producer, encode
from trio import Trio, await_condition, run_cases


def connect(manager):
    """A connection to a manager that may store tasks: one that has just started looks for its center first."""
    def try_once():
        connection = Connection(manager.address)
        if connection.hello.shard != 0:
            return connection
        connection.close()
        return None
    return await_condition(try_once, 60, f"{manager.name} names the shard that it stores in")


def refusal(call, *arguments, **named):
    """The error code that a call ends with; None when it succeeds."""
    try:
        call(*arguments, **named)
    except BatonError as refused:
        return error.ErrorCode.Name(refused.code)
    return None


def state_of(connection, task):
    answer, _ = connection.query(task_show=broker.TaskShow(task=task))
    return broker.TaskState.Name(answer.task.state)


def produced_at_one_manager_claimed_extended_and_acked_at_another():
    with Trio(managers=2) as trio:
        a, b = (connect(manager) for manager in trio.managers)
        assert a.hello.version == 1 and a.hello.frame_bytes_max >= a.hello.payload_bytes_max
        payloads = [b"first", b"", bytes(range(256)) * 100]
        ids = Producer(a).produce("mail", payloads)
        assert len(set(ids)) == 3

        consumer = Consumer("mail", window=3)
        assert consumer.attach(b) == []
        claims = [consumer.claim() for _ in range(3)]
        assert all(claims), "three tasks in time"
        assert {claim.task: claim.payload for claim in claims} == dict(zip(ids, payloads))
        assert [claim.attempt for claim in claims] == [1, 1, 1]
        assert len({claim.token for claim in claims}) == 3

        consumer.extend(claims[0], lease_ms=60000)
        assert consumer.heartbeat() == []
        consumer.ack(claims[0], b"the result")
        consumer.ack(claims[1])
        consumer.release(claims[2])

        again = consumer.claim()
        assert again.task == claims[2].task and again.token > claims[2].token
        assert again.attempt == 1, "what was released before it was started does not count"
        consumer.ack(again)

        assert [state_of(a, task) for task in ids] == ["DONE"] * 3
        answer, result = a.query(task_result=broker.TaskResult(task=claims[0].task))
        assert result == b"the result" and answer.result.token == claims[0].token
        assert consumer.claim(seconds=0.5) is None


def an_old_token_is_refused_and_the_new_one_accepted():
    with Trio(managers=1) as trio:
        connection = connect(trio.managers[0])
        [task] = Producer(connection).produce("q", [b"x"])
        first, second = Consumer("q"), Consumer("q")
        first.attach(connection)
        old = first.claim()
        first.release(old)  # its line is still open: the task may come back to it
        first.end_wait()
        for claim in list(first.held.values()):
            first.release(claim)

        second.attach(connect(trio.managers[0]))
        new = second.claim()
        assert new.task == task and new.token > old.token
        assert refusal(first.ack, old) == "CLAIM_SUPERSEDED"
        # Another session's token does not help either.
        assert refusal(first.ack, new) == "CLAIM_SUPERSEDED"
        assert refusal(second.ack, new) is None
        assert state_of(connection, task) == "DONE"


def a_repeated_operation_gets_its_first_answer():
    with Trio(managers=1) as trio:
        connection = connect(trio.managers[0])
        Producer(connection).produce("q", [b"x"])
        consumer = Consumer("q")
        consumer.attach(connection)
        claim = consumer.claim()
        ack = broker.Operation(seq=1, kind=broker.ACK, task=claim.task, token=claim.token, length=2)
        request = broker.Operations(operation=[ack])
        for _ in range(3):
            done = connection.ask(broker.OPERATIONS, request, broker.OPERATIONS_DONE, broker.OperationsDone, b"ok")
            assert [(item.seq, item.code) for item in done.outcome] == [(1, error.OK)]


def a_repeated_produce_names_the_same_tasks_at_every_manager():
    with Trio(managers=2) as trio:
        a, b = (connect(manager) for manager in trio.managers)
        producer = Producer(a)
        payloads = [b"one", b"two"]
        ids = producer.send_request(producer.request("q", payloads, 1), payloads)

        assert producer.send_request(producer.request("q", payloads, 1), payloads) == ids
        other = [b"one", b"other"]
        assert refusal(producer.send_request, producer.request("q", other, 1), other) == "CONFLICT"

        # At another manager, as after a broken connection: the ledger names the first ones.
        producer.connection = b
        moved = producer.request("q", payloads, 1, moved=True, maybe_at=[a.hello.shard])
        assert producer.send_request(moved, payloads) == ids
        # And nothing was stored twice.
        consumer = Consumer("q", window=5)
        consumer.attach(b)
        claims = [consumer.claim() for _ in range(2)]
        assert {claim.task for claim in claims} == set(ids)
        assert consumer.claim(seconds=0.5) is None


def a_session_moves_to_another_manager_with_its_claims():
    with Trio(managers=2) as trio:
        Producer(connect(trio.managers[0])).produce("q", [b"kept", b"given back"])
        consumer = Consumer("q", window=2)
        consumer.attach(connect(trio.managers[0]))
        claims = {claim.payload: claim for claim in (consumer.claim(), consumer.claim())}
        consumer.connection.close()

        del consumer.held[claims[b"given back"].token]  # as if it had never arrived
        lost = consumer.attach(connect(trio.managers[1]))
        assert lost == []
        back = consumer.claim()
        assert back.payload == b"given back" and back.token > claims[b"given back"].token
        consumer.ack(claims[b"kept"])
        consumer.ack(back)


def a_nacked_task_comes_back_with_its_next_attempt():
    with Trio(managers=1) as trio:
        connection = connect(trio.managers[0])
        [task] = Producer(connection).produce("q", [b"x"])
        consumer = Consumer("q")
        consumer.attach(connection)
        consumer.nack(consumer.claim(), b"no luck: \xff is not UTF-8")
        answer, _ = connection.query(task_show=broker.TaskShow(task=task))
        assert answer.task.state == broker.DELAYED and answer.task.reason == b"no luck: \xff is not UTF-8"
        again = consumer.claim()
        assert again.task == task and again.attempt == 2
        consumer.ack(again)


def a_restarted_manager_keeps_shard_and_tasks():
    with Trio(managers=1) as trio:
        producer = Producer(connect(trio.managers[0]))
        ids = producer.send_request(producer.request("q", [b"x"], 1), [b"x"])
        shard = producer.connection.hello.shard
        trio.managers[0].restart()
        connection = connect(trio.managers[0])
        assert connection.hello.shard == shard
        # The same request again, since the answer might have been lost: the same task.
        producer.connection = connection
        assert producer.send_request(producer.request("q", [b"x"], 1), [b"x"]) == ids


def wrong_requests_get_the_errors_of_the_document():
    with Trio(managers=1) as trio:
        connection = connect(trio.managers[0])
        producer = Producer(connection)
        producer.produce("q", [b"x"])
        code = lambda request, *payload: refusal(producer.send_request, request, list(payload))  # noqa: E731
        assert code(producer.request("no queue name", [b"x"], 2), b"x") == "INVALID_ARGUMENT"
        assert code(producer.request("q", [b"x"], 5000), b"x") == "INVALID_ARGUMENT"
        too_large = b"x" * (connection.hello.payload_bytes_max + 1)
        assert code(producer.request("q", [too_large], 2), too_large) == "TOO_LARGE"
        demand = broker.Demand(line=1, queue="q", lease_ms=30000, total=1)
        assert refusal(connection.ask, broker.DEMAND, demand, 0, broker.Tasks) == "INVALID_ARGUMENT"  # not attached
        assert refusal(connection.query, task_show=broker.TaskShow(task=(77 << 44) + 1)) in ("NOT_FOUND", "UNAVAILABLE")
        assert refusal(connection.query) == "INVALID_ARGUMENT"
        assert refusal(connection.ask, 9999, broker.Ping(), 0, broker.Ping) == "INVALID_ARGUMENT"
        pong, _ = connection.answer(connection.send(broker.PING, broker.Ping(sent=3)), broker.PONG, broker.Ping)
        assert pong.sent == 3


def reply_to(address, data):
    """What the manager says to these bytes until it closes."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall(data)
        said = b""
        while True:
            got = connection.recv(65536)
            if not got:
                return said
            said += got


def error_code(said):
    assert said[:3] == b"BTN" and said[4] == broker.ERROR, said
    return error.ErrorCode.Name(error.Error.FromString(said[28:]).code)


def bytes_that_are_no_frames_close_the_connection():
    with Trio(managers=1) as trio:
        address = trio.managers[0].address
        hello = encode(broker.HELLO, 1, broker.Hello(version_min=1, version_max=1, role=broker.ROLE_CLIENT))
        assert reply_to(address, b"GET / HTTP/1.1\r\n\r\n") == b""
        assert reply_to(address, b"\x16\x03\x01\x02\x00\x01\x00\x01") == b""
        assert error_code(reply_to(address, hello[:-1] + b"\x7f")) == "BAD_FRAME"
        assert error_code(reply_to(address, hello[:3] + b"\x02" + hello[4:])) == "UNSUPPORTED_VERSION"
        newer = broker.Hello(version_min=2, version_max=3, role=broker.ROLE_CLIENT)
        assert error_code(reply_to(address, encode(broker.HELLO, 1, newer))) == "UNSUPPORTED_VERSION"
        assert error_code(reply_to(address, encode(broker.PING, 1, broker.Ping()))) == "UNAUTHENTICATED"
        assert error_code(reply_to(address, encode(broker.PING, 1, broker.Ping(), b"x" * 5000))) == "TOO_LARGE"
        Connection(address).close()  # and it serves on


def a_stopping_manager_says_goodbye():
    with Trio(managers=2) as trio:
        connection = connect(trio.managers[0])
        [task] = Producer(connection).produce("q", [b"x"])
        consumer = Consumer("q")
        consumer.attach(connection)
        claim = consumer.claim()
        assert trio.managers[0].terminate() == 0
        try:
            while not connection.leaving:
                assert connection.take(20), "GOODBYE in time"
            while connection.take(20):
                pass
        except (ConnectionLost, BatonError):
            pass
        assert connection.leaving
        # The claim is still ours, and the other manager takes the ack.
        assert consumer.attach(connect(trio.managers[1])) == []
        consumer.ack(claim)
        assert state_of(consumer.connection, task) == "DONE"


if __name__ == "__main__":
    run_cases([
        produced_at_one_manager_claimed_extended_and_acked_at_another,
        an_old_token_is_refused_and_the_new_one_accepted,
        a_repeated_operation_gets_its_first_answer,
        a_repeated_produce_names_the_same_tasks_at_every_manager,
        a_session_moves_to_another_manager_with_its_claims,
        a_nacked_task_comes_back_with_its_next_attempt,
        a_restarted_manager_keeps_shard_and_tasks,
        wrong_requests_get_the_errors_of_the_document,
        bytes_that_are_no_frames_close_the_connection,
        a_stopping_manager_says_goodbye,
    ])
