#!/usr/bin/python3
"""Waiting for results, and tasks that make tasks: `task wait`, `produce --wait`, `produce --child`."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, Trio, run_cases  # noqa: E402  (the path must be set first)
from worker import Worker  # noqa: E402


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def show(task):
    return TRIO.rows("task", "show", task)[0]


def explain(task):
    row, = TRIO.rows("task", "explain", task)
    return row["state"], row["because"], row.get("other")


def a_waiter_gets_each_result_when_it_is_there_through_any_manager():
    worker = Worker(TRIO, "squares", "--result-type", "text/plain", managers=TRIO.addresses(1),
                    command="read n; test $n -lt 9 && echo $((n * n))")
    TRIO.baton("queue", "set", "squares", "--max-attempts", 1)
    ends = TRIO.rows("produce", "-q", "squares", "--wait", "60s", stdin="2\n3\n9\n", code=8)
    expect([(end["outcome"], end.get("result"), end.get("content_type")) for end in ends],
           [("done", "4\n", "text/plain"), ("done", "9\n", "text/plain"), ("dead", None, None)])
    TRIO.managers[1].kill()  # the one that has the results
    TRIO.center.restart()
    TRIO.managers[1].start()
    lines = TRIO.baton("task", "wait", "-", "--timeout", "60s", stdin="".join(end["id"] + "\n" for end in ends), code=8)
    expect([line.split("\t")[1:] for line in lines.splitlines()],
           [["done", "4"], ["done", "9"], ["dead", "exit code 1"]])
    result, = TRIO.rows("task", "result", ends[0]["id"])
    expect((result["result"], result["content_type"]), ("4\n", "text/plain"))
    worker.signal(15)
    worker.finish(143)


def a_wait_ends_with_its_time_and_follows_a_task_over_a_killed_center():
    task, = TRIO.produce("slow", ["x"])
    TRIO.baton("task", "wait", task, "--timeout", "300ms", code=6)
    waiter = subprocess.Popen(TRIO.command("task", "wait", task), stdout=subprocess.PIPE, text=True)
    TRIO.center.restart()
    TRIO.consume("slow", 1, "--exec", "echo late")
    expect((waiter.communicate(timeout=60)[0], waiter.returncode), (f"{task}\tdone\tlate\n", 0))


SPAWN = "printf 'one\\ntwo\\n' | {baton} produce -q {queue} --child {flags} > /dev/null && echo spawned"


def spawn(queue, *flags, after=""):
    return SPAWN.format(baton=BIN / "baton", queue=queue, flags=" ".join(flags)) + after


def children_come_with_the_completion_of_their_parent_or_not_at_all():
    TRIO.baton("queue", "set", "books", "--max-attempts", 2, "--backoff", "0ms..0ms")
    book, = TRIO.produce("books", ["x"])
    # The first attempt fails after it has made its children: they are void, nobody sees them.
    worker = Worker(TRIO, "books", "-n", "2", managers=TRIO.addresses(1),
                    command=spawn("chapters", "--with-completion", after="; test $BATON_ATTEMPT = 2"))
    expect([row["outcome"] for row in worker.finish(0)[0]], ["nacked", "done"])
    TRIO.center.restart()
    page = show(book)
    expect((page["state"], page["children_open"], explain(book)), ("blocked", 2, ("blocked", "children", None)))
    rows = TRIO.consume("chapters", 2)
    expect(sorted((row["payload"], row["parent"]) for row in rows), [("one", book), ("two", book)])
    end, = TRIO.rows("task", "wait", book, "--timeout", "60s")
    expect((end["outcome"], end["result"]), ("done", "spawned\n"))
    TRIO.baton("consume", "-q", "chapters", "--wait", "300ms", code=6)


def children_that_fail_do_with_their_parent_what_its_policy_says():
    parents = {}
    for policy in ("fail", "ignore", "wait"):
        parents[policy], = TRIO.baton("produce", "-q", "parents", "--on-failed", policy, stdin="x\n").split()
    TRIO.baton("queue", "set", "failing", "--max-attempts", 1)
    rows = TRIO.consume("parents", 3, "-j", 3, "--exec", spawn("failing"))
    expect([row["outcome"] for row in rows], ["done"] * 3)
    TRIO.consume("failing", 6, "-j", 4, "--exec", "read n; test $n = one")
    ends = TRIO.rows("task", "wait", parents["fail"], parents["ignore"], "--timeout", "60s", code=8)
    expect([end["outcome"] for end in ends], ["dead", "done"])
    expect(explain(parents["wait"])[:2], ("blocked", "decision"))
    TRIO.baton("task", "complete", parents["wait"])
    expect(show(parents["wait"])["state"], "done")
    dead = TRIO.rows("dead", "ls", "-q", "failing")
    expect(len(dead), 3)


def a_command_without_a_claim_makes_no_children():
    code = subprocess.run(TRIO.command("produce", "-q", "orphans", "--parent", TRIO.produce("plain", ["x"])[0], "--token", "77"),
                          input="x\n", text=True, capture_output=True, timeout=60, check=False)
    expect(code.returncode, 4)
    assert "claim_superseded" in code.stderr, code.stderr
    expect(TRIO.queue("orphans")["ready"] if TRIO.queue("orphans") else 0, 0)


if __name__ == "__main__":
    with Trio(managers=2) as TRIO:
        run_cases([
            a_waiter_gets_each_result_when_it_is_there_through_any_manager,
            a_wait_ends_with_its_time_and_follows_a_task_over_a_killed_center,
            children_come_with_the_completion_of_their_parent_or_not_at_all,
            children_that_fail_do_with_their_parent_what_its_policy_says, a_command_without_a_claim_makes_no_children])
