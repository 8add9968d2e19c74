#!/usr/bin/python3
"""docs/protocol.md, section 10, row by row: what real daemons say to values that no correct client sends.

usage: bad_values_test.py FOLDER_WITH_PROTOC_OUTPUT [case ...]
Each case names the row that it proves; scripts/check_bad_input.py finds rows without one. Where a row has a
range, both ends of it are accepted, and what lies beyond them, up to the largest number there is, is not.
All but the wrong value is right, and the sentence that comes with a refusal must name it: what is refused
for another reason proves nothing.
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
from answers import (Claimed, Options, await_state, cluster, connect, expect, expect_refused, items, item, name, one_cluster, operate,
                     query_said, refusal, set_queue, state_of, task, task_of_a_removed_manager, task_to_come)
from baton_client import HEADER, BatonError, ConnectionLost, Consumer, Producer, encode
from trio import await_condition, run_cases

YEARS_10_MS = 3653 * 24 * 3600 * 1000
YEAR_2200_MS = 7258118400000
U32, U64, I64 = (1 << 32) - 1, (1 << 64) - 1, (1 << 63) - 1
NO_TASK = (0xFFFFF << 44) | ((1 << 44) - 1)  # a shard that nobody has
TEXT_MAX = "x" * 200
MIB = 1 << 20


def expect_bounds(option, good, bad, words=None, **others):
    """The good values of an option are taken; the bad ones are refused with the name of the option, or `words`."""
    for value in good:
        expect(item(**{option: value}, **others), ("OK", ""), f"{option} {value}")
    for value in bad:
        said = item(**{option: value}, **others)
        expect_refused(said, words or option.removesuffix("_ms").removesuffix("_wall"), what=f"{option} {value}")


def request_refusal(payload=b"x", **fields):
    """What a whole PRODUCE gets; every one has a connection of its own, since the third wrong one closes it."""
    request = broker.Produce(queue="bad", length=[len(payload)])
    for field, value in fields.items():
        if isinstance(value, list):
            del getattr(request, field)[:]
            getattr(request, field).extend(value)
        elif hasattr(value, "SerializeToString"):
            getattr(request, field).CopyFrom(value)
        else:
            setattr(request, field, value)
    return refusal(connect().ask, broker.PRODUCE, request, broker.PRODUCED, broker.Produced, payload)


def expect_settings(setting, good, bad, words=None, **others):
    """The good values of a setting are taken; the bad ones are refused with its name, and change nothing."""
    for value in good:
        expect(set_queue(**{setting: value}, **others), ("OK", ""), f"{setting} {value}")
    before = cluster.link.query(queue_show=broker.QueueShow(queue="set"))[0].queue.settings
    for value in bad:
        said = set_queue(**{"weight": 77, **others, setting: value})
        expect_refused(said, words or setting.removesuffix("_ms").removesuffix("_wall") + " is outside", what=f"{setting} {value}")
    expect(cluster.link.query(queue_show=broker.QueueShow(queue="set"))[0].queue.settings, before, "nothing is changed")


# ---- frames and PRODUCE --------------------------------------------------------------------------------


def closed_after(data):
    """The error that a connection closes with after these bytes; None: it closes without a word."""
    connection = connect()
    connection.send_raw(data)
    try:
        while connection.take(20):
            pass
    except BatonError as ended:
        return name(ended.code), str(ended)
    except ConnectionLost:
        return None
    raise AssertionError("the connection lives on")


def B1_what_is_no_frame_or_does_not_parse():
    expect(closed_after(b"GET / HTTP/1.1\r\n\r\n"), None)
    ping = encode(broker.PING, 1, broker.Ping())
    expect_refused(closed_after(ping[:-1] + bytes([ping[-1] ^ 1])), "checksum", "BAD_FRAME")
    flags = bytearray(ping)
    flags[6] = 1
    expect_refused(closed_after(bytes(flags)), "flags", "BAD_FRAME")
    limit = cluster.link.hello.frame_bytes_max
    large = HEADER.pack(b"BTN", 1, broker.PRODUCE, 0, 1, 0, limit + 1, 0)
    expect_refused(closed_after(large), f"the limit is {limit}", "TOO_LARGE")
    for metadata in (b"\xff\xff\xff", b"\x22\x02\xff\xfe"):  # no Protobuf; a queue that is not UTF-8
        class Raw:
            @staticmethod
            def SerializeToString(bytes_sent=metadata):
                return bytes_sent
        expect_refused(refusal(connect().ask, broker.PRODUCE, Raw, broker.PRODUCED, broker.Produced), "metadata is no")
    too_long = broker.Produce(queue="q" * 70000, length=[1])
    expect_refused(refusal(connect().ask, broker.PRODUCE, too_long, broker.PRODUCED, broker.Produced, b"x"), "metadata",
                   "TOO_LARGE")


def B2_a_produce_that_is_wrong_as_a_whole():
    def uuid(lo):
        return broker.Uuid(hi=1, lo=lo)

    window = "outside the producer's window"
    wrong = {
        "no item": (dict(length=[], payload=b""), "at least one item"),
        "too many items": (dict(length=[0] * 1025, payload=b""), "length has 1025 items"),
        "lengths do not add up": (dict(length=[2]), "shorter than its lengths"),
        "bytes that no item has": (dict(length=[0]), "longer than its lengths"),
        "lengths that overflow": (dict(length=[U32, 2]), "shorter than its lengths"),
        "no queue": (dict(queue=""), "queue name is empty"),
        "a bad queue name": (dict(queue="no queue"), "queue name may only have"),
        "a queue name that is too long": (dict(queue="q" * 201), "queue name has 201 bytes"),
        "number 0": (dict(producer=uuid(2), seq=0), "start at 1"),
        "a number at the end": (dict(producer=uuid(2), seq=1 << 63, resolved_below=1 << 63), "end below 2^63"),
        "numbers over the end": (dict(producer=uuid(2), seq=I64, resolved_below=I64, length=[1, 0]), "end below 2^63"),
        "the largest number": (dict(producer=uuid(2), seq=U64, resolved_below=U64), "end below 2^63"),
        "below the window": (dict(producer=uuid(4), seq=4, resolved_below=5), window),
        "beyond the window": (dict(producer=uuid(5), seq=1025, resolved_below=1), window),
        "over the end of the window": (dict(producer=uuid(6), seq=1024, resolved_below=1, length=[1, 0]), window),
        "moved by nobody": (dict(moved=True), "names its producer"),
        "65 shards": (dict(producer=uuid(2), seq=1, moved=True, maybe_at=[1] * 65), "more than 64 shards"),
        "shard 0": (dict(producer=uuid(2), seq=1, moved=True, maybe_at=[0]), "cannot exist"),
        "a shard that cannot be": (dict(producer=uuid(2), seq=1, moved=True, maybe_at=[1 << 20]), "cannot exist"),
        "the largest shard": (dict(producer=uuid(2), seq=1, moved=True, maybe_at=[U32]), "cannot exist"),
    }
    for what, (fields, words) in wrong.items():
        expect_refused(request_refusal(**{"queue": "whole", **fields}), words, what=what)
    right = {
        "a long queue name": dict(queue="q" * 200),
        "1,024 items": dict(length=[0] * 1024, payload=b""),
        "the last of the window": dict(producer=uuid(3), seq=1024, resolved_below=1),
        "the last number": dict(producer=uuid(7), seq=I64, resolved_below=I64),
        "64 shards": dict(producer=uuid(8), seq=1, moved=True, maybe_at=[1] * 63 + [(1 << 20) - 1]),
    }
    for what, fields in right.items():
        expect(request_refusal(**fields), ("OK", ""), what)
    expect(state_of(task("whole")), "READY")  # so the ledger knows of all that was stored before it
    expect(cluster.link.query(queue_show=broker.QueueShow(queue="whole"))[0].queue.info.created, 1, "nothing else was stored")


def B3_options_for_another_number_of_items():
    for count in (2, 4):
        expect_refused(refusal(items, [Options()] * count, [b"a", b"b", b"c"]), "for each item", what=f"{count} options")
    for count in (0, 1, 3):
        expect([name(one.code) for one in items([Options()] * count, [b"a", b"b", b"c"])], ["OK"] * 3)


def B4_a_payload_over_the_limit():
    limit = cluster.link.hello.payload_bytes_max
    large, small = items([], [b"x" * (limit + 1), b"x"])
    expect_refused((name(large.code), large.message), "the payload is over the limit", "TOO_LARGE")
    expect(name(small.code), "OK")
    expect(item(payload=b"x" * limit), ("OK", ""))


def B5_a_number_with_another_payload():
    producer = Producer(cluster.link)
    request = producer.request("bad", [b"x"], 1)
    first, = producer.outcomes(request, [b"x"])
    other, = producer.outcomes(request, [b"y"])
    expect_refused((name(other.code), other.message), "another payload", "CONFLICT")
    again, = producer.outcomes(request, [b"x"])
    expect((name(again.code), again.first_task), ("OK", first.first_task))


# ---- options of a task ---------------------------------------------------------------------------------


def B6_priority():
    expect_bounds("priority", (0, 1, 10), (11, 256, U32))


def B7_delays_and_timeouts():
    for option in ("delay_ms", "time_to_live_ms", "wait_timeout_ms", "attempt_timeout_ms", "total_timeout_ms"):
        expect_bounds(option, (0, 1, YEARS_10_MS), (YEARS_10_MS + 1, I64, I64 + 1, U64))


def B8_not_before():
    now = int(time.time() * 1000)
    expect_bounds("not_before_wall_ms", (0, 1, now, YEAR_2200_MS), (-1, -I64 - 1, YEAR_2200_MS + 1, I64),
                  "not_before is outside")
    expect_refused(item(not_before_wall_ms=now, delay_ms=1), "not both")


def B9_attempts_and_weights():
    expect_bounds("max_attempts", (0, 1, 1000), (1001, U32))
    expect_bounds("fair_weight", (0, 1, 100), (101, U32), fair_key="k")


def B10_texts():
    for option in ("order_key", "fair_key", "type"):
        expect_bounds(option, ("", TEXT_MAX, "\u00fc" * 100), (TEXT_MAX + "x", "\u00fc" * 101))
    expect_bounds("key", (b"", b"\x00\xff" * 100), (b"x" * 201,), "key has 201 bytes")


def B11_after():
    others = [task() for _ in range(17)]
    expect_bounds("after", ([], others[:16]), (others,), "more than 16")
    expect_bounds("after", (), ([others[0]] * 2, [*others[:15], others[0]]), "a task twice")
    expect_bounds("after", (), ([0], [1 << 44], [(1 << 44) - 1], [others[0], 2 << 44]), "cannot exist")


def B12_after_what_is_not_there():
    # A task that nobody has produced yet may come; of a shard that nobody has none can.
    far = (task() & ~((1 << 44) - 1)) | ((1 << 44) - 1)
    expect(state_of(task(after=[far])), "BLOCKED")
    with Claimed("gone") as (consumer, claim):
        consumer.ack(claim)
        expect(state_of(task(after=[claim.task])), "READY")
    removed = task_of_a_removed_manager()
    own = task() + 1  # the id that the next one gets
    for what, wrong in {"itself": own, "no such shard": NO_TASK, "of a removed manager": removed + 1}.items():
        expect_refused(item(after=[wrong]), "the ledger refused the task", "NOT_FOUND", what)
    expect(task(), own + 3, "the first of them had that id")
    expect(state_of(task(after=[removed], on_failed=broker.WAIT)), "BLOCKED")  # it failed, and is one


def B13_on_failed():
    others = [task()]
    expect_bounds("on_failed", (0, 1, 2, 3), (4, 99, -1), after=others)


def B14_parent():
    with Claimed("parents") as (_, claim):
        both = "names its parent and the token"
        for what, words, options in (
                ("no token", both, dict(parent=claim.task)), ("no parent", both, dict(parent_token=claim.token)),
                ("a task that cannot be", "cannot exist", dict(parent=1 << 44, parent_token=claim.token)),
                ("a completion of nothing", "for children of a parent", dict(with_completion=True))):
            expect_refused(item(**options), words, what=what)
        expect(item(parent=claim.task, parent_token=claim.token, with_completion=True), ("OK", ""))


def B15_the_token_of_another_claim():
    words = "nothing was created"
    with Claimed("parents") as (consumer, claim):
        for token in (1, claim.token - 1, claim.token + 1, U64):
            expect_refused(item(parent=claim.task, parent_token=token), words, "CLAIM_SUPERSEDED", str(token))
        expect(item(parent=claim.task, parent_token=claim.token), ("OK", ""))
        shown = cluster.link.query(task_show=broker.TaskShow(task=claim.task))[0].task
        expect((shown.children_open, shown.children_failed), (1, 0))
        consumer.ack(claim)
        expect_refused(item(parent=claim.task, parent_token=claim.token), words, "CLAIM_SUPERSEDED", "after its ack")
    for nobody in (NO_TASK, task_to_come()):
        expect_refused(item(parent=nobody, parent_token=claim.token), words, "CLAIM_SUPERSEDED", "nobody's task")


def B16_a_key_with_the_same_content():
    first = task(key=b"B16")
    again, = items([Options(key=b"B16")])
    expect((name(again.code), again.duplicate, again.first_task), ("OK", True, first))


def B17_a_key_with_other_content():
    task(key=b"B17")
    expect_refused(item(payload=b"other", key=b"B17"), "idempotency key", "CONFLICT")


def kept_task():
    """Done, and its payload is kept."""
    set_queue("kept", keep=broker.KEEP_ALL)
    with Claimed("kept") as (consumer, claim):
        consumer.ack(claim)
    return claim.task


def B18_a_copy_of_nothing_or_with_a_payload():
    for wrong in (1 << 44, (1 << 44) - 1):
        expect_refused(item(payload=b"", retry_of=wrong), "cannot exist", what=f"{wrong}")
    kept = kept_task()
    expect_refused(item(payload=b"x", retry_of=kept), "no payload of its own")
    expect(item(payload=b"", retry_of=kept), ("OK", ""))


def B19_a_copy_of_what_has_not_ended():
    with Claimed("copied") as (consumer, claim):
        open_tasks = {"READY": task(), "DELAYED": task(delay_ms=YEARS_10_MS), "CLAIMED": claim.task,
                      "BLOCKED": task(after=[claim.task]),
                      "PENDING": task(parent=claim.task, parent_token=claim.token, with_completion=True)}
        for state, one in open_tasks.items():
            expect_refused(item(payload=b"", retry_of=one), state.lower(), "CONFLICT", state)
        consumer.ack(claim)


def B20_a_copy_of_what_is_not_there():
    with Claimed("gone") as (consumer, claim):
        consumer.ack(claim)
    for what, one, words in (("not kept", claim.task, "nothing of it is kept"), ("nobody's shard", NO_TASK, "no such task"),
                             ("not yet", task_to_come(), "does not exist")):
        expect_refused(item(payload=b"", retry_of=one), words, "NOT_FOUND", what)


def B21_a_queue_that_is_full():
    expect(set_queue("full", max_tasks=1), ("OK", ""))
    taken, refused = await_condition(lambda: (ends := items([], [b"a", b"b"], "full"))[0].code == error.OK and ends, 20,
                                     "one is taken")
    expect(name(taken.code), "OK")
    expect_refused((name(refused.code), refused.message), "queue full has a limit (max_tasks)", "RETRY_LATER")
    assert refused.retry_after_ms > 0, refused


def B22_a_payload_larger_than_its_queue_may_ever_be():
    cluster.link.query(queue_set=broker.QueueSet(queue="narrow", settings=broker.QueueSettings(max_bytes=10)))
    message = await_condition(lambda: (end := item(b"x" * 11, "narrow"))[0] == "TOO_LARGE" and end[1], 20, "it is final")
    assert "max_bytes is 10" in message, message
    await_condition(lambda: item(b"x" * 10, "narrow")[0] == "OK", 20, "what fits is taken")


# ---- consuming -----------------------------------------------------------------------------------------


def B23_attach():
    def said(**fields):
        attach = broker.Attach(**{"session": broker.Uuid(hi=5, lo=int(time.monotonic_ns())), "conn_epoch": 1, **fields})
        connection = connect()
        try:
            attached = connection.ask(broker.ATTACH, attach, broker.ATTACHED, broker.Attached)
            return name(attached.code), attached.message
        except BatonError as refused:
            return name(refused.code), str(refused)
        finally:
            connection.close()

    expect(said(), ("OK", ""))
    expect(said(consumer=TEXT_MAX, held=[7] * 5120), ("OK", ""))
    for words, fields in {"needs an id": dict(session=broker.Uuid()), "conn_epoch": dict(conn_epoch=0),
                          "name is over 200": dict(consumer=TEXT_MAX + "x"), "held has 5121": dict(held=[7] * 5121)}.items():
        expect_refused(said(**fields), words)
    consumer = Consumer("bad")
    consumer.attach(connect())
    for session in (consumer.session, broker.Uuid(hi=5, lo=5)):
        again = broker.Attach(session=session, conn_epoch=2)
        attached = consumer.connection.ask(broker.ATTACH, again, broker.ATTACHED, broker.Attached)
        expect_refused((name(attached.code), attached.message), "has a session already")


def B24_demand():
    consumer = Consumer("waited")
    consumer.attach(connect())  # and opens line 1

    def said(connection, **fields):
        demand = broker.Demand(**{"line": 2, "queue": "waited", "total": 1, **fields})
        return refusal(connection.ask, broker.DEMAND, demand, 0, broker.Tasks)

    for what, words, fields in (
            ("line 0", "lines start at 1", dict(line=0)), ("no queue", "queue name is empty", dict(queue="")),
            ("a bad name", "queue name may only", dict(queue="a b")), ("a long name", "queue name has 201", dict(queue="q" * 201)),
            ("a short lease", "lease of 2999 ms", dict(lease_ms=2999)),
            ("a long lease", "is outside 3 s to 12 h", dict(lease_ms=12 * 3600 * 1000 + 1)),
            ("the largest lease", "is outside 3 s to 12 h", dict(lease_ms=U32)),
            ("a task that cannot be", "no task has that id", dict(task=1 << 44))):
        expect_refused(said(consumer.connection, **fields), words, what=what)
    leases = (0, 3000, 12 * 3600 * 1000)
    for line in range(2, 65):
        consumer.connection.send(broker.DEMAND, broker.Demand(line=line, queue="waited", total=1, lease_ms=leases[line % 3]))
    expect_refused(said(consumer.connection, line=65), "64 lines")
    expect_refused(said(connect()), "has not attached")
    one = task("waited")
    expect(consumer.claim().task, one)  # the lines that were right are open


def B25_an_operation():
    with Claimed("ops") as (consumer, claim):
        expect_refused(operate(consumer, claim, broker.ACK, seq=0), "numbered from 1")
        for kind in (0, 6, 99, -1):
            expect_refused(operate(consumer, claim, kind), "no such kind", what=f"kind {kind}")
        for wrong, words, code in ((0, "no task has that id", "INVALID_ARGUMENT"), (1 << 44, "no task has that id", "INVALID_ARGUMENT"),
                                   (NO_TASK, "no such task", "NOT_FOUND"), (task_to_come(), "does not know the task yet", "UNAVAILABLE")):
            expect_refused(operate(consumer, claim, broker.ACK, task=wrong), words, code, f"task {wrong}")

        def said(payload=b"", count=1, connection=consumer.connection, **fields):
            acks = [broker.Operation(seq=consumer.next_seq() + i, kind=broker.ACK, task=claim.task, token=claim.token, **fields)
                    for i in range(count)]
            return refusal(connection.ask, broker.OPERATIONS, broker.Operations(operation=acks), broker.OPERATIONS_DONE,
                           broker.OperationsDone, payload)

        expect_refused(said(connection=connect()), "has not attached")
        expect_refused(said(count=1025), "operation has 1025 items")
        expect_refused(said(length=5), "shorter than its lengths")
        expect(operate(consumer, claim, broker.SAVE, percent=1), ("OK", ""))  # nothing has touched the claim
        expect(operate(consumer, claim, broker.ACK), ("OK", ""))
    with Claimed("ops") as (consumer, claim):
        expect_refused(said(b"xy", connection=consumer.connection, length=1), "longer than its lengths")
        expect(operate(consumer, claim, broker.ACK), ("OK", ""))


def B26_a_result_over_the_limit():
    with Claimed("ops") as (consumer, claim):
        expect_refused(operate(consumer, claim, broker.ACK, b"x" * (MIB + 1)), "the result is over 1 MiB", "TOO_LARGE")
        expect(operate(consumer, claim, broker.ACK, b"x" * MIB), ("OK", ""))


def B27_ack():
    with Claimed("ops") as (consumer, claim):
        expect_refused(operate(consumer, claim, broker.ACK, content_type=TEXT_MAX + "x"), "content type is over 200")
        for policy in (4, 99, -1):
            expect_refused(operate(consumer, claim, broker.ACK, on_failed_child=policy), "on_failed_child", what=f"{policy}")
        expect(operate(consumer, claim, broker.ACK, content_type=TEXT_MAX, on_failed_child=3), ("OK", ""))


def B28_nack():
    with Claimed("nacks") as (consumer, claim):
        for words, payload, fields in (("the reason is over 1,024", b"x" * 1025, {}), ("delay", b"", {"delay_ms": YEARS_10_MS + 1}),
                                       ("delay", b"", {"delay_ms": U64}), ("not both", b"", {"delay_ms": 0, "dead": True})):
            expect_refused(operate(consumer, claim, broker.NACK, payload, **fields), words)
        expect(operate(consumer, claim, broker.NACK, b"x" * 1024, delay_ms=YEARS_10_MS), ("OK", ""))


def B29_extend():
    with Claimed("ops") as (consumer, claim):
        for lease in (0, 2999, 12 * 3600 * 1000 + 1, U32):
            expect_refused(operate(consumer, claim, broker.EXTEND, lease_ms=lease), f"lease of {lease} ms is outside")
        for lease in (3000, 12 * 3600 * 1000):
            expect(operate(consumer, claim, broker.EXTEND, lease_ms=lease), ("OK", ""), f"{lease}")
        consumer.ack(claim)


def B30_save():
    with Claimed("ops") as (consumer, claim):
        for words, payload, fields in (("percent", b"", {"percent": 101}), ("percent", b"", {"percent": U32}),
                                       ("the progress is over 200", b"", {"progress": TEXT_MAX + "x"}),
                                       ("progress or a checkpoint", b"", {}),
                                       ("only a checkpoint has bytes", b"x", {"percent": 1})):
            expect_refused(operate(consumer, claim, broker.SAVE, payload, **fields), words)
        for percent in (0, 100):
            expect(operate(consumer, claim, broker.SAVE, percent=percent, progress=TEXT_MAX), ("OK", ""))
        consumer.ack(claim)


def B31_a_checkpoint_over_the_limit():
    with Claimed("ops") as (consumer, claim):
        said = operate(consumer, claim, broker.SAVE, b"x" * (MIB + 1), checkpoint=True)
        expect_refused(said, "the checkpoint is over 1 MiB", "TOO_LARGE")
        expect(operate(consumer, claim, broker.SAVE, b"x" * MIB, checkpoint=True), ("OK", ""))
        consumer.ack(claim)


EVERY_KIND = ((broker.ACK, {}), (broker.NACK, {}), (broker.RELEASE, {}), (broker.EXTEND, {"lease_ms": 3000}),
              (broker.SAVE, {"percent": 1}))


def B32_a_token_that_is_not_current_or_not_ours():
    with Claimed("ops") as (consumer, claim), Claimed("others") as (other, _):
        for kind, fields in EVERY_KIND:
            expect_refused(operate(other, claim, kind, **fields), "the claim is over", "CLAIM_SUPERSEDED", f"another's, {kind}")
            for token in (0, 1, claim.token + 1, U64):
                said = operate(consumer, claim, kind, token=token, **fields)
                expect_refused(said, "the claim is over", "CLAIM_SUPERSEDED", f"{token}, kind {kind}")
        consumer.ack(claim)
        for kind, fields in EVERY_KIND[1:]:
            expect_refused(operate(consumer, claim, kind, **fields), "the claim is over", "CLAIM_SUPERSEDED", f"ended, {kind}")


def B33_fields_of_another_kind():
    of_ack = dict(content_type=TEXT_MAX * 2, on_failed_child=99)
    of_nack = dict(delay_ms=U64, dead=True)
    of_save = dict(percent=999, progress=TEXT_MAX * 2, checkpoint=True)
    with Claimed("ops") as (consumer, claim):
        expect(operate(consumer, claim, broker.EXTEND, lease_ms=3000, **of_ack, **of_nack, **of_save), ("OK", ""))
        expect(operate(consumer, claim, broker.SAVE, percent=1, lease_ms=1, **of_ack, **of_nack), ("OK", ""))
        expect(operate(consumer, claim, broker.ACK, lease_ms=1, **of_nack, **of_save), ("OK", ""))
    for kind in (broker.NACK, broker.RELEASE):
        with Claimed("given-back") as (consumer, claim):
            expect(operate(consumer, claim, kind, lease_ms=1, **of_ack, **of_save), ("OK", ""))
            cluster.link.act(broker.CANCEL, [claim.task])


def B34_a_heartbeat_for_others():
    def lost(consumer, tokens):
        beat = broker.Heartbeat(token=tokens)
        answer = consumer.connection.ask(broker.HEARTBEAT, beat, broker.HEARTBEAT_DONE, broker.HeartbeatDone)
        expect((name(answer.code), answer.message), ("OK", ""))
        return set(answer.lost)

    def said(connection, tokens):
        return refusal(connection.ask, broker.HEARTBEAT, broker.Heartbeat(token=tokens), broker.HEARTBEAT_DONE, broker.HeartbeatDone)

    with Claimed("ops") as (consumer, claim), Claimed("others") as (other, _):
        expect(lost(consumer, [claim.token, 0, 1, U64]), {0, 1, U64})
        expect(lost(consumer, []), set())
        expect(lost(consumer, [claim.token] * 1024), set())
        expect(lost(other, [claim.token]), {claim.token})
        expect_refused(said(consumer.connection, [claim.token] * 1025), "token has 1025 items")
        expect_refused(said(connect(), [claim.token]), "has not attached")
        consumer.ack(claim)


# ---- acting and looking --------------------------------------------------------------------------------


def B35_an_act_that_is_wrong_as_a_whole():
    one = [task()]
    for words, action, tasks, reason in (("names at least one", broker.CANCEL, [], b""), ("no such action", 0, one, b""),
                                         ("no such action", 7, one, b""), ("no such action", -1, one, b""),
                                         ("the reason is over 1,024", broker.CANCEL, one, b"x" * 1025)):
        expect_refused(refusal(cluster.link.act, action, tasks, reason), words)
    expect_refused(refusal(connect().act, broker.CANCEL, one * 1025), "task has 1025 items")
    expect(state_of(one[0]), "READY")
    expect([name(code) for code, _, _ in cluster.link.act(broker.CANCEL, one * 1024, b"x" * 1024)], ["OK"] * 1024)


def B36_acting_on_what_is_not_there():
    for wrong, words in ((0, "no task has that id"), (1 << 44, "no task has that id"), ((1 << 44) - 1, "no task has that id"),
                         (NO_TASK, "no task has this id"), (U64, "no task has this id"), (task_to_come(), "does not exist")):
        for action in EVERY_ACTION:
            (code, message, _), = cluster.link.act(action, [wrong])
            expect_refused((name(code), message), words, "NOT_FOUND", f"{wrong}")


EVERY_ACTION = (broker.CANCEL, broker.REDRIVE, broker.DISCARD, broker.RESUME, broker.COMPLETE, broker.KILL)
# What a task in this state refuses; the rest is allowed.
REFUSED = {
    "READY": (broker.REDRIVE, broker.DISCARD, broker.RESUME, broker.COMPLETE),
    "DELAYED": (broker.REDRIVE, broker.DISCARD, broker.RESUME, broker.COMPLETE),
    "BLOCKED": (broker.REDRIVE, broker.DISCARD, broker.RESUME, broker.COMPLETE),
    "PENDING": (broker.REDRIVE, broker.DISCARD, broker.RESUME, broker.COMPLETE, broker.KILL),
    "CLAIMED": (broker.REDRIVE, broker.DISCARD, broker.RESUME, broker.COMPLETE, broker.KILL),
    "HELD": (broker.REDRIVE, broker.DISCARD),
    "DEAD": (broker.CANCEL, broker.RESUME, broker.COMPLETE),
    "CANCELLED": (broker.REDRIVE, broker.DISCARD, broker.RESUME, broker.COMPLETE, broker.KILL),
    "QUARANTINED": EVERY_ACTION,
    "DONE": EVERY_ACTION,
}


def held_task():
    """Its consumer is cut off, and its queue does not let it run again without a person."""
    set_queue("uncertain", on_uncertain=broker.HOLD, lease_ms=3000)
    one = task("uncertain")
    consumer = Consumer("uncertain", lease_ms=0)
    consumer.attach(connect())
    expect(consumer.claim().task, one)
    return await_state(one, "HELD")


def act(action, one):
    (code, message, state), = cluster.link.act(action, [one])
    return name(code), message, broker.TaskState.Name(state)


def B37_an_action_that_the_state_does_not_allow():
    with Claimed("acts") as (consumer, claim):
        child = dict(parent=claim.task, parent_token=claim.token)
        tasks = {"CLAIMED": claim.task, "READY": task(), "DELAYED": task(delay_ms=YEARS_10_MS), "BLOCKED": task(after=[claim.task]),
                 "PENDING": task(**child, with_completion=True), "HELD": held_task(), "DEAD": task(), "CANCELLED": task(),
                 "QUARANTINED": task_of_a_removed_manager(), "DONE": kept_task()}
        expect(act(broker.KILL, tasks["DEAD"]), ("OK", "", "DEAD"))
        expect(act(broker.CANCEL, tasks["CANCELLED"]), ("OK", "", "CANCELLED"))
        expect({state: state_of(one) for state, one in tasks.items()}, {state: state for state in tasks})
        for state, actions in REFUSED.items():
            for action in actions:
                code, message, found = act(action, tasks[state])
                expect((code, found), ("CONFLICT", state), f"action {action}")
                assert message, "no sentence"
        expect({state: state_of(one) for state, one in tasks.items()}, {state: state for state in tasks}, "nothing has changed")

        # A parent that waits for its children: there is nothing to resume before one has failed.
        consumer.ack(claim)
        for action in (broker.REDRIVE, broker.DISCARD, broker.RESUME):
            expect(act(action, claim.task)[::2], ("CONFLICT", "BLOCKED"), f"action {action}")
        expect(act(broker.COMPLETE, claim.task), ("OK", "", "DONE"))
    with Claimed("acts") as (consumer, claim):
        unborn = task(parent=claim.task, parent_token=claim.token, with_completion=True)
        consumer.release(claim)
        for one in (unborn, gone_task()):  # of which nothing is kept: the first one is void
            for action in EVERY_ACTION:
                code, message, found = act(action, one)
                expect_refused((code, message), "nothing of it is kept", "CONFLICT", f"action {action}")
                expect(found, "STATE_NONE")
        cluster.link.act(broker.CANCEL, [claim.task])


def gone_task():
    """Done, and nothing of it is kept."""
    with Claimed("gone") as (consumer, claim):
        consumer.ack(claim)
    return claim.task


def B38_a_query_for_nothing():
    from_a_newer_client = broker.Query()
    from_a_newer_client.MergeFromString(b"\xfa\x3f\x02\x08\x01")  # field 1023, which no version has
    for what in (broker.Query(), from_a_newer_client, broker.Query(timeout_ms=1000)):
        answer = cluster.link.ask(broker.QUERY, what, broker.ANSWER, broker.Answer)
        expect_refused((name(answer.code), answer.message), "asks nothing that this manager knows")
    expect(len(from_a_newer_client.SerializeToString()), 5, "it was sent")


def B39_a_task_that_cannot_be():
    for wrong, words in ((0, "no task has that id"), (1 << 44, "no task has that id"), (NO_TASK, "no such task"),
                         (U64, "no such task"), (task_to_come(), "there is no task")):
        questions = (dict(task_show=broker.TaskShow(task=wrong)), dict(task_result=broker.TaskResult(task=wrong)),
                     dict(task_wait=broker.TaskWait(task=wrong)), dict(task_explain=broker.TaskExplain(task=wrong)),
                     dict(task_payload=broker.TaskPayload(task=wrong)), dict(task_history=broker.TaskHistory(task=wrong, limit=1)))
        # All at once: that a task will not come is known after half a second.
        asked = [cluster.link.send(broker.QUERY, broker.Query(timeout_ms=10000, **question)) for question in questions]
        for request, question in zip(asked, questions):
            answer, _ = cluster.link.answer(request, broker.ANSWER, broker.Answer)
            expect_refused((name(answer.code), answer.message), words, "NOT_FOUND", f"{question}")


def B40_lists():
    one = task()

    def tasks(**fields):
        return query_said(task_list=broker.TaskList(**{"queue": "bad", "state": broker.READY, "limit": 10, **fields}))

    def queues(**fields):
        return query_said(queue_list=broker.QueueList(**{"limit": 10, **fields}))

    def history(**fields):
        return query_said(task_history=broker.TaskHistory(**{"task": one, "limit": 10, **fields}))

    for listing in (tasks, queues, history):
        for limit in (1, 1000):
            expect(listing(limit=limit), ("OK", ""))
        for limit in (0, 1001, U32):
            expect_refused(listing(limit=limit), "limit is 1 to 1,000", what=f"limit {limit}")
    right = dict(reason_has=b"x" * 1024, order_key=TEXT_MAX, fair_key=TEXT_MAX, queue="q" * 200, cursor=str(one))
    expect(tasks(**right), ("OK", ""))
    expect(tasks(state=0), ("OK", ""))  # whatever their state
    for words, fields in (("no state of a task", dict(state=99)), ("no state of a task", dict(state=-1)),
                          ("reason_has is over", dict(reason_has=b"x" * 1025)),
                          ("order_key is over", dict(order_key=TEXT_MAX + "x")), ("fair_key is over", dict(fair_key=TEXT_MAX + "x")),
                          ("queue name may only", dict(queue="a b")), ("queue name is empty", dict(queue="")),
                          ("queue name has 201", dict(queue="q" * 201)), ("no list has had this cursor", dict(cursor="x y")),
                          ("no list has had this cursor", dict(cursor="-1"))):
        expect_refused(tasks(**fields), words)
    for wrong, words in (("a b", "queue name may only"), ("q" * 201, "queue name has 201")):
        expect_refused(queues(cursor=wrong), words)
        expect_refused(queues(prefix=wrong), words)
    for wrong in ("a b", "1", "1.2.3", "0.0.1.0", f"{U64}1.0.1.0", "1.0.1.0.0"):
        expect_refused(history(cursor=wrong), "not a cursor", what=wrong)


def B41_bad_queue_names():
    def questions(queue):
        return {"queue_show": broker.QueueShow(queue=queue), "queue_purge": broker.QueuePurge(queue=queue),
                "queue_set": broker.QueueSet(queue=queue)}

    for queue in ("", "a b", "q" * 201, "\u00fc"):
        for field, question in questions(queue).items():
            expect_refused(query_said(**{field: question}), "queue name", what=f"{field} {queue!r}")
    for field, question in reversed(questions("r" * 200).items()):  # queue_set makes it
        expect(query_said(**{field: question}), ("OK", ""), field)


def B42_queues_that_are_not_there():
    for field, question in (("queue_show", broker.QueueShow(queue="nobody")), ("queue_purge", broker.QueuePurge(queue="nobody"))):
        expect_refused(query_said(**{field: question}), "no queue 'nobody'", "NOT_FOUND")


def B43_manager_remove():
    def said(manager):
        return query_said(manager_remove=broker.ManagerRemove(name=manager))

    for wrong in ("", "a b", "m" * 300):
        expect_refused(said(wrong), "manager name", what=wrong)
    expect_refused(said("nobody"), "no manager 'nobody'", "NOT_FOUND")
    expect_refused(said("m1"), "is online", "CONFLICT")


# ---- settings ------------------------------------------------------------------------------------------


def B44_lease():
    expect_settings("lease_ms", (3000, 12 * 3600 * 1000), (0, 2999, 12 * 3600 * 1000 + 1, U32), "lease of")


def B45_attempts():
    for setting in ("max_attempts", "max_expiries"):
        expect_settings(setting, (1, 1000), (0, 1001, U32))


def B46_backoff():
    expect_settings("backoff_min_ms", (0, YEARS_10_MS), (YEARS_10_MS + 1, I64 + 1, U64), backoff_max_ms=YEARS_10_MS)
    expect_settings("backoff_max_ms", (1, YEARS_10_MS), (0, YEARS_10_MS + 1, U64), backoff_min_ms=1)
    # One of the two alone is judged beside the other as it is.
    expect(set_queue(backoff_min_ms=1000, backoff_max_ms=2000), ("OK", ""))
    expect_settings("backoff_min_ms", (2000,), (2001,), "backoff_max is outside backoff_min to 10 years")
    expect_settings("backoff_max_ms", (2000,), (1999,), "backoff_max is outside backoff_min to 10 years")
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
    expect_settings("weight", (1, 100), (0, 101, U32))
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


def B54_what_waits_for_the_ledger_is_of_a_producer():
    def ends(queue, options):
        request = broker.Produce(queue=queue, length=[1] * len(options), options=options, timeout_ms=5000)
        answer = connect().ask(broker.PRODUCE, request, broker.PRODUCED, broker.Produced, b"x" * len(options))
        return [(name(run.code), run.message) for run in answer.run for _ in range(run.count)]

    waits = [broker.TaskOptions(key=b"k54"), broker.TaskOptions(order_key="o"), broker.TaskOptions(after=[(1 << 44) + 1])]
    said = ends("plain54", [*waits, broker.TaskOptions()])
    for one in said[:3]:
        expect_refused(one, "names its producer")
    expect(said[3], ("OK", ""))
    set_queue(queue="ordered54", ordered=True)
    await_condition(lambda: "names its producer" in ends("ordered54", [broker.TaskOptions()])[0][1], 20, "the rule is known")
    # What the manager takes still reaches the ledger.
    expect(item(b"after", "plain54", key=b"its own"), ("OK", ""))


if __name__ == "__main__":
    with one_cluster():
        run_cases([case for label, case in list(globals().items()) if label.startswith("B") and label[1:2].isdigit()])
