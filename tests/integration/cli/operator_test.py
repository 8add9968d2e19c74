#!/usr/bin/python3
"""What operators are told: dry runs that keep their word, the attempts of dead tasks, names that are unknown."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)
from worker import Worker  # noqa: E402


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def run(*arguments, stdin="", managers=None):
    """(exit code, stdout, stderr)"""
    done = subprocess.run(TRIO.command(*arguments, managers=managers), input=stdin, capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def show(task):
    return TRIO.rows("task", "show", task)[0]


def await_state(task, state):
    return await_condition(lambda: (page := show(task))["state"] == state and page, 30, f"{task} is {state}")


def dry_run(verb, task, *flags):
    """What it says about one task, and its exit code."""
    code, out, _ = run(*verb, task, *flags, "--dry-run", "-o", "jsonl")
    return json.loads(out), code


def expect_word_kept(verb, task, code):
    """A dry run ends as the command itself does, which is run after it."""
    row, foreseen = dry_run(verb, task)
    assert row["outcome"] == "would be refused" if code else row["outcome"].startswith("would be "), row
    expect((verb, foreseen, run(*verb, task)[0]), (verb, code, code))
    return row


def a_dead_task_tells_each_attempt_and_its_last_error():
    TRIO.baton("queue", "set", "cut", "--max-expiries", 1, "--backoff", "0ms..0ms")
    task, = TRIO.produce("cut", ["x"])
    TRIO.consume("cut", 1, "--exec", "exit 7")
    worker = Worker(TRIO, "cut", "--lease", "3s", command="exec sleep 1000").await_begun()
    command = worker.pids()[0]
    worker.signal(signal.SIGKILL)
    os.killpg(command, signal.SIGKILL)
    worker.finish(-signal.SIGKILL)
    await_state(task, "dead")
    page = json.loads(TRIO.baton("dead", "show", task, "-o", "json"))
    expect([(row["attempt"], row["outcome"], row["reason"]) for row in page["attempts"]],
           [(1, "failed", "exit code 7"), (2, "expired", None)])
    expect(page["last_error"], "exit code 7")
    assert page["cause"] == "expiries_spent" and page["died"], page
    for row in page["attempts"]:
        assert row["consumer"] and row["began"] <= row["ended"], row
    table = TRIO.baton("dead", "show", task)
    assert "exit code 7" in table and "expired" in table and page["attempts"][1]["consumer"] in table, table
    assert TRIO.rows("center", "status")[0]["tasks_dead"] >= 1


def a_dry_run_of_complete_and_resume_keeps_its_word():
    first, = TRIO.produce("first", ["x"])
    after, = TRIO.baton("produce", "-q", "second", "--after", first, stdin="x\n").split()
    waits, = TRIO.baton("produce", "-q", "second", "--after", first, "--on-failed", "wait", stdin="x\n").split()
    await_state(waits, "blocked")
    assert TRIO.rows("center", "status")[0]["tasks_blocked"] >= 2
    expect_word_kept(["task", "complete"], after, 4)
    expect_word_kept(["task", "resume"], waits, 4)
    TRIO.baton("task", "cancel", first)
    await_condition(lambda: TRIO.rows("task", "explain", waits)[0]["because"] == "decision", 30, "it waits for a person")
    expect_word_kept(["task", "complete"], waits, 4)
    expect_word_kept(["task", "resume"], waits, 0)


def parents(queue, flags=(), children="children"):
    """A parent that is acked and waits for the one child that it made."""
    parent, = TRIO.baton("produce", "-q", queue, *flags, stdin="x\n").split()
    TRIO.consume(queue, 1, "--exec", f"echo x | {BIN}/baton produce -q {children} --child > /dev/null")
    await_state(parent, "blocked")
    return parent


def parents_that_wait_are_not_purged_and_not_counted():
    parent = parents("books")
    waiting, = TRIO.produce("books", ["waits"])
    await_state(waiting, "ready")
    expect(json.loads(TRIO.baton("queue", "purge", "books", "--dry-run", "-o", "json"))["would_be_cancelled"], 1)
    expect(json.loads(TRIO.baton("queue", "purge", "books", "--yes", "-o", "json"))["cancelled"], 1)
    expect(show(parent)["state"], "blocked")
    row, code = dry_run(["task", "resume"], parent)
    expect((code, row["state"]), (4, "blocked"))
    expect_word_kept(["task", "complete"], parent, 0)


def a_dry_run_of_redrive_knows_why_the_task_is_dead():
    TRIO.baton("queue", "set", "failing", "--max-attempts", 1)
    parent = parents("families", children="failing")
    child, = [row["id"] for row in TRIO.consume("failing", 1, "--exec", "exit 3")]
    await_state(parent, "dead")
    row = expect_word_kept(["dead", "redrive"], parent, 4)
    assert "its children" in row["message"], row
    expect_word_kept(["dead", "redrive"], child, 0)


def a_dry_run_of_retry_keeps_its_word():
    TRIO.baton("queue", "set", "kept", "--keep", "all")
    kept, = TRIO.produce("kept", ["x"])
    gone, = TRIO.produce("gone", ["x"])
    for queue in ("kept", "gone"):
        TRIO.consume(queue, 1)
    waits, = TRIO.produce("kept", ["y"])
    await_state(waits, "ready")
    for task, code in ((kept, 0), (gone, 3), (waits, 4)):
        expect_word_kept(["task", "retry"], task, code)
    row, _ = dry_run(["task", "retry"], kept, "-q", "elsewhere")
    expect((row["queue"], row["id"]), ("elsewhere", None))


def what_is_forgotten_is_refused_as_a_dry_run_says():
    TRIO.baton("queue", "set", "forgets", "--keep", "none")
    task, = TRIO.produce("forgets", ["x"])
    await_state(task, "ready")
    TRIO.baton("task", "cancel", task)
    expect(show(task)["state"], "cancelled")  # the center remembers how it ended, and nothing else
    for verb in ("cancel", "kill", "resume", "complete"):
        row = expect_word_kept(["task", verb], task, 4)
        assert "nothing of it is kept" in row["message"], row


def a_decision_that_lets_a_parent_wait_on_is_in_its_history():
    TRIO.baton("queue", "set", "broken", "--max-attempts", 1)
    parent = parents("waiting", ["--on-failed", "wait"], children="broken")
    TRIO.consume("broken", 1, "--exec", "exit 3")
    await_condition(lambda: TRIO.rows("task", "explain", parent)[0]["because"] == "decision", 30, "it waits for a person")
    TRIO.baton("task", "resume", parent, "--reason", "BOB")
    events = [(row["cause"], row["reason"]) for row in TRIO.rows("task", "history", parent)]
    expect(events[-2:], [("resumed", "BOB"), ("children_done", None)])


def a_task_that_does_not_exist_is_not_found_at_any_manager():
    task, = TRIO.produce("there", ["x"], managers=TRIO.managers[0].address)
    missing = int(task) + 5000
    for manager in TRIO.managers:
        code, out, err = run("task", "cancel", str(missing), "--timeout", "20s", managers=manager.address)
        assert code == 3 and "does not exist" in out, (code, out, err)


def a_name_that_nobody_used_is_said_to_be_none_and_makes_no_queue():
    for words in (["queue", "pause"], ["queue", "resume"], ["dead", "ls", "-q"], ["dead", "redrive", "--yes", "-q"],
                  ["dead", "purge", "--yes", "-q"], ["task", "ls", "-q"]):
        code, out, err = run(*words, "typo")
        expect((words, code, out), (words, 3, ""))
        assert "no queue 'typo'" in err, err
    expect(TRIO.queue("typo"), None)
    TRIO.baton("queue", "pause", "early", "--create")
    expect(TRIO.queue("early")["paused"], True)
    TRIO.baton("queue", "resume", "early")
    expect(TRIO.rows("task", "ls", "-q", "early"), [])


def settings_are_judged_by_what_holds_and_a_time_pauses():
    TRIO.baton("queue", "set", "settings", "--backoff-max", "1h")
    TRIO.baton("queue", "set", "settings", "--backoff-min", "10m", "--ordered", "1")
    code, _, err = run("queue", "set", "settings", "--backoff-max", "1m")
    assert code == 2 and "backoff" in err, err
    TRIO.baton("queue", "set", "settings", "--paused-until", "+2s")
    expect(TRIO.queue("settings")["paused"], True)
    await_condition(lambda: not TRIO.queue("settings")["paused"], 30, "the pause ends by itself")


def an_interrupted_bulk_command_tells_what_it_did():
    tasks = TRIO.produce("bulk", [str(number) for number in range(16)])
    killing = subprocess.Popen(TRIO.command("task", "kill", "-", "--yes", "-o", "table"),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for piece in (tasks[:15], tasks[15:]):
        killing.stdin.write("".join(f"{task}\n" for task in piece))
        killing.stdin.flush()
        for task in piece:
            await_state(task, "dead")
    killing.send_signal(signal.SIGINT)
    expect(killing.wait(30), 130)  # its input has not ended
    out, err = killing.communicate()
    # The second piece was asked for when the first was answered; its own answer may be under way.
    rows = out.splitlines()[1:]
    assert len(rows) in (15, 16) and all(task in row for task, row in zip(tasks, rows)), out
    assert f"interrupted: {len(rows)} killed, 0 refused" in err, err


def tasks_of_all_states_are_listed():
    TRIO.baton("queue", "set", "mixed", "--keep", "all", "--max-attempts", 1)
    done, dead = TRIO.produce("mixed", ["0", "1"])
    TRIO.consume("mixed", 2, "--exec", "read code; exit $code")
    later, = TRIO.baton("produce", "-q", "mixed", "--delay", "1h", stdin="x\n").split()
    ready, = TRIO.produce("mixed", ["x"])
    await_state(ready, "ready")
    wanted = {done: "done", dead: "dead", later: "delayed", ready: "ready"}
    expect({row["id"]: row["state"] for row in TRIO.rows("task", "ls", "-q", "mixed")}, wanted)
    expect([row["id"] for row in TRIO.rows("task", "ls", "-q", "mixed", "--state", "done")], [done])
    code, out, err = run("task", "history", done, "--limit", 2, "-o", "jsonl")
    expect((code, len(out.splitlines())), (0, 2))
    assert "there is more" in err, err


def with_one_manager_away_nobody_is_told_to_start_a_cluster():
    task, = TRIO.produce("away", ["x"], managers=TRIO.managers[1].address)
    await_state(task, "ready")
    TRIO.managers[1].kill()
    code, _, err = run("task", "payload", task, "--timeout", "1s")
    assert code == 5 and "baton dev" not in err, (code, err)
    TRIO.managers[1].start()


if __name__ == "__main__":
    with Trio(managers=2) as TRIO:
        run_cases([
            a_dead_task_tells_each_attempt_and_its_last_error, a_dry_run_of_complete_and_resume_keeps_its_word,
            parents_that_wait_are_not_purged_and_not_counted, a_dry_run_of_redrive_knows_why_the_task_is_dead,
            a_dry_run_of_retry_keeps_its_word, what_is_forgotten_is_refused_as_a_dry_run_says,
            a_decision_that_lets_a_parent_wait_on_is_in_its_history,
            a_task_that_does_not_exist_is_not_found_at_any_manager, a_name_that_nobody_used_is_said_to_be_none_and_makes_no_queue,
            settings_are_judged_by_what_holds_and_a_time_pauses, an_interrupted_bulk_command_tells_what_it_did,
            tasks_of_all_states_are_listed,
            with_one_manager_away_nobody_is_told_to_start_a_cluster])
