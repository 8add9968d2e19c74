#!/usr/bin/python3
"""docs/protocol.md, section 10, row by row: what real daemons say to values that no correct client sends.

usage: bad_values_test.py FOLDER_WITH_PROTOC_OUTPUT [case ...]
Each case names the row that it proves; scripts/check_bad_input.py finds rows without one. Where a row has a
range, both ends of it are accepted, and what lies beyond them, up to the largest number there is, is not.
"""
import sys
import time

sys.path.insert(0, sys.argv.pop(1))
try:
    import google.protobuf  # noqa: F401
except ImportError:
    print("skipped: python3-protobuf is not installed")
    sys.exit(77)

from proto import broker_pb2 as broker
from proto import error_pb2 as error
from baton_client import BatonError, Connection, ConnectionLost, Consumer, Producer
from trio import Trio, await_condition, run_cases

Options = broker.TaskOptions
YEARS_10_MS = 3653 * 24 * 3600 * 1000
YEAR_2200_MS = 7258118400000
U32, U64, I64 = (1 << 32) - 1, (1 << 64) - 1, (1 << 63) - 1
NO_TASK = (0xFFFFF << 44) | ((1 << 44) - 1)  # a shard that nobody has
TEXT_MAX = "x" * 200
MIB = 1 << 20


def connect():
    def try_once():
        connection = Connection(TRIO.managers[0].address)
        if connection.hello.shard != 0:
            return connection
        connection.close()
        return None
    return await_condition(try_once, 60, "the manager names the shard that it stores in")


def expect(actual, wanted, what=""):
    assert actual == wanted, f"{what}: {actual!r} instead of {wanted!r}"


def name(code):
    return error.ErrorCode.Name(code)


def refusal(call, *arguments, **named):
    """The error code that a call ends with; OK when it succeeds."""
    try:
        call(*arguments, **named)
    except BatonError as refused:
        return name(refused.code)
    return "OK"


def items(request_options, payloads=(b"x",), queue="bad", **fields):
    """The outcomes of a request of a producer of its own."""
    producer = Producer(LINK)
    request = producer.request(queue, payloads, 1, options=request_options)
    request.timeout_ms = 3000
    for field, value in fields.items():
        setattr(request, field, value)
    return producer.outcomes(request, list(payloads))


def item(payload=b"x", queue="bad", **options):
    """(code, message) of one task with these options; one that must be final is checked to be so."""
    outcome, = items([Options(**options)], (payload,), queue)
    return name(outcome.code), outcome.message


def item_code(**options):
    return item(**options)[0]


def expect_bounds(option, good, bad, wanted="INVALID_ARGUMENT", **others):
    for value in good:
        expect(item_code(**{option: value}, **others), "OK", f"{option} {value}")
    for value in bad:
        code, message = item(**{option: value}, **others)
        expect(code, wanted, f"{option} {value}")
        assert message, f"{option} {value}: no sentence"


def request_refusal(connection=None, frame=broker.PRODUCE, payload=b"x", **fields):
    """The ERROR that a whole PRODUCE gets; every one has a connection of its own, since the third closes it."""
    connection = connection or connect()
    request = broker.Produce(queue="bad", length=[len(payload)])
    for field, value in fields.items():
        if isinstance(value, list):
            del getattr(request, field)[:]
            getattr(request, field).extend(value)
        elif hasattr(value, "SerializeToString"):
            getattr(request, field).CopyFrom(value)
        else:
            setattr(request, field, value)
    return refusal(connection.ask, frame, request, broker.PRODUCED, broker.Produced, payload)


def task(queue="bad", payload=b"x", **options):
    outcome, = items([Options(**options)], (payload,), queue)
    expect(name(outcome.code), "OK")
    return outcome.first_task


class Claimed:
    """with Claimed("q") as (consumer, claim): a task of a queue of its own, claimed on a connection of its own."""

    def __init__(self, queue, payload=b"x", **options):
        self.queue, self.payload, self.options = queue, payload, options

    def __enter__(self):
        self.task = task(self.queue, self.payload, **self.options)
        self.consumer = Consumer(self.queue)
        self.consumer.attach(connect())
        return self.consumer, self.consumer.claim()

    def __exit__(self, kind, *_):
        self.consumer.connection.close()


def operation_code(consumer, claim, kind, payload=b"", token=None, seq=None, **fields):
    token = claim.token if token is None else token
    seq = consumer.next_seq() if seq is None else seq
    fields.setdefault("task", claim.task)
    request = broker.Operations(operation=[broker.Operation(seq=seq, kind=kind, token=token, length=len(payload), **fields)])
    done = consumer.connection.ask(broker.OPERATIONS, request, broker.OPERATIONS_DONE, broker.OperationsDone, payload)
    return name(done.outcome[0].code)


def query_code(**what):
    return refusal(LINK.query, **what)


def set_code(queue="set", **settings):
    return query_code(queue_set=broker.QueueSet(queue=queue, settings=broker.QueueSettings(**settings)))


def expect_settings(setting, good, bad, **others):
    for value in good:
        expect(set_code(**{setting: value}, **others), "OK", f"{setting} {value}")
    before = LINK.query(queue_show=broker.QueueShow(queue="set"))[0].queue.settings
    for value in bad:
        expect(set_code(**{setting: value}, **others, weight=77), "INVALID_ARGUMENT", f"{setting} {value}")
    expect(LINK.query(queue_show=broker.QueueShow(queue="set"))[0].queue.settings, before, "nothing is changed")


# ---- frames and PRODUCE --------------------------------------------------------------------------------


def B1_what_is_no_frame_or_does_not_parse():
    connection = connect()
    connection.send_raw(b"GET / HTTP/1.1\r\n\r\n")
    try:
        while connection.take(20):
            pass
        raise AssertionError("the connection lives on")
    except (BatonError, ConnectionLost) as ended:
        assert not isinstance(ended, BatonError) or ended.code == error.BAD_FRAME, ended
    for metadata in (b"\xff\xff\xff", b"\x22\x02\xff\xfe"):  # no Protobuf; a queue that is not UTF-8
        class Raw:
            @staticmethod
            def SerializeToString(bytes_sent=metadata):
                return bytes_sent
        expect(refusal(connect().ask, broker.PRODUCE, Raw, broker.PRODUCED, broker.Produced), "INVALID_ARGUMENT")
    too_long = broker.Produce(queue="q" * 70000, length=[1])
    expect(refusal(connect().ask, broker.PRODUCE, too_long, broker.PRODUCED, broker.Produced, b"x"), "TOO_LARGE")


def B2_a_produce_that_is_wrong_as_a_whole():
    producer = broker.Uuid(hi=1, lo=2)
    wrong = {
        "no item": dict(length=[], payload=b""),
        "too many items": dict(length=[0] * 1025, payload=b""),
        "lengths do not add up": dict(length=[2]),
        "bytes that no item has": dict(length=[0]),
        "lengths that overflow": dict(length=[U32, 2], payload=b"x"),
        "no queue": dict(queue=""),
        "a bad queue name": dict(queue="no queue"),
        "a queue name that is too long": dict(queue="q" * 201),
        "number 0": dict(producer=producer, seq=0),
        "a number at the end": dict(producer=producer, seq=1 << 63, resolved_below=1 << 63),
        "numbers over the end": dict(producer=producer, seq=I64, resolved_below=I64, length=[1, 0]),
        "the largest number": dict(producer=producer, seq=U64, resolved_below=U64),
        "below the window": dict(producer=broker.Uuid(hi=1, lo=4), seq=4, resolved_below=5),
        "beyond the window": dict(producer=broker.Uuid(hi=1, lo=5), seq=1025, resolved_below=1),
        "moved by nobody": dict(moved=True),
        "65 shards": dict(producer=producer, seq=1, moved=True, maybe_at=[1] * 65),
        "shard 0": dict(producer=producer, seq=1, moved=True, maybe_at=[0]),
        "a shard that cannot be": dict(producer=producer, seq=1, moved=True, maybe_at=[U32]),
    }
    for what, fields in wrong.items():
        expect(request_refusal(**fields), "INVALID_ARGUMENT", what)
    expect(request_refusal(queue="q" * 200), "OK")
    expect(request_refusal(producer=broker.Uuid(hi=1, lo=3), seq=1024, resolved_below=1), "OK")


def B3_options_for_another_number_of_items():
    for count in (2, 4):
        expect(refusal(items, [Options()] * count, [b"a", b"b", b"c"]), "INVALID_ARGUMENT", f"{count} options")
    expect([name(one.code) for one in items([Options()] * 3, [b"a", b"b", b"c"])], ["OK"] * 3)


def B4_a_payload_over_the_limit():
    limit = LINK.hello.payload_bytes_max
    large, small = items([], [b"x" * (limit + 1), b"x"])
    expect((name(large.code), name(small.code)), ("TOO_LARGE", "OK"))
    expect(item(payload=b"x" * limit)[0], "OK")


def B5_a_number_with_another_payload():
    producer = Producer(LINK)
    request = producer.request("bad", [b"x"], 1)
    expect(name(producer.outcomes(request, [b"x"])[0].code), "OK")
    expect(name(producer.outcomes(request, [b"y"])[0].code), "CONFLICT")


# ---- options of a task ---------------------------------------------------------------------------------


def B6_priority():
    expect_bounds("priority", (0, 1, 10), (11, 256, U32))


def B7_delays_and_timeouts():
    for option in ("delay_ms", "time_to_live_ms", "wait_timeout_ms", "attempt_timeout_ms", "total_timeout_ms"):
        expect_bounds(option, (0, 1, YEARS_10_MS), (YEARS_10_MS + 1, I64, I64 + 1, U64))


def B8_not_before():
    now = int(time.time() * 1000)
    expect_bounds("not_before_wall_ms", (0, 1, now, YEAR_2200_MS), (-1, -I64 - 1, YEAR_2200_MS + 1, I64))
    expect(item_code(not_before_wall_ms=now, delay_ms=1), "INVALID_ARGUMENT")


def B9_attempts_and_weights():
    expect_bounds("max_attempts", (0, 1, 1000), (1001, U32))
    expect_bounds("fair_weight", (0, 1, 100), (101, U32), fair_key="k")


def B10_texts():
    for option in ("order_key", "fair_key", "type"):
        expect_bounds(option, ("", TEXT_MAX, "\u00fc" * 100), (TEXT_MAX + "x", "\u00fc" * 101))
    expect_bounds("key", (b"", b"\x00\xff" * 100), (b"x" * 201,))


def B11_after():
    others = [task() for _ in range(17)]
    expect_bounds("after", ([], others[:16]), (others, [others[0]] * 2, [0], [1 << 44], [(1 << 44) - 1]))


def B12_after_what_is_not_there():
    # A task that nobody has produced yet may come; of a shard that nobody has none can.
    far = (task() & ~((1 << 44) - 1)) | ((1 << 44) - 1)
    expect(item_code(after=[far]), "OK")
    with Claimed("gone") as (consumer, claim):
        consumer.ack(claim)
        waits = task(after=[claim.task])
        expect(broker.TaskState.Name(LINK.query(task_show=broker.TaskShow(task=waits))[0].task.state), "READY")
    expect(item_code(after=[NO_TASK]), "NOT_FOUND")


def B13_on_failed():
    others = [task()]
    expect_bounds("on_failed", (0, 1, 2, 3), (4, 99, -1), after=others)


def B14_parent():
    with Claimed("parents") as (_, claim):
        for what, options in {
                "no token": dict(parent=claim.task), "no parent": dict(parent_token=claim.token),
                "a task that cannot be": dict(parent=1 << 44, parent_token=claim.token),
                "a completion of nothing": dict(with_completion=True)}.items():
            expect(item_code(**options), "INVALID_ARGUMENT", what)


def B15_the_token_of_another_claim():
    with Claimed("parents") as (consumer, claim):
        for token in (1, claim.token - 1, claim.token + 1, U64):
            expect(item_code(parent=claim.task, parent_token=token), "CLAIM_SUPERSEDED", str(token))
        consumer.ack(claim)
        expect(item_code(parent=claim.task, parent_token=claim.token), "CLAIM_SUPERSEDED", "after its ack")
    expect(item_code(parent=NO_TASK, parent_token=1), "CLAIM_SUPERSEDED", "nobody's task")


def B16_a_key_with_the_same_content():
    first = task(key=b"B16")
    again, = items([Options(key=b"B16")])
    expect((name(again.code), again.duplicate, again.first_task), ("OK", True, first))


def B17_a_key_with_other_content():
    task(key=b"B17")
    code, message = item(payload=b"other", key=b"B17")
    assert code == "CONFLICT" and "idempotency key" in message, (code, message)


def B18_a_copy_of_nothing_or_with_a_payload():
    for wrong in (1 << 44, (1 << 44) - 1):
        expect(item(payload=b"", retry_of=wrong)[0], "INVALID_ARGUMENT", f"{wrong}")
    expect(item(payload=b"x", retry_of=task())[0], "INVALID_ARGUMENT", "its own payload")


def B19_a_copy_of_what_has_not_ended():
    code, message = item(payload=b"", retry_of=task())
    assert code == "CONFLICT" and "READY" in message, (code, message)


def B20_a_copy_of_what_is_not_there():
    with Claimed("gone") as (consumer, claim):
        consumer.ack(claim)
        expect(item(payload=b"", retry_of=claim.task)[0], "NOT_FOUND", "not kept")
    expect(item(payload=b"", retry_of=NO_TASK)[0], "NOT_FOUND", "never was")


def B21_a_queue_that_is_full():
    LINK.query(queue_set=broker.QueueSet(queue="full", settings=broker.QueueSettings(max_tasks=1)))
    ends = await_condition(lambda: (codes := [name(one.code) for one in items([], [b"a", b"b"], "full")])
                           and "OK" in codes and codes, 20, "one is taken")
    expect(ends, ["OK", "RETRY_LATER"])


def B22_a_payload_larger_than_its_queue_may_ever_be():
    LINK.query(queue_set=broker.QueueSet(queue="narrow", settings=broker.QueueSettings(max_bytes=10)))
    message = await_condition(lambda: (end := item(b"x" * 11, "narrow"))[0] == "TOO_LARGE" and end[1], 20, "it is final")
    assert "max_bytes is 10" in message, message
    await_condition(lambda: item(b"x" * 10, "narrow")[0] == "OK", 20, "what fits is taken")


# ---- consuming -----------------------------------------------------------------------------------------


def B23_attach():
    def code(**fields):
        attach = broker.Attach(**{"session": broker.Uuid(hi=5, lo=int(time.monotonic_ns())), "conn_epoch": 1, **fields})
        connection = connect()
        try:
            return name(connection.ask(broker.ATTACH, attach, broker.ATTACHED, broker.Attached).code)
        except BatonError as refused:
            return name(refused.code)
        finally:
            connection.close()

    expect(code(), "OK")
    expect(code(consumer=TEXT_MAX, held=[7] * 5120), "OK")
    for what, fields in {"no session": dict(session=broker.Uuid()), "conn_epoch 0": dict(conn_epoch=0),
                         "a long name": dict(consumer=TEXT_MAX + "x"), "too many tokens": dict(held=[7] * 5121)}.items():
        expect(code(**fields), "INVALID_ARGUMENT", what)
    consumer = Consumer("bad")
    consumer.attach(connect())
    again = broker.Attach(session=consumer.session, conn_epoch=2)
    expect(name(consumer.connection.ask(broker.ATTACH, again, broker.ATTACHED, broker.Attached).code), "INVALID_ARGUMENT")


def B24_demand():
    consumer = Consumer("waited")
    consumer.attach(connect())
    for what, fields in {"line 0": dict(line=0), "no queue": dict(queue=""), "a bad name": dict(queue="a b"),
                         "a short lease": dict(lease_ms=2999), "a long lease": dict(lease_ms=12 * 3600 * 1000 + 1),
                         "the largest lease": dict(lease_ms=U32), "a task that cannot be": dict(task=1 << 44)}.items():
        demand = broker.Demand(**{"line": 2, "queue": "waited", "total": 1, **fields})
        expect(refusal(consumer.connection.ask, broker.DEMAND, demand, 0, broker.Tasks), "INVALID_ARGUMENT", what)
    for line in range(2, 65):
        consumer.connection.send(broker.DEMAND, broker.Demand(line=line, queue="waited", total=1))
    one_more = broker.Demand(line=65, queue="waited", total=1)
    expect(refusal(consumer.connection.ask, broker.DEMAND, one_more, 0, broker.Tasks), "INVALID_ARGUMENT", "line 65")
    without = broker.Demand(line=1, queue="waited", total=1)
    expect(refusal(connect().ask, broker.DEMAND, without, 0, broker.Tasks), "INVALID_ARGUMENT", "no session")


def B25_an_operation():
    with Claimed("ops") as (consumer, claim):
        expect(operation_code(consumer, claim, broker.ACK, seq=0), "INVALID_ARGUMENT", "seq 0")
        for kind in (0, 6, 99):
            expect(operation_code(consumer, claim, kind), "INVALID_ARGUMENT", f"kind {kind}")
        for wrong, code in ((0, "INVALID_ARGUMENT"), (1 << 44, "INVALID_ARGUMENT"), (NO_TASK, "NOT_FOUND")):
            expect(operation_code(consumer, claim, broker.ACK, task=wrong), code, f"task {wrong}")
        expect(operation_code(consumer, claim, broker.ACK), "OK")
    unattached = broker.Operations(operation=[broker.Operation(seq=1, kind=broker.ACK, task=claim.task, token=claim.token)])
    for request in (unattached, broker.Operations(operation=[broker.Operation(seq=1, kind=broker.ACK)] * 1025),
                    broker.Operations(operation=[broker.Operation(seq=1, kind=broker.ACK, length=5)])):
        expect(refusal(connect().ask, broker.OPERATIONS, request, broker.OPERATIONS_DONE, broker.OperationsDone),
               "INVALID_ARGUMENT")


def B26_a_result_over_the_limit():
    with Claimed("ops") as (consumer, claim):
        expect(operation_code(consumer, claim, broker.ACK, b"x" * (MIB + 1)), "TOO_LARGE")
        expect(operation_code(consumer, claim, broker.ACK, b"x" * MIB), "OK")


def B27_ack():
    with Claimed("ops") as (consumer, claim):
        expect(operation_code(consumer, claim, broker.ACK, content_type=TEXT_MAX + "x"), "INVALID_ARGUMENT")
        for policy in (4, 99, -1):
            expect(operation_code(consumer, claim, broker.ACK, on_failed_child=policy), "INVALID_ARGUMENT", f"{policy}")
        expect(operation_code(consumer, claim, broker.ACK, content_type=TEXT_MAX, on_failed_child=3), "OK")


def B28_nack():
    with Claimed("nacks") as (consumer, claim):
        for what, payload, fields in (("a long reason", b"x" * 1025, {}), ("a long delay", b"", {"delay_ms": YEARS_10_MS + 1}),
                                      ("the longest", b"", {"delay_ms": U64}), ("both", b"", {"delay_ms": 0, "dead": True})):
            expect(operation_code(consumer, claim, broker.NACK, payload, **fields), "INVALID_ARGUMENT", what)
        expect(operation_code(consumer, claim, broker.NACK, b"x" * 1024, delay_ms=YEARS_10_MS), "OK")


def B29_extend():
    with Claimed("ops") as (consumer, claim):
        for lease in (0, 2999, 12 * 3600 * 1000 + 1, U32):
            expect(operation_code(consumer, claim, broker.EXTEND, lease_ms=lease), "INVALID_ARGUMENT", f"{lease}")
        for lease in (3000, 12 * 3600 * 1000):
            expect(operation_code(consumer, claim, broker.EXTEND, lease_ms=lease), "OK", f"{lease}")
        consumer.ack(claim)


def B30_save():
    with Claimed("ops") as (consumer, claim):
        for what, payload, fields in (("101 %", b"", {"percent": 101}), ("the largest", b"", {"percent": U32}),
                                      ("long words", b"", {"progress": TEXT_MAX + "x"}), ("nothing", b"", {}),
                                      ("bytes of no checkpoint", b"x", {"percent": 1})):
            expect(operation_code(consumer, claim, broker.SAVE, payload, **fields), "INVALID_ARGUMENT", what)
        for percent in (0, 100):
            expect(operation_code(consumer, claim, broker.SAVE, percent=percent, progress=TEXT_MAX), "OK")
        consumer.ack(claim)


def B31_a_checkpoint_over_the_limit():
    with Claimed("ops") as (consumer, claim):
        expect(operation_code(consumer, claim, broker.SAVE, b"x" * (MIB + 1), checkpoint=True), "TOO_LARGE")
        expect(operation_code(consumer, claim, broker.SAVE, b"x" * MIB, checkpoint=True), "OK")
        consumer.ack(claim)


def B32_a_token_that_is_not_current_or_not_ours():
    with Claimed("ops") as (consumer, claim), Claimed("others") as (other, _):
        for kind, fields in ((broker.ACK, {}), (broker.NACK, {}), (broker.RELEASE, {}), (broker.EXTEND, {"lease_ms": 3000}),
                             (broker.SAVE, {"percent": 1})):
            expect(operation_code(other, claim, kind, **fields), "CLAIM_SUPERSEDED", f"another session, kind {kind}")
            for token in (0, 1, claim.token + 1, U64):
                expect(operation_code(consumer, claim, kind, token=token, **fields), "CLAIM_SUPERSEDED", f"{token}, kind {kind}")
        consumer.ack(claim)


def B33_fields_of_another_kind():
    with Claimed("ops") as (consumer, claim):
        expect(operation_code(consumer, claim, broker.EXTEND, lease_ms=3000, percent=999, delay_ms=U64), "OK")
        expect(operation_code(consumer, claim, broker.ACK, percent=999, progress=TEXT_MAX * 2, delay_ms=U64, dead=True), "OK")


def B34_a_heartbeat_for_others():
    with Claimed("ops") as (consumer, claim), Claimed("others") as (other, _):
        for tokens, lost in (([claim.token, 0, 1, U64], {0, 1, U64}), ([], set())):
            answer = consumer.connection.ask(broker.HEARTBEAT, broker.Heartbeat(token=tokens), broker.HEARTBEAT_DONE,
                                             broker.HeartbeatDone)
            expect((name(answer.code), set(answer.lost)), ("OK", lost))
        answer = other.connection.ask(broker.HEARTBEAT, broker.Heartbeat(token=[claim.token]), broker.HEARTBEAT_DONE,
                                      broker.HeartbeatDone)
        expect(list(answer.lost), [claim.token])
        consumer.ack(claim)
    for connection, beat in ((connect(), broker.Heartbeat(token=[1] * 1025)), (connect(), broker.Heartbeat(token=[1]))):
        expect(refusal(connection.ask, broker.HEARTBEAT, beat, broker.HEARTBEAT_DONE, broker.HeartbeatDone), "INVALID_ARGUMENT")


# ---- acting and looking --------------------------------------------------------------------------------


def B35_an_act_that_is_wrong_as_a_whole():
    one = [task()]
    for what, action, tasks, reason in (("no task", broker.CANCEL, [], b""), ("no action", 0, one, b""),
                                        ("no such action", 7, one, b""), ("a long reason", broker.CANCEL, one, b"x" * 1025)):
        expect(refusal(LINK.act, action, tasks, reason), "INVALID_ARGUMENT", what)
    expect(refusal(connect().act, broker.CANCEL, [1] * 1025), "INVALID_ARGUMENT", "1,025 tasks")
    expect([name(code) for code, _, _ in LINK.act(broker.CANCEL, one * 1024, b"x" * 1024)], ["OK"] * 1024)


def B36_acting_on_what_is_not_there():
    for wrong in (0, 1 << 44, (1 << 44) - 1, NO_TASK, U64):
        for action in (broker.CANCEL, broker.REDRIVE, broker.KILL):
            expect(name(LINK.act(action, [wrong])[0][0]), "NOT_FOUND", f"{wrong}")


def B37_an_action_that_the_state_does_not_allow():
    refused = {"READY": (broker.REDRIVE, broker.DISCARD, broker.RESUME, broker.COMPLETE),
               "CLAIMED": (broker.REDRIVE, broker.DISCARD, broker.RESUME, broker.COMPLETE, broker.KILL),
               "DEAD": (broker.CANCEL, broker.RESUME, broker.COMPLETE),
               "CANCELLED": (broker.REDRIVE, broker.DISCARD, broker.RESUME, broker.COMPLETE, broker.KILL),
               "DONE": tuple(range(1, 7))}
    with Claimed("acts") as (consumer, claim):
        tasks = {"READY": task(), "CLAIMED": claim.task, "DEAD": task(), "CANCELLED": task()}
        LINK.act(broker.KILL, [tasks["DEAD"]])
        LINK.act(broker.CANCEL, [tasks["CANCELLED"]])
        with Claimed("finished") as (other, done):
            other.ack(done)
            tasks["DONE"] = done.task
        for state, actions in refused.items():
            for action in actions:
                (code, message, found), = LINK.act(action, [tasks[state]])
                expect((name(code), broker.TaskState.Name(found)), ("CONFLICT", state), f"action {action}")
                assert message, "no sentence"
        consumer.ack(claim)


def B38_a_query_for_nothing():
    expect(query_code(), "INVALID_ARGUMENT")


def B39_a_task_that_cannot_be():
    for wrong in (0, 1 << 44, NO_TASK, U64):
        for field, kind in (("task_show", broker.TaskShow), ("task_result", broker.TaskResult), ("task_wait", broker.TaskWait),
                            ("task_explain", broker.TaskExplain), ("task_payload", broker.TaskPayload)):
            expect(query_code(**{field: kind(task=wrong)}), "NOT_FOUND", f"{field} {wrong}")
        expect(query_code(task_history=broker.TaskHistory(task=wrong, limit=1)), "NOT_FOUND", f"task_history {wrong}")


def B40_lists():
    def tasks(**fields):
        return query_code(task_list=broker.TaskList(**{"queue": "bad", "state": broker.READY, "limit": 10, **fields}))

    def queues(**fields):
        return query_code(queue_list=broker.QueueList(**{"limit": 10, **fields}))

    task()
    for limit in (1, 1000):
        expect((tasks(limit=limit), queues(limit=limit)), ("OK", "OK"))
    for limit in (0, 1001, U32):
        expect((tasks(limit=limit), queues(limit=limit)), ("INVALID_ARGUMENT",) * 2, f"limit {limit}")
    wrong = {"no state": dict(state=0), "no such state": dict(state=99), "a long reason": dict(reason_has=b"x" * 1025),
             "a long ordering key": dict(order_key=TEXT_MAX + "x"), "a long fairness key": dict(fair_key=TEXT_MAX + "x"),
             "a bad name": dict(queue="a b"), "no name": dict(queue=""), "a bad cursor": dict(cursor="x y")}
    for what, fields in wrong.items():
        expect(tasks(**fields), "INVALID_ARGUMENT", what)
    expect(queues(cursor="a b"), "INVALID_ARGUMENT", "a bad cursor")
    expect(queues(prefix="a b"), "INVALID_ARGUMENT", "a prefix of no name")
    expect(query_code(task_history=broker.TaskHistory(task=task(), limit=1001)), "INVALID_ARGUMENT", "history")


def B41_bad_queue_names():
    for queue in ("", "a b", "q" * 201, "\u00fc"):
        for field, question in (("queue_show", broker.QueueShow(queue=queue)), ("queue_purge", broker.QueuePurge(queue=queue)),
                                ("queue_set", broker.QueueSet(queue=queue))):
            expect(query_code(**{field: question}), "INVALID_ARGUMENT", f"{field} {queue!r}")


def B42_queues_that_are_not_there():
    expect(query_code(queue_show=broker.QueueShow(queue="nobody")), "NOT_FOUND")
    expect(query_code(queue_purge=broker.QueuePurge(queue="nobody")), "NOT_FOUND")


def B43_manager_remove():
    for wrong in ("", "a b", "m" * 300):
        expect(query_code(manager_remove=broker.ManagerRemove(name=wrong)), "INVALID_ARGUMENT", wrong)
    expect(query_code(manager_remove=broker.ManagerRemove(name="nobody")), "NOT_FOUND")
    expect(query_code(manager_remove=broker.ManagerRemove(name="m1")), "CONFLICT", "it is up")


# ---- settings ------------------------------------------------------------------------------------------


def B44_lease():
    expect_settings("lease_ms", (3000, 12 * 3600 * 1000), (0, 2999, 12 * 3600 * 1000 + 1, U32))


def B45_attempts():
    for setting in ("max_attempts", "max_expiries"):
        expect_settings(setting, (1, 1000), (0, 1001, U32))


def B46_backoff():
    expect_settings("backoff_min_ms", (0, YEARS_10_MS), (YEARS_10_MS + 1, I64 + 1, U64), backoff_max_ms=YEARS_10_MS)
    expect_settings("backoff_max_ms", (1, YEARS_10_MS), (0, YEARS_10_MS + 1, U64), backoff_min_ms=1)
    expect_settings("backoff_factor_percent", (100, 1000), (0, 99, 1001, U32))
    expect_settings("backoff_jitter_percent", (0, 100), (101, U32))


def B47_words():
    for setting, last in (("keep", 2), ("on_uncertain", 1), ("on_dead", 1)):
        expect_settings(setting, range(last + 1), (last + 1, 99, -1))


def B48_what_is_kept():
    expect_settings("keep_age_ms", (0, YEARS_10_MS), (YEARS_10_MS + 1, U64))
    expect_settings("keep_count", (0, 1_000_000), (1_000_001, U64))
    expect_settings("keep_bytes", (0, U64), ())


def B49_rates_and_weights():
    expect_settings("max_rate", (0, 10_000_000), (10_000_001, U32))
    expect_settings("weight", (1, 100), ())
    for weight in (0, 101, U32):
        expect(set_code(weight=weight), "INVALID_ARGUMENT")
    expect_settings("ageing", (0, 1_000_000), (1_000_001, U32))


def B50_keys():
    expect_settings("key_window_ms", (60_000, YEARS_10_MS), (0, 59_999, YEARS_10_MS + 1, U64))
    expect_settings("key_count", (1, 1_000_000), (0, 1_000_001, U64))


def B51_pauses():
    expect_settings("paused_until_wall_ms", (0, 1, YEAR_2200_MS), (-1, -I64 - 1, YEAR_2200_MS + 1, I64))


def B52_times_of_tasks():
    for setting in ("time_to_live_ms", "wait_timeout_ms", "total_timeout_ms"):
        expect_settings(setting, (0, 1, YEARS_10_MS), (YEARS_10_MS + 1, U64))
    expect_settings("attempt_timeout_ms", (1, YEARS_10_MS), (0, YEARS_10_MS + 1, U64))


def B53_limits_take_any_number():
    for setting, largest in (("max_tasks", U64), ("max_bytes", U64), ("max_in_flight", U32), ("max_per_fair_key", U32)):
        expect_settings(setting, (0, 1, largest), ())


if __name__ == "__main__":
    with Trio(managers=1) as TRIO:
        LINK = connect()
        run_cases([case for label, case in list(globals().items()) if label.startswith("B") and label[1:2].isdigit()])
