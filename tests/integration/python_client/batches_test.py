#!/usr/bin/python3
"""docs/protocol.md, proven: requests as large as they may be, each item of which has its own outcome.

usage: batches_test.py FOLDER_WITH_PROTOC_OUTPUT [case ...]
1,024 items at once, good ones among wrong ones of every kind: what each is told, in order, that the others are
not touched by it, and that a repetition is told the same and does nothing more.
"""
import sys
from collections import Counter

sys.path.insert(0, sys.argv.pop(1))
try:
    import google.protobuf  # noqa: F401
except ImportError:
    print("skipped: python3-protobuf is not installed")
    sys.exit(77)

from proto import broker_pb2 as broker
from proto import error_pb2 as error
from answers import (Claimed, Options, cluster, connect, expect, expect_refused, name, one_cluster, set_queue, state_of, task,
                     task_to_come)
from baton_client import Consumer, Producer
from trio import await_condition, run_cases

ITEMS = 1024
HOUR_MS = 3600 * 1000
NO_TASK = (0xFFFFF << 44) | 1  # a shard that nobody has
PAYLOAD_MAX = 1024


def produce(queue, payloads, options=()):
    """The ids of a request whose items are all good; `options`: none, one for all, or one each."""
    producer = Producer(cluster.link)
    outcomes = producer.outcomes(producer.request(queue, payloads, 1, options=list(options)), payloads)
    expect({name(outcome.code) for outcome in outcomes}, {"OK"})
    return [outcome.first_task for outcome in outcomes]


def numbered(count=ITEMS):
    return [b"%d" % i for i in range(count)]


def claims_of(queue, count, **options):
    """A consumer with a connection of its own, and so many claims in the order of their grants."""
    consumer = Consumer(queue, window=count, **options)
    consumer.attach(connect())
    claims = [consumer.claim() for _ in range(count)]
    assert None not in claims, f"{claims.index(None)} of {count} claims"
    return consumer, sorted(claims, key=lambda claim: claim.number)


def operate_on(consumer, operations, payloads=None):
    """One OPERATIONS: the code and the sentence of each, in order. `payloads` has pieces for all, or is none."""
    for operation, piece in zip(operations, payloads or ()):
        operation.length = len(piece)
    done = consumer.connection.ask(broker.OPERATIONS, broker.Operations(operation=operations), broker.OPERATIONS_DONE,
                                   broker.OperationsDone, b"".join(payloads or ()))
    said = {}
    for outcome in done.outcome:
        verdict = name(outcome.code), outcome.message
        expect(said.setdefault(outcome.seq, verdict), verdict, "one number has one outcome")
    return [said[operation.seq] for operation in operations]


def operation(consumer, kind, one, token, **fields):
    return broker.Operation(seq=consumer.next_seq(), kind=kind, task=one, token=token, **fields)


def info_of(queue):
    return cluster.link.query(queue_show=broker.QueueShow(queue=queue))[0].queue.info


def counts_of(queue, *counted):
    info = info_of(queue)
    return {what: getattr(info, what) for what in counted}


def listed(queue, state):
    """The ids of all tasks of the queue that are in this state."""
    ids, cursor = [], ""
    while True:
        asked = broker.TaskList(queue=queue, state=state, limit=1000, cursor=cursor)
        page = cluster.link.query(task_list=asked)[0].tasks
        ids += [one.task for one in page.task]
        cursor = page.next
        if not cursor:
            return ids


def answers_to(questions):
    """All asked at once: [(Answer, payload)]."""
    asked = [cluster.link.send(broker.QUERY, broker.Query(timeout_ms=20000, **question)) for question in questions]
    return [cluster.link.answer(request, broker.ANSWER, broker.Answer) for request in asked]


def shown(tasks):
    return [answer.task for answer, _ in answers_to([dict(task_show=broker.TaskShow(task=one)) for one in tasks])]


def every(step, first, count=ITEMS):
    return range(first, count, step)


def nothing_was_broken():
    expect(cluster.link.query(audit_status=broker.AuditStatus())[0].audit.violations, 0, "what the auditor has seen")


# ---- producing -----------------------------------------------------------------------------------------


def kinds_of_items(running, kept, waiting):
    """(options, payload, code, words, state then) of each kind of item; no payload: the item's number."""
    return [
        (dict(), None, "OK", "", "READY"),
        (dict(), b"x" * (PAYLOAD_MAX + 1), "TOO_LARGE", "the payload is over the limit", None),
        (dict(key=b"k" * 201), None, "INVALID_ARGUMENT", "key has 201 bytes", None),
        (dict(delay_ms=HOUR_MS), None, "OK", "", "DELAYED"),
        (dict(key=b"same"), b"same", "OK", "", "READY"),
        (dict(key=b"same"), b"other", "CONFLICT", "idempotency key", None),
        (dict(order_key="line"), None, "OK", "", "BLOCKED"),
        (dict(after=[NO_TASK]), None, "NOT_FOUND", "refused", None),
        (dict(parent=running.task, parent_token=running.token + 1), None, "CLAIM_SUPERSEDED", "nothing was created", None),
        (dict(parent=running.task, parent_token=running.token, with_completion=True), None, "OK", "", "PENDING"),
        (dict(retry_of=kept), b"", "OK", "", "READY"),
        (dict(retry_of=waiting), b"", "CONFLICT", "ready", None),
        (dict(priority=11), None, "INVALID_ARGUMENT", "priority", None),
    ]


def each_of_1024_items_of_a_produce_has_its_own_outcome():
    set_queue("kept", keep=broker.KEEP_ALL)
    with Claimed("kept", b"precious") as (consumer, done):
        consumer.ack(done)
    with Claimed("parents") as (parent_of, running):
        kinds = kinds_of_items(running, done.task, task("waiting"))
        wanted = [kinds[i % len(kinds)] for i in range(ITEMS)]
        payloads = [b"%d" % i if payload is None else payload for i, (_, payload, *_) in enumerate(wanted)]
        producer = Producer(cluster.link)
        request = producer.request("mixed", payloads, 1, options=[Options(**options) for options, *_ in wanted])
        outcomes = producer.outcomes(request, payloads)
        expect(len(outcomes), ITEMS)
        for i, (outcome, (_, _, code, words, _)) in enumerate(zip(outcomes, wanted)):
            expect_refused((name(outcome.code), outcome.message), words, code, f"item {i}")
        ids = [outcome.first_task for outcome in outcomes]

        same = [ids[i] for i in every(len(kinds), 4)]
        expect(set(same), {same[0]}, "one key names one task")
        expect([outcomes[i].duplicate for i in every(len(kinds), 4)], [False] + [True] * (len(same) - 1))
        states = {ids[i]: state for i, (*_, state) in enumerate(wanted) if state}
        states[ids[6]] = "READY"  # the first of its ordering key
        for state, count in Counter(states.values()).items():
            found = listed("mixed", broker.TaskState.Value(state))
            expect((len(found), set(found)), (count, {one for one in states if states[one] == state}), state)
        expect(info_of("mixed").bytes, sum(len(b"precious") if options.get("retry_of") else len(payload) for options, payload, one
                                           in zip([options for options, *_ in wanted], payloads, ids) if one)
               - len(b"same") * (len(same) - 1))
        stored = [i for i in range(ITEMS) if ids[i] and i % len(kinds) in (0, 3, 6, 9)]
        found = answers_to([dict(task_payload=broker.TaskPayload(task=ids[i])) for i in stored])
        expect([payload for _, payload in found], [payloads[i] for i in stored])

        again = producer.outcomes(request, payloads)
        expect([(name(one.code), one.first_task) for one in again], [(name(one.code), one.first_task) for one in outcomes])
        expect({state: len(listed("mixed", broker.TaskState.Value(state))) for state in set(states.values())},
               Counter(states.values()), "a repetition makes none")
        parent_of.ack(running)
        born = [ids[i] for i in every(len(kinds), 9)]
        expect({broker.TaskState.Name(one.state) for one in shown(born)}, {"READY"})
    nothing_was_broken()


# ---- consuming -----------------------------------------------------------------------------------------


def one_demand_is_granted_1024_claims():
    ids = produce("wide", numbered()) + produce("wide", [b"one more"])
    consumer, claims = claims_of("wide", ITEMS)
    expect([claim.number for claim in claims], list(range(1, ITEMS + 1)))
    expect([claim.task for claim in claims], ids[:ITEMS], "first come, first served")
    expect([claim.payload for claim in claims], numbered())
    tokens = [claim.token for claim in claims]
    expect(tokens, sorted(set(tokens)), "tokens rise with the grants")
    expect(counts_of("wide", "claimed", "ready", "waiting"), {"claimed": ITEMS, "ready": 1, "waiting": 0}, "no credit is left")
    expect(consumer.heartbeat(), [])
    consumer.ack(claims[17])
    last = consumer.claim()
    expect((last.task, last.number, last.payload), (ids[ITEMS], ITEMS + 1, b"one more"))
    expect(counts_of("wide", "claimed", "ready", "done"), {"claimed": ITEMS, "ready": 0, "done": 1})
    acks = [operation(consumer, broker.ACK, claim.task, claim.token) for claim in claims]
    expect({code for code, _ in operate_on(consumer, acks)}, {"OK"}, "also of the one that has been acked")
    expect(counts_of("wide", "claimed", "done"), {"claimed": 1, "done": ITEMS})
    nothing_was_broken()


def each_of_1024_acks_has_its_own_outcome():
    produce("acks", numbered())
    foreign_ids = produce("foreign", numbered(ITEMS // 8))
    consumer, claims = claims_of("acks", ITEMS)
    foreign, others = claims_of("foreign", ITEMS // 8)
    expect([claim.task for claim in others], foreign_ids)

    def ack(i):
        mine, other = claims[i], others[i // 8]
        kinds = [(mine.task, mine.token, {}), (mine.task, mine.token, {"content_type": "text/plain"}),
                 (other.task, other.token, {}), (NO_TASK, mine.token, {}), (mine.task, claims[i - 1].token, {}),
                 (claims[i - 4].task, claims[i - 4].token, {}), (mine.task, mine.token, {"on_failed_child": 99}),
                 (1 << 44, mine.token, {})]
        one, token, fields = kinds[i % 8]
        return operation(consumer, broker.ACK, one, token, **fields)

    verdicts = [("OK", ""), ("OK", ""), ("CLAIM_SUPERSEDED", "the claim is over"), ("NOT_FOUND", "no such task"),
                ("CLAIM_SUPERSEDED", "the claim is over"), ("OK", ""), ("INVALID_ARGUMENT", "on_failed_child"),
                ("INVALID_ARGUMENT", "no task has that id")]
    acks = [ack(i) for i in range(ITEMS)]
    results = [b"result %d" % i if i % 8 in (1, 6) else b"" for i in range(ITEMS)]
    acks[-1], results[-1] = acks[1], results[1]  # the same operation twice in a request
    wanted = [verdicts[i % 8] for i in range(ITEMS - 1)] + [verdicts[1]]

    finished = [i for i in range(ITEMS) if i % 8 in (0, 1)]
    left = [i for i in range(ITEMS) if i % 8 not in (0, 1)]
    for attempt in ("first", "repeated"):
        for i, (said, (code, words)) in enumerate(zip(operate_on(consumer, acks, results), wanted)):
            expect_refused(said, words, code, f"{attempt} time, operation {i}")
        expect(counts_of("acks", "done", "claimed", "ready"), {"done": len(finished), "claimed": len(left), "ready": 0}, attempt)
        expect(counts_of("foreign", "done", "claimed"), {"done": 0, "claimed": len(others)}, attempt)
    with_result = [i for i in finished if results[i]]
    found = answers_to([dict(task_result=broker.TaskResult(task=claims[i].task)) for i in with_result])
    expect([(result, answer.result.content_type, answer.result.token) for answer, result in found],
           [(results[i], "text/plain", claims[i].token) for i in with_result])

    rest = [operation(consumer, broker.ACK, claims[i].task, claims[i].token) for i in left]
    expect({code for code, _ in operate_on(consumer, rest)}, {"OK"}, "what was refused is held still")
    theirs = [operation(foreign, broker.ACK, claim.task, claim.token) for claim in others]
    expect({code for code, _ in operate_on(foreign, theirs)}, {"OK"})
    expect(counts_of("acks", "done", "claimed"), {"done": ITEMS, "claimed": 0})
    nothing_was_broken()


def each_of_1024_nacks_has_its_own_outcome():
    set_queue("nacks", backoff_min_ms=HOUR_MS, backoff_max_ms=HOUR_MS, backoff_jitter_percent=0)
    produce("nacks", numbered(), [Options(max_attempts=1 if i % 6 == 4 else 0) for i in range(ITEMS)])
    consumer, claims = claims_of("nacks", ITEMS)
    kinds = [({"delay_ms": 0}, "OK", "", "READY"), ({"dead": True}, "OK", "", "DEAD"), ({}, "OK", "", "DELAYED"),
             ({}, "INVALID_ARGUMENT", "the reason is over", "CLAIMED"), ({}, "OK", "", "DEAD"),
             ({}, "CLAIM_SUPERSEDED", "the claim is over", "CLAIMED")]
    wanted = [kinds[i % 6] for i in range(ITEMS)]
    nacks = [operation(consumer, broker.NACK, claim.task, claim.token + (1 << 40 if i % 6 == 5 else 0), **wanted[i][0])
             for i, claim in enumerate(claims)]
    reasons = [b"x" * 1025 if i % 6 == 3 else b"reason %d" % i for i in range(ITEMS)]
    for attempt in ("first", "repeated"):
        for i, (said, (_, code, words, _)) in enumerate(zip(operate_on(consumer, nacks, reasons), wanted)):
            expect_refused(said, words, code, f"{attempt} time, operation {i}")
        for i, (one, (_, code, _, state)) in enumerate(zip(shown([claim.task for claim in claims]), wanted)):
            failed = code == "OK"
            expect((broker.TaskState.Name(one.state), one.failures, one.reason),
                   (state, 1 if failed else 0, reasons[i] if failed else b""), f"{attempt} time, task {i}")
    states = Counter(state for *_, state in wanted)
    expect(counts_of("nacks", "ready", "delayed", "dead", "claimed"),
           {what: states[what.upper()] for what in ("ready", "delayed", "dead", "claimed")})

    dead = [claim.task for claim, (*_, state) in zip(claims, wanted) if state == "DEAD"]
    expect(set(cluster.link.act(broker.REDRIVE, dead)), {(error.OK, "", broker.READY)})
    expect(counts_of("nacks", "ready", "dead"), {"ready": states["READY"] + len(dead), "dead": 0})
    expect({(one.failures, one.attempt, one.reason) for one in shown(dead)}, {(0, 0, b"")}, "attempts are forgotten")
    nothing_was_broken()


# ---- acting --------------------------------------------------------------------------------------------


def each_of_1024_cancels_has_its_own_outcome():
    share = ITEMS // 10
    produce("acted", [b"holder"], [Options(order_key="line")])
    before = task("acted")  # what others run after
    with Claimed("parents") as (parent_of, running):
        ready = numbered(share)
        tasks = {
            "READY": produce("acted", ready), "DELAYED": produce("acted", ready, [Options(delay_ms=HOUR_MS)]),
            "AFTER": produce("acted", ready, [Options(after=[before])]),
            "IN LINE": produce("acted", ready, [Options(order_key="line")]),
            "PENDING": produce("acted", ready, [Options(parent=running.task, parent_token=running.token, with_completion=True)]),
            "CLAIMED": produce("acted-claimed", ready), "DEAD": produce("acted", ready), "CANCELLED": produce("acted", ready),
            "DONE": produce("acted-done", ready)}
        tasks["NOT THERE"] = [NO_TASK, 1 << 44, task_to_come()] * 2 + [0] * (ITEMS - 9 * share - 6)
        consumer, claims = claims_of("acted-claimed", share)
        finisher, done = claims_of("acted-done", share)
        operate_on(finisher, [operation(finisher, broker.ACK, claim.task, claim.token) for claim in done])
        expect(set(cluster.link.act(broker.KILL, tasks["DEAD"])), {(error.OK, "", broker.DEAD)})
        expect(set(cluster.link.act(broker.CANCEL, tasks["CANCELLED"])), {(error.OK, "", broker.CANCELLED)})

        wanted = dict.fromkeys(tasks, ("OK", "", "CANCELLED"))
        wanted.update({"DEAD": ("CONFLICT", "the task is dead", "DEAD"), "DONE": ("CONFLICT", "nothing of it is kept", "STATE_NONE"),
                       "NOT THERE": ("NOT_FOUND", "", "STATE_NONE")})
        # One of each kind in turn, as far as there are any.
        turns = [(kind, ids[i]) for i in range(max(map(len, tasks.values()))) for kind, ids in tasks.items() if i < len(ids)]
        expect(len(turns), ITEMS)
        for attempt in ("first", "repeated"):
            acted = cluster.link.act(broker.CANCEL, [one for _, one in turns], b"not needed", timeout_ms=20000)
            for (kind, one), (code, message, state) in zip(turns, acted):
                what = f"{attempt} time, {kind} {one}"
                expect_refused((name(code), message), wanted[kind][1], wanted[kind][0], what)
                expect(broker.TaskState.Name(state), wanted[kind][2], what)
        cancelled = [one for kind, one in turns if wanted[kind][0] == "OK"]
        reasons = Counter(one.reason for one in shown(cancelled))
        expect(reasons, Counter({b"not needed": len(cancelled) - share, b"": share}))
        expect(counts_of("acted", "ready", "delayed", "blocked", "dead", "cancelled"),
               {"ready": 2, "delayed": 0, "blocked": 0, "dead": share, "cancelled": 6 * share})

        # Who worked is told, and has nothing any more.
        await_condition(lambda: len(consumer.connection.lost) == share or not consumer.connection.take(1), 20, "each loss is told")
        expect(consumer.connection.lost, {claim.token: broker.LOST_CANCELLED for claim in claims})
        expect(set(consumer.heartbeat()), {claim.token for claim in claims})
        late = [operation(consumer, broker.ACK, claim.task, claim.token) for claim in claims]
        expect({code for code, _ in operate_on(consumer, late)}, {"CLAIM_SUPERSEDED"})
        expect(counts_of("acted-claimed", "claimed", "cancelled", "done"), {"claimed": 0, "cancelled": share, "done": 0})
        parent_of.ack(running, on_failed_child=broker.IGNORE)
        expect(state_of(running.task), "DONE")  # its children were cancelled before they were born
    nothing_was_broken()


# ---- more than one entry -------------------------------------------------------------------------------


def a_purge_of_many_tasks_explains_itself_while_it_goes_on():
    """It takes an entry for every 4,096 tasks, and questions are answered between them. That all of those are quicker
    than one question cannot be excluded: then it is done again."""
    codes = broker.EXPLAIN_NO_CONSUMER, broker.EXPLAIN_PURGING, broker.EXPLAIN_FINISHED  # before, during, after

    def explained():
        producer = Producer(cluster.link)
        for _ in range(40):
            last = producer.produce("purged", [b""] * ITEMS)[-1]
        expect(state_of(last), "READY")  # the ledger has heard of all
        purge = cluster.link.send(broker.QUERY, broker.Query(timeout_ms=20000, queue_purge=broker.QueuePurge(queue="purged")))
        found = []
        while not found or found[-1].because != broker.EXPLAIN_FINISHED:
            found.append(cluster.link.query(task_explain=broker.TaskExplain(task=last))[0].explanation)
        expect(cluster.link.answer(purge, broker.ANSWER, broker.Answer)[0].purge.tasks, 40 * ITEMS)
        expect([one.because for one in found], sorted([one.because for one in found], key=codes.index), "one after the other")
        expect(counts_of("purged", "ready"), {"ready": 0}, "the last one goes last")
        return [one for one in found if one.because == broker.EXPLAIN_PURGING]

    why = await_condition(explained, 60, "it is explained")[0]
    expect((why.sentence, why.task.state), ("queue 'purged' is being purged", broker.READY))
    nothing_was_broken()


if __name__ == "__main__":
    with one_cluster(manager_arguments=["--payload-max", f"{PAYLOAD_MAX}"]):
        run_cases([each_of_1024_items_of_a_produce_has_its_own_outcome, one_demand_is_granted_1024_claims,
                   each_of_1024_acks_has_its_own_outcome, each_of_1024_nacks_has_its_own_outcome,
                   each_of_1024_cancels_has_its_own_outcome, a_purge_of_many_tasks_explains_itself_while_it_goes_on])
