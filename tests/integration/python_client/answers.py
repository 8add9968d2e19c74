"""What tests of single answers ask with: one cluster, and calls whose refusal is an answer like any other.

`with one_cluster():` starts a center and a manager; `cluster.link` is a connection to that manager.
"""
from contextlib import contextmanager
from types import SimpleNamespace

from proto import broker_pb2 as broker
from proto import error_pb2 as error
from baton_client import BatonError, Connection, Consumer, Producer
from trio import Trio, await_condition

Options = broker.TaskOptions
cluster = SimpleNamespace(trio=None, link=None)


@contextmanager
def one_cluster(**options):
    with Trio(managers=1, **options) as cluster.trio:
        cluster.link = connect()
        yield cluster


def connect(manager=None):
    def try_once():
        connection = Connection((manager or cluster.trio.managers[0]).address)
        if connection.hello.shard != 0:
            return connection
        connection.close()
        return None
    return await_condition(try_once, 60, "the manager names the shard that it stores in")


def expect(actual, wanted, what=""):
    assert actual == wanted, f"{what}: {actual!r} instead of {wanted!r}"


def name(code):
    return error.ErrorCode.Name(code)


def expect_refused(said, words, code="INVALID_ARGUMENT", what=""):
    """`said`, a code and a sentence, is the refusal that is meant: the sentence has these words."""
    assert said[0] == code and words in said[1], f"{what}: {said} instead of {code}, '... {words} ...'"


def refusal(call, *arguments, **named):
    """The code and the sentence that a call ends with; ("OK", "") when it succeeds."""
    try:
        call(*arguments, **named)
    except BatonError as refused:
        return name(refused.code), str(refused)
    return "OK", ""


def items(request_options, payloads=(b"x",), queue="bad", **fields):
    """The outcomes of a request of a producer of its own."""
    producer = Producer(cluster.link)
    request = producer.request(queue, payloads, 1, options=request_options)
    request.timeout_ms = 3000
    for field, value in fields.items():
        setattr(request, field, value)
    return producer.outcomes(request, list(payloads))


def item(payload=b"x", queue="bad", **options):
    """(code, message) of one task with these options."""
    outcome, = items([Options(**options)], (payload,), queue)
    return name(outcome.code), outcome.message


def task(queue="bad", payload=b"x", **options):
    outcome, = items([Options(**options)], (payload,), queue)
    expect((name(outcome.code), outcome.message), ("OK", ""))
    return outcome.first_task


def state_of(one):
    return broker.TaskState.Name(cluster.link.query(task_show=broker.TaskShow(task=one))[0].task.state)


def await_state(one, state):
    await_condition(lambda: state_of(one) == state, 30, f"task {one} is {state}")
    return one


def task_to_come():
    """An id of the shard that stores here which it will not have for long."""
    return task() + 1_000_000


def task_of_a_removed_manager():
    """Of a manager that is gone for good; the ids behind it cannot come any more."""
    manager = cluster.trio.add_manager(f"m{len(cluster.trio.managers) + 1}")
    one, = Producer(connect(manager)).produce("removed", [b"x"])
    expect(state_of(one), "READY")  # the ledger has heard of it
    manager.kill()
    await_condition(lambda: query_said(manager_remove=broker.ManagerRemove(name=manager.name))[0] == "OK", 30,
                    "it is removed when it counts as down")
    return one


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


def operate(consumer, claim, kind, payload=b"", token=None, seq=None, **fields):
    """The code and the sentence of one operation on the claim."""
    token = claim.token if token is None else token
    seq = consumer.next_seq() if seq is None else seq
    fields.setdefault("task", claim.task)
    request = broker.Operations(operation=[broker.Operation(seq=seq, kind=kind, token=token, length=len(payload), **fields)])
    done = consumer.connection.ask(broker.OPERATIONS, request, broker.OPERATIONS_DONE, broker.OperationsDone, payload)
    return name(done.outcome[0].code), done.outcome[0].message


def query_said(**what):
    return refusal(cluster.link.query, **what)


def set_queue(queue="set", **settings):
    return query_said(queue_set=broker.QueueSet(queue=queue, settings=broker.QueueSettings(**settings)))
