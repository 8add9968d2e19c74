#!/usr/bin/python3
"""docs/protocol.md, proven: what a task may ask for, queues with settings, and acting on tasks.

usage: life_test.py FOLDER_WITH_PROTOC_OUTPUT [case ...]
"""
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, sys.argv.pop(1))
try:
    import google.protobuf  # noqa: F401
except ImportError:
    print("skipped: python3-protobuf is not installed")
    sys.exit(77)

from proto import broker_pb2 as broker
from proto import error_pb2 as error
from baton_client import BatonError, Connection, Consumer, Producer
from trio import Trio, await_condition, run_cases

Options = broker.TaskOptions
HOUR_MS = 3600 * 1000
ROOT = Path(__file__).resolve().parents[3]


def connect(manager):
    """A connection to a manager that may store tasks: one that has just started looks for its center first."""
    def try_once():
        connection = Connection(manager.address)
        if connection.hello.shard != 0:
            return connection
        connection.close()
        return None
    return await_condition(try_once, 60, f"{manager.name} names the shard that it stores in")


def consumer_of(queue, connection, **options):
    consumer = Consumer(queue, **options)
    consumer.attach(connection)
    return consumer


def refusal(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except BatonError as refused:
        return error.ErrorCode.Name(refused.code)
    return None


def task_of(connection, task):
    return connection.query(task_show=broker.TaskShow(task=task))[0].task


def state_of(connection, task):
    return broker.TaskState.Name(task_of(connection, task).state)


def set_queue(connection, queue, **settings):
    """The settings that hold then."""
    change = broker.QueueSet(queue=queue, settings=broker.QueueSettings(**settings))
    return connection.query(queue_set=change)[0].queue.settings


def ids_of(items):
    assert all(item.code == error.OK for item in items), items
    return [item.first_task for item in items]


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def each_task_has_its_options_and_its_consumer_sees_those_that_concern_it():
    one, two = A(), B()
    options = [Options(priority=2, type="letter"), Options(priority=9, fair_key="acme", fair_weight=3), Options(delay_ms=3600000)]
    low, high, later = ids_of(Producer(one).produce_with("each", [b"low", b"high", b"later"], options))
    consumer = consumer_of("each", two, window=2)
    first, second = consumer.claim(), consumer.claim()
    expect((first.task, first.options.priority, first.options.fair_key), (high, 9, "acme"))
    expect((second.task, second.options.priority, second.options.type, second.payload), (low, 2, "letter", b"low"))
    expect(consumer.claim(0.3), None)
    shown = task_of(one, later)
    expect((shown.state, shown.not_before_wall_ms > 0), (broker.DELAYED, True))
    consumer.end_wait()
    for claim in (first, second):
        consumer.ack(claim)


def an_idempotency_key_names_the_first_task_at_every_manager():
    options = [Options(key=b"\x00order\xff")]
    first, = Producer(A()).produce_with("keys", [b"x"], options)
    TRIO.managers[0].restart()
    again, = Producer(B()).produce_with("keys", [b"x"], options)
    expect((again.first_task, again.duplicate, again.state), (first.first_task, True, broker.READY))
    other, = Producer(A()).produce_with("keys", [b"other"], options)
    expect(other.code, error.CONFLICT)
    # Without a center nobody can say whether the key is known: the number stays open, plain tasks go on.
    TRIO.center.kill()
    producer = Producer(A(False))
    request = producer.request("keys", [b"y"], 1, options=[Options(key=b"new")])
    request.timeout_ms = 300
    expect(producer.outcomes(request, [b"y"])[0].code, error.DEADLINE_EXCEEDED)
    plain = producer.request("keys", [b"plain"], 2)
    expect(producer.outcomes(plain, [b"plain"])[0].code, error.OK)
    TRIO.center.start()
    request.timeout_ms = 20000
    named, = await_condition(lambda: [item for item in producer.outcomes(request, [b"y"]) if item.code == error.OK], 30,
                             "the repeated request is answered")
    expect((named.duplicate, state_of(producer.connection, named.first_task)), (False, "READY"))


def an_ordered_task_that_was_refused_is_not_overtaken():
    connection = A()
    set_queue(connection, "narrow", max_tasks=2)
    time.sleep(0.2)  # the manager is told of the rule by its center
    producer = Producer(connection)
    options = [Options(order_key="k")]
    taken = await_condition(lambda: [item for item in producer.outcomes(producer.request(
        "narrow", [b"1", b"2", b"3"], 1, options=options), [b"1", b"2", b"3"]) if item.code == error.OK], 30, "credit was lent")
    expect(len(taken), 2)
    unlimited = producer.request("wide", [b"4"], 4, options=options)
    blocked, = producer.outcomes(unlimited, [b"4"])
    expect((blocked.code, "number 3" in blocked.message), (error.RETRY_LATER, True))
    unlimited.resolved_below = 4  # it gives number 3 up
    expect(producer.outcomes(unlimited, [b"4"])[0].code, error.OK)


def a_checkpoint_and_a_delay_go_to_the_next_attempt_of_another_consumer():
    one, two = A(), B()
    task, = ids_of(Producer(one).produce_with("saves", [b"book"], [Options()]))
    first = consumer_of("saves", one)
    claim = first.claim()
    expect((claim.checkpoint, claim.expiries), (b"", 0))
    first.save(claim, b"page 1", percent=10, progress="page 1")
    first.save(claim, b"page 2\0")
    first.save(claim, percent=50)
    shown = task_of(two, task)
    expect((shown.percent, shown.checkpoint_bytes), (50, 7))
    first.end_wait()
    first.nack(claim, b"disk full", delay_ms=0)
    second = consumer_of("saves", two)
    claim = second.claim()
    expect((claim.task, claim.attempt, claim.checkpoint, claim.payload), (task, 2, b"page 2\0", b"book"))
    expect(refusal(second.save, claim, percent=101), "INVALID_ARGUMENT")
    second.save(claim, b"")
    second.nack(claim, delay_ms=0)
    claim = second.claim()
    expect((claim.attempt, claim.checkpoint), (3, b""))
    second.nack(claim, b"hopeless", dead=True)
    shown = task_of(one, task)
    expect((shown.state, shown.failures, shown.reason), (broker.DEAD, 3, b"hopeless"))


def acting_on_tasks_answers_each_and_tells_the_holder():
    one, two = A(), B()
    ids = Producer(one).produce("acted", [b"runs", b"waits"])
    consumer = consumer_of("acted", two)
    claim = consumer.claim()
    codes = [(code, state) for code, _, state in one.act(broker.CANCEL, [*ids, (1 << 44) - 1, ids[1]], b"enough")]
    expect(codes[:2], [(error.OK, broker.CANCELLED)] * 2)
    expect((codes[2][0], codes[3]), (error.NOT_FOUND, (error.OK, broker.CANCELLED)))  # what is so already is ok
    await_condition(lambda: two.take(0.1) is not None and claim.token in two.lost, 20, "the consumer is told")
    expect(two.lost[claim.token], broker.LOST_CANCELLED)
    expect(refusal(consumer.ack, claim), "CLAIM_SUPERSEDED")
    expect(task_of(one, ids[0]).reason, b"enough")
    expect([(code, state) for code, _, state in one.act(broker.REDRIVE, [ids[0]])], [(error.CONFLICT, broker.CANCELLED)])

    dead, = Producer(one).produce("acted", [b"dies"])
    claim = consumer.claim()
    consumer.nack(claim, dead=True)
    expect(one.act(broker.REDRIVE, [dead])[0][::2], (error.OK, broker.READY))
    claim = consumer.claim()
    expect((claim.task, claim.attempt), (dead, 1))
    consumer.nack(claim, dead=True)
    expect(one.act(broker.DISCARD, [dead])[0][0], error.OK)
    expect(refusal(one.act, broker.CANCEL, []), "INVALID_ARGUMENT")


def children_of_a_claim_and_tasks_after_others():
    one, two = A(), B()
    parent, = Producer(one).produce("parents", [b"book"])
    consumer = consumer_of("parents", two)
    claim = consumer.claim()
    child = Options(parent=parent, parent_token=claim.token, with_completion=True)
    producer = Producer(one)
    spawned = ids_of(producer.produce_with("chapters", [b"1", b"2"], [child]))
    after, = ids_of(producer.produce_with("reports", [b"report"], [Options(after=[parent])]))
    expect([state_of(two, task) for task in spawned], ["PENDING"] * 2)
    expect(producer.produce_with("chapters", [b"3"], [Options(parent=parent, parent_token=claim.token + 1)])[0].code,
           error.CLAIM_SUPERSEDED)
    consumer.ack(claim, b"{}", content_type="application/json", on_failed_child=broker.IGNORE)
    shown = task_of(one, parent)
    expect((shown.state, shown.children_open), (broker.BLOCKED, 2))
    chapters = consumer_of("chapters", one, window=2)
    claims = [chapters.claim(), chapters.claim()]
    expect([claim.options.parent for claim in claims], [parent] * 2)
    chapters.ack(claims[0])
    expect(state_of(two, after), "BLOCKED")
    chapters.nack(claims[1], dead=True)
    answer, result = two.query(task_result=broker.TaskResult(task=parent))
    expect((result, answer.result.content_type), (b"{}", "application/json"))
    expect((state_of(two, parent), state_of(two, after)), ("DONE", "READY"))


def a_finished_task_is_copied_while_its_payload_is_kept():
    one, two = A(), B()
    set_queue(one, "kept", keep=broker.KEEP_ALL)
    task, = ids_of(Producer(one).produce_with("kept", [b"precious"], [Options(type="letter", priority=3)]))
    consumer = consumer_of("kept", one)
    request = lambda: Producer(two).produce_with("copies", [b""], [Options(retry_of=task, priority=8)])[0]  # noqa: E731
    expect(request().code, error.CONFLICT)
    consumer.ack(consumer.claim())
    expect(two.query(task_payload=broker.TaskPayload(task=task))[1], b"precious")
    made = request()
    expect(made.code, error.OK)
    copies = consumer_of("copies", two)
    claim = copies.claim()
    expect((claim.task, claim.payload, claim.options.retry_of, claim.options.type, claim.options.priority),
           (made.first_task, b"precious", task, "letter", 8))


def who_waits_is_told_of_an_end_of_which_nothing_is_kept():
    connection = A()
    task, = Producer(connection).produce("unseen", [b"x"])
    waiting = connection.send(broker.QUERY, broker.Query(timeout_ms=20000, task_wait=broker.TaskWait(task=task)))
    expect(state_of(connection, task), "READY")  # questions are answered in order: the wait is known
    expect(B().query(queue_purge=broker.QueuePurge(queue="unseen"))[0].purge.tasks, 1)
    ended = connection.answer(waiting, broker.ANSWER, broker.Answer)[0].task
    expect((ended.state, ended.reason), (broker.CANCELLED, b"its queue was purged"))
    # Who comes later learns from the ledger that it is over, and from the archive how.
    late = task_of(connection, task)
    expect((late.state, late.reason, late.queue), (broker.CANCELLED, b"its queue was purged", ""))
    waited = connection.query(task_wait=broker.TaskWait(task=task))[0].task
    expect((waited.state, waited.reason), (broker.CANCELLED, b"its queue was purged"))
    explained = connection.query(task_explain=broker.TaskExplain(task=task))[0].explanation
    expect((explained.because, explained.task.state), (broker.EXPLAIN_FINISHED, broker.CANCELLED))
    assert "cancelled" in explained.sentence and "purged" in explained.sentence, explained.sentence
    events = connection.query(task_history=broker.TaskHistory(task=task, limit=10))[0].history.event
    expect([event.cause for event in events][-1], "purged")


def settings_of_a_queue_are_checked_as_a_whole():
    one, two = A(), B()
    settings = set_queue(one, "set", max_attempts=2, backoff_max_ms=5000)
    expect((settings.max_attempts, settings.backoff_min_ms, settings.backoff_max_ms), (2, 1000, 5000))
    expect(refusal(set_queue, two, "set", weight=7, backoff_min_ms=5001), "INVALID_ARGUMENT")
    shown = two.query(queue_show=broker.QueueShow(queue="set"))[0].queue
    expect((shown.settings.weight, shown.settings.max_attempts, shown.info.name), (1, 2, "set"))
    Producer(one).produce("set", [b"a", b"b"])
    await_condition(lambda: two.query(queue_show=broker.QueueShow(queue="set"))[0].queue.info.ready == 2, 10,
                    "the ledger has heard of the tasks")
    expect(two.query(queue_purge=broker.QueuePurge(queue="set"))[0].purge.tasks, 2)
    expect(refusal(two.query, queue_purge=broker.QueuePurge(queue="no-such")), "NOT_FOUND")


def a_changed_setting_counts_for_the_tasks_that_docs_queues_says():
    connection = A()
    producer = Producer(connection)
    older, = producer.produce("changed", [b"older"])
    expect(state_of(connection, older), "READY")  # the ledger has heard of it before
    set_queue(connection, "changed", time_to_live_ms=HOUR_MS, total_timeout_ms=2 * HOUR_MS, ordered=True, max_attempts=1)
    newer = [producer.produce("changed", [payload])[0] for payload in (b"newer", b"last")]

    def seen():
        return [(broker.TaskState.Name(one.state), one.expires_in_ms > 0)
                for one in (task_of(connection, task) for task in (older, *newer))]

    as_made = [("READY", False), ("READY", True), ("BLOCKED", True)]
    expect(seen(), as_made)
    set_queue(connection, "changed", time_to_live_ms=0, total_timeout_ms=0, ordered=False)
    expect(seen(), as_made)
    consumer = consumer_of("changed", connection)
    claim = consumer.claim()
    consumer.nack(claim)
    expect((claim.task, state_of(connection, older)), (older, "DEAD"))  # max_attempts is asked about at the nack


def a_redriven_task_begins_a_second_life():
    connection = A()
    times = Options(delay_ms=HOUR_MS, time_to_live_ms=HOUR_MS, total_timeout_ms=2 * HOUR_MS, wait_timeout_ms=3 * HOUR_MS)
    delayed, first, never = ids_of(Producer(connection).produce_with("redriven", [b"x"] * 3, [times, Options(), times]))
    after, = ids_of(Producer(connection).produce_with("redriven", [b"x"], [Options(after=[first, never])]))
    expect([code for code, _, _ in connection.act(broker.KILL, [delayed, first], b"why not")], [error.OK] * 2)
    await_condition(lambda: state_of(connection, after) == "DEAD", 20, "it died of what it was to run after")
    expect([code for code, _, _ in connection.act(broker.REDRIVE, [delayed, after])], [error.OK] * 2)
    shown = task_of(connection, delayed)
    expect((shown.state, shown.reason, 2 * HOUR_MS < shown.expires_in_ms <= 3 * HOUR_MS), (broker.READY, b"", True))
    shown = task_of(connection, after)
    expect((shown.state, shown.reason, shown.blocked_on), (broker.READY, b"", 0))  # though one of those is not finished

    tried, = ids_of(Producer(connection).produce_with("retried", [b"x"], [Options(max_attempts=1, priority=7)]))
    consumer = consumer_of("retried", connection)
    for _ in range(2):
        claim = consumer.claim()
        expect((claim.task, claim.attempt, claim.expiries, claim.options.priority), (tried, 1, 0, 7))
        consumer.save(claim, claim.checkpoint + b"page ")
        consumer.nack(claim, b"disk full")
        shown = task_of(connection, tried)
        expect((shown.state, shown.failures), (broker.DEAD, 1))  # its own max_attempts holds again
        expect(connection.act(broker.REDRIVE, [tried])[0][::2], (error.OK, broker.READY))
    expect(consumer.claim().checkpoint, b"page page ")


def the_page_lists_every_cause_and_every_explanation():
    page = (ROOT / "docs/protocol.md").read_text()
    for value in broker.ExplainCode.DESCRIPTOR.values:
        assert f"| {value.name} | {value.number} | " in page, value.name
    source = (ROOT / "center/core/effects.cc").read_text()
    causes = set(re.findall(r'return "(\w+)"', source[source.index("to_string(Cause "):]))
    table = page[page.index("### Causes"):page.index("## 8.")]
    listed = {word for row in re.findall(r"^\| (`.+?) \|", table, re.M) for word in re.findall(r"`(\w+)`", row)}
    expect((listed - causes, causes - listed), (set(), {"unknown"}))


def A(stores=True):
    return connect(TRIO.managers[0]) if stores else Connection(TRIO.managers[0].address)


def B():
    return connect(TRIO.managers[1])


if __name__ == "__main__":
    with Trio(managers=2) as TRIO:
        run_cases([
            each_task_has_its_options_and_its_consumer_sees_those_that_concern_it,
            an_idempotency_key_names_the_first_task_at_every_manager, an_ordered_task_that_was_refused_is_not_overtaken,
            a_checkpoint_and_a_delay_go_to_the_next_attempt_of_another_consumer,
            acting_on_tasks_answers_each_and_tells_the_holder, children_of_a_claim_and_tasks_after_others,
            a_finished_task_is_copied_while_its_payload_is_kept, who_waits_is_told_of_an_end_of_which_nothing_is_kept,
            settings_of_a_queue_are_checked_as_a_whole, a_changed_setting_counts_for_the_tasks_that_docs_queues_says,
            a_redriven_task_begins_a_second_life, the_page_lists_every_cause_and_every_explanation])
