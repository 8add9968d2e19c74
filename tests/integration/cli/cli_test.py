#!/usr/bin/python3
"""The baton program as scripts use it: what it prints, in which format, and with which exit code."""
import base64
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)

NOBODY = "127.0.0.1:1"  # no manager listens there


def run(*arguments, stdin="", environment=None):
    """The program without a cluster: (exit code, stdout, stderr)."""
    done = subprocess.run([str(BIN / "baton"), *arguments], input=stdin, capture_output=True, text=True, timeout=60,
                          check=False, env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def ids_come_in_input_order_and_payloads_come_back():
    payloads = [f"task {n}" for n in range(50)]
    ids = TRIO.produce("order", payloads)
    expect(len(set(ids)), 50)
    rows = TRIO.consume("order", 50)
    expect({row["id"]: row["payload"] for row in rows}, dict(zip(ids, payloads)))
    expect([row["payload"] for row in rows], payloads)
    for row in rows:
        expect((row["queue"], row["attempt"], type(row["token"])), ("order", 1, str))


def plain_output_is_the_payload_and_a_newline():
    TRIO.produce("plain", ["one", "", "three"])
    expect(TRIO.baton("consume", "-q", "plain", "-n", 3, "--wait", "30s"), "one\n\nthree\n")


def any_bytes_travel_through_json_lines_and_files():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "binary"
        file.write_bytes(b"\x00\xff\nline\n")
        TRIO.baton("produce", "-q", "bytes", "--file-per-task", str(file))
        lines = json.dumps({"payload": "a\nb \u00fc"}) + "\n" + json.dumps({"payload_base64": "AP8="}) + "\n"
        TRIO.baton("produce", "-q", "bytes", "--json-lines", stdin=lines)
    rows = TRIO.consume("bytes", 3)
    got = [base64.b64decode(row["payload_base64"]) if "payload_base64" in row else row["payload"].encode() for row in rows]
    expect(sorted(got), sorted([b"\x00\xff\nline\n", "a\nb \u00fc".encode(), b"\x00\xff"]))


def every_listing_speaks_json_and_has_a_table():
    task = TRIO.produce("listed", ["x"])[0]
    for command in (["task", "show", task], ["task", "ls", "-q", "listed"], ["queue", "ls"], ["manager", "ls"],
                    ["center", "status"]):
        document = json.loads(TRIO.baton(*command, "-o", "json"))
        lines = [json.loads(line) for line in TRIO.baton(*command, "-o", "jsonl").splitlines()]
        first = document[0] if isinstance(document, list) else document
        expect(set(lines[0]), set(first))
        table = TRIO.baton(*command)
        assert table and "{" not in table, table
    expect(TRIO.rows("task", "ls", "-q", "listed")[0]["id"], task)
    shown = TRIO.rows("task", "show", task)[0]
    expect((shown["state"], shown["queue"], shown["attempt"]), ("ready", "listed", 0))
    managers = TRIO.rows("manager", "ls")
    expect([row["state"] for row in managers], ["up"] * 3)
    queue = TRIO.queue("listed")
    expect((queue["ready"], queue["claimed"]), (1, 0))
    TRIO.consume("listed", 1)


def manager_ls_tells_since_when_how_many_tasks_and_the_lag():
    before = {row["name"]: int(row["tasks"]) for row in TRIO.rows("manager", "ls")}
    TRIO.produce("counted", [str(n) for n in range(7)], managers=TRIO.managers[1].address)

    def rows():
        found = {row["name"]: row for row in TRIO.rows("manager", "ls")}
        return found if int(found["m2"]["tasks"]) - before["m2"] == 7 else None

    found = await_condition(rows, 30, "the tasks are counted where they are")
    expect({name: int(row["tasks"]) - before[name] for name, row in found.items()}, {"m1": 0, "m2": 7, "m3": 0})
    now = datetime.now(timezone.utc)
    for row in found.values():
        age = (now - datetime.fromisoformat(row["since"].replace("Z", "+00:00"))).total_seconds()
        assert -5 < age < 3600, f"{row['name']} is up since {row['since']}"
    await_condition(lambda: all(int(row["lag"]) == 0 for row in TRIO.rows("manager", "ls")), 30, "all is reported")
    TRIO.consume("counted", 7)


def what_happens_to_a_task_is_no_line_of_a_log():
    def lines():
        return sum(len(daemon.said().splitlines()) for daemon in TRIO.daemons())

    TRIO.produce("logged", ["warm-up"])
    TRIO.consume("logged", 1)
    before = lines()
    TRIO.produce("logged", [str(n) for n in range(200)])
    TRIO.consume("logged", 200, "--exec", "cat")
    assert lines() - before < 50, [daemon.said()[-2000:] for daemon in TRIO.daemons()]


def a_finished_task_still_says_done():
    task = TRIO.produce("finished", ["x"])[0]
    TRIO.consume("finished", 1)
    expect(TRIO.rows("task", "show", task)[0]["state"], "done")
    expect(TRIO.rows("task", "ls", "-q", "finished"), [])


def a_result_is_kept_and_shown():
    task = TRIO.produce("results", ["7"])[0]
    row = TRIO.consume("results", 1, "--exec", 'read n; echo "$BATON_TASK_ID $BATON_ATTEMPT $((n * n))"')[0]
    expect((row["outcome"], row["result"]), ("done", f"{task} 1 49\n"))
    expect(TRIO.baton("task", "result", task), f"{task} 1 49\n")
    shown = TRIO.rows("task", "show", task)[0]
    expect((shown["state"], shown["result"], shown["token"]), ("done", f"{task} 1 49\n", row["token"]))


def a_command_that_fails_nacks_and_says_why():
    task = TRIO.produce("failing", ["x"])[0]
    line = TRIO.baton("consume", "-q", "failing", "-n", 1, "--wait", "30s", "--exec", "exit 3")
    expect(line, f"{task}\tnacked\t\n")
    shown = TRIO.rows("task", "show", task)[0]
    expect((shown["state"], shown["failures"], shown["reason"]), ("delayed", 1, "exit code 3"))


def what_is_not_there_is_exit_code_3():
    code, out, err = run("task", "show", "17592186099999", "--manager", TRIO.addresses())
    expect((code, out), (3, ""))
    assert err.startswith("error: not_found: "), err
    TRIO.baton("task", "result", TRIO.produce("noresult", ["x"])[0], code=3)
    TRIO.baton("manager", "remove", "nobody", code=3)


def a_manager_that_is_up_cannot_be_removed():
    TRIO.baton("manager", "remove", "m1", code=4)


def a_format_or_flag_that_a_verb_does_not_have_is_refused_in_both_places():
    for words in (["consume", "-q", "x", "-o", "json"], ["-o", "json", "consume", "-q", "x"],
                  ["produce", "-q", "x", "-o", "json"], ["-o", "json", "produce", "-q", "x"],
                  ["consume", "-q", "x", "--timeout", "1s"], ["--timeout", "1s", "consume", "-q", "x"]):
        code, out, err = run(*words)
        expect((words, code, out), (words, 2, ""))
        assert err.startswith("error: "), err
        assert "json" not in words or "this prints table, jsonl, not 'json'" in err, err


def wrong_usage_is_exit_code_2_with_a_hint():
    for words in (["produce"], ["produce", "-q", "no spaces"], ["consume", "-q", "x", "-n", "0"],
                  ["consume", "-q", "x", "--lease", "1s"], ["consume", "-q", "x", "--wait", "soon"],
                  ["task", "show", "first"], ["task", "ls", "-q", "x", "--state", "lost"], ["queue", "ls", "-o", "xml"],
                  ["produce", "-q", "x", "--file-per-task", "--json-lines"], ["bench", "sideways"], []):
        code, out, err = run(*words)
        expect((code, out), (2, ""))
        assert err.startswith("error: ") and "--help" in err, err
    expect("did you mean 'produce'" in run("prodcue")[2], True)


def help_and_version_need_no_cluster():
    code, out, _ = run("--version")
    assert code == 0 and out.startswith("baton "), out
    for verb in (["produce"], ["consume"], ["task", "show"], ["task", "ls"], ["task", "result"], ["queue", "ls"],
                 ["manager", "ls"], ["manager", "remove"], ["center", "status"], ["dev"], ["bench"]):
        code, out, _ = run(*verb, "--help")
        assert code == 0 and "Examples:" in out, f"{verb}: {out}"


def nobody_there_is_exit_code_5_with_the_next_step():
    for words in (["queue", "ls"], ["center", "status"]):
        began = time.monotonic()
        code, out, err = run(*words, "--manager", NOBODY, "--timeout", "500ms")
        expect((code, out), (5, ""))
        assert "baton dev" in err, err
        assert time.monotonic() - began < 10
    code, out, _ = run("produce", "-q", "x", "--manager", NOBODY, "--timeout", "500ms", stdin="a\nb\n")
    expect((code, out), (5, ""))
    expect(run("consume", "-q", "x", "--manager", NOBODY, "--wait", "500ms")[0], 5)
    expect(run("queue", "ls", "--timeout", "500ms", environment={"BATON_MANAGER": NOBODY})[0], 5)


def a_consumer_that_waits_for_ever_says_that_nobody_is_there():
    process = subprocess.Popen([str(BIN / "baton"), "consume", "-q", "x", "--manager", NOBODY], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = process.stderr.readline()
        assert NOBODY in line and "unavailable" in line and "trying on" in line, line
    finally:
        process.send_signal(signal.SIGINT)
    expect(process.wait(60), 130)
    expect((process.stdout.read(), process.stderr.read()), ("", ""))


def the_next_manager_of_the_list_answers():
    TRIO.baton("queue", "ls", managers=f"{NOBODY},{TRIO.addresses()}")
    TRIO.baton("produce", "-q", "failover", stdin="x\n", managers=f"{NOBODY},{TRIO.addresses()}")
    TRIO.baton("consume", "-q", "failover", "-n", 1, "--wait", "30s", managers=f"{NOBODY},{TRIO.addresses()}")


def an_empty_queue_is_exit_code_6():
    TRIO.baton("consume", "-q", "never-made", "--wait", "300ms", code=6)
    TRIO.produce("short", ["x"])
    expect(TRIO.baton("consume", "-q", "short", "-n", 2, "--wait", "1s", code=6), "x\n")
    TRIO.produce("short", ["y"])
    expect(TRIO.baton("consume", "-q", "short", "--wait", "1s", code=0), "y\n")


def a_wait_of_zero_takes_what_is_there_and_ends():
    TRIO.produce("there", ["x", "y"])
    await_condition(lambda: (TRIO.queue("there") or {"ready": 0})["ready"] == 2, 30, "the ledger knows them")
    expect(TRIO.baton("consume", "-q", "there", "--wait", "0s", code=0), "x\ny\n")
    began = time.monotonic()
    TRIO.baton("consume", "-q", "there", "--wait", "0s", code=6)
    assert time.monotonic() - began < 30, "it did not end by itself"


def some_confirmed_and_some_not_is_exit_code_8():
    too_large = "x" * (2 << 20)
    done = subprocess.run(TRIO.command("produce", "-q", "partly"), input=f"one\n{too_large}\nthree\n", text=True,
                          capture_output=True, check=False, timeout=60)
    expect((done.returncode, len(done.stdout.split())), (8, 2))
    assert "task 2: too_large" in done.stderr, done.stderr
    expect([row["payload"] for row in TRIO.consume("partly", 2)], ["one", "three"])


def one_task_can_be_asked_for():
    ids = TRIO.produce("one-of", ["a", "b", "c"])
    expect([row["payload"] for row in TRIO.rows("consume", "-q", "one-of", "--task", ids[1], "--wait", "30s")], ["b"])
    expect(sorted(row["payload"] for row in TRIO.consume("one-of", 2)), ["a", "c"])


def a_progress_line_is_for_terminals_only():
    def stderr_of(terminal):
        reader, writer = pty.openpty() if terminal else os.pipe()
        process = subprocess.Popen(TRIO.command("produce", "-q", "progress"), stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=writer, text=True)
        os.close(writer)
        process.stdin.write("x\n")
        process.stdin.flush()
        text = b""
        if terminal:  # it is drawn a few times a second while the input stays open
            text = os.read(reader, 4096)
        process.stdin.close()
        expect(process.wait(60), 0)
        if not terminal:
            text = os.read(reader, 4096)
        os.close(reader)
        return text

    assert b"produced" in stderr_of(terminal=True)
    expect(stderr_of(terminal=False), b"")


def ids_of_a_slow_input_are_printed_while_it_is_still_open():
    process = subprocess.Popen(TRIO.command("produce", "-q", "slow-input"), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    for payload in ("first", "second"):
        process.stdin.write(f"{payload}\n")
        process.stdin.flush()
        assert process.stdout.readline().strip().isdigit()
    process.stdin.close()
    expect(process.wait(60), 0)
    TRIO.consume("slow-input", 2)


def a_bench_run_finds_nothing_lost_twice_or_damaged():
    for mode, size in (("cycle", ["--duration", "1s"]), ("single", ["--tasks", "50"]), ("backlog", ["--tasks", "2000"]),
                       ("paced", ["--rate", "200", "--duration", "1s"])):
        report = json.loads(TRIO.baton("bench", mode, *size, "-o", "json"))
        expect((report["lost"], report["duplicates"], report["damaged"]), (0, 0, 0))
        expect(report["completed"], report["confirmed"])
        assert report["confirmed"] >= 50 and report["confirm_ms"]["p50"] > 0, report


if __name__ == "__main__":
    with Trio() as TRIO:
        run_cases([
            ids_come_in_input_order_and_payloads_come_back, plain_output_is_the_payload_and_a_newline,
            any_bytes_travel_through_json_lines_and_files, every_listing_speaks_json_and_has_a_table,
            manager_ls_tells_since_when_how_many_tasks_and_the_lag, what_happens_to_a_task_is_no_line_of_a_log,
            a_finished_task_still_says_done, a_result_is_kept_and_shown, a_command_that_fails_nacks_and_says_why,
            what_is_not_there_is_exit_code_3, a_manager_that_is_up_cannot_be_removed,
            a_format_or_flag_that_a_verb_does_not_have_is_refused_in_both_places,
            wrong_usage_is_exit_code_2_with_a_hint, help_and_version_need_no_cluster,
            nobody_there_is_exit_code_5_with_the_next_step, a_consumer_that_waits_for_ever_says_that_nobody_is_there,
            the_next_manager_of_the_list_answers, an_empty_queue_is_exit_code_6, a_wait_of_zero_takes_what_is_there_and_ends,
            some_confirmed_and_some_not_is_exit_code_8, one_task_can_be_asked_for,
            a_progress_line_is_for_terminals_only, ids_of_a_slow_input_are_printed_while_it_is_still_open,
            a_bench_run_finds_nothing_lost_twice_or_damaged])
