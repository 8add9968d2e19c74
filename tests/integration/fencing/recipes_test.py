#!/usr/bin/python3
"""The recipes of docs/fencing.md, taken from the page and run: each lets the right attempt in and keeps the late one out.

Usage: recipes_test.py PAGE [CASE...]. At the end a real cluster: a consumer stands still until its lease is over, another
does its task, and what the first one does when it wakes up is refused.
"""
import http.client
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from trio import BIN, Trio, await_condition, run_cases  # noqa: E402  (the path must be set first)

PAGE = Path(sys.argv.pop(1)).read_text()
BLOCKS = {name: (language, code) for name, language, code in
          re.findall(r"<!-- run: (\w+) -->\n```(\w+)\n(.*?)```", PAGE, re.DOTALL)}


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} instead of {wanted!r}"


def recipe(name):
    """What a Python block of the page defines."""
    language, code = BLOCKS[name]
    expect(language, "python")
    names = {}
    exec(compile(code, f"fencing.md: {name}", "exec"), names)  # the page is ours
    return names


def raises(kind, call, *arguments):
    try:
        call(*arguments)
    except kind:
        return True
    return False


def every_block_of_code_is_run_or_says_that_it_is_not():
    expect(set(BLOCKS), {"row", "table", "file", "http"})
    languages = re.findall(r"^```(\w+)$", PAGE, re.MULTILINE)
    expect(sorted(languages), sorted([language for language, _ in BLOCKS.values()] + ["sql", "sql"]))
    assert "not run by the test" in PAGE.split("```sql")[0]


def a_row_keeps_its_largest_token():
    row = recipe("row")
    with tempfile.TemporaryDirectory() as folder:
        store = row["open_store"](f"{folder}/store")
        row["ship"](store, "o1", "first", "33")
        row["ship"](store, "o1", "second", "35")
        for late in ("34", "33", "1", "35"):  # with `<` an attempt writes once
            assert raises(row["Fenced"], row["ship"], store, "o1", "late", late), late
        row["ship"](store, "o2", "another order", "34")
        wide = str(2**62 + 1)  # more than 53 bits
        row["ship"](store, "o2", "wide", wide)
        assert raises(row["Fenced"], row["ship"], store, "o2", "late", str(2**62))
        expect(store.execute("SELECT * FROM shipments ORDER BY order_id").fetchall(),
               [("o1", "second", 35), ("o2", "wide", 2**62 + 1)])
        store.close()


def a_fence_and_its_effects_are_one_transaction():
    table = recipe("table")
    with tempfile.TemporaryDirectory() as folder:
        store = table["open_store"](f"{folder}/store")
        transfer = table["transfer"]
        transfer(store, "order 1", "33", "ann", "bob", 5)
        transfer(store, "order 1", "33", "ann", "bob", 1)
        transfer(store, "order 1", "34", "ann", "bob", 2)
        assert raises(table["Fenced"], transfer, store, "order 1", "33", "ann", "bob", 100)
        # An effect that fails takes its token back with it.
        assert raises(sqlite3.Error, transfer, store, "order 1", "40", "ann", {}, 100)
        transfer(store, "order 1", "35", "ann", "bob", 4)
        expect(store.execute("SELECT account, sum(cents) FROM bookings GROUP BY account ORDER BY account").fetchall(),
               [("ann", -12), ("bob", 12)])
        expect(store.execute("SELECT * FROM fences").fetchall(), [("order 1", 35)])
        store.close()


def many_connections_write_in_growing_order():
    table = recipe("table")
    with tempfile.TemporaryDirectory() as folder:
        table["open_store"](f"{folder}/store").close()

        def attempt(token):
            store = table["open_store"](f"{folder}/store")
            raises(table["Fenced"], table["transfer"], store, "one", str(token), "from", str(token), 1)
            store.close()

        threads = [threading.Thread(target=attempt, args=((n * 7) % 30 + 1,)) for n in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store = table["open_store"](f"{folder}/store")
        passed = [int(row[0]) for row in
                  store.execute("SELECT account FROM bookings WHERE cents > 0 ORDER BY rowid")]
        store.close()
        expect(passed, sorted(passed))
        expect(passed[-1], 30)


def a_server_answers_409_to_a_smaller_token():
    server = ThreadingHTTPServer(("127.0.0.1", 0), recipe("http")["OrderHandler"])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        def put(path, token, body="x"):
            connection = http.client.HTTPConnection(*server.server_address, timeout=60)
            connection.request("PUT", path, body, {} if token is None else {"X-Fencing-Token": token})
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, text.strip()

        expect(put("/orders/1", "33", "first"), (200, "stored"))
        expect(put("/orders/1", "35", "second"), (200, "stored"))
        expect(put("/orders/1", "34", "late"), (409, "token 34 is smaller than 35"))
        expect(server.RequestHandlerClass.orders["/orders/1"], (35, b"second"))
        expect(put("/orders/1", "35", "again"), (200, "stored"))
        expect(put("/orders/2", "34")[0], 200)
        for wrong in (None, "", "-1", "x", "3.5", "\u00b2".encode("latin-1")):
            expect(put("/orders/1", wrong)[0], 400)
        expect(server.RequestHandlerClass.orders["/orders/1"], (35, b"again"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def the_shell_recipe_writes_behind_its_fence():
    language, code = BLOCKS["file"]
    expect(language, "sh")
    with Trio(managers=1) as trio, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "state").mkdir()
        trio.produce("reports", ["the report"])
        environment = {**os.environ, "BATON_MANAGER": trio.addresses(), "PATH": f"{BIN}:{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-ec", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
                              check=False)
        expect((done.returncode, done.stderr), (0, ""))
        assert "\tdone\t" in done.stdout, done.stdout
        expect((Path(folder) / "state/report").read_text(), "the report")
        expect((Path(folder) / "state/report.fence").read_text().split()[:2], ["baton-fence", "1"])


# What both consumers run: notes its token, waits until it may go on, and tries both effects.
EFFECT = r'''
import os, signal, subprocess, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the worst of handlers: it does not stop when it is told to
folder, baton, who = sys.argv[1:]
token = os.environ["BATON_TOKEN"]
(Path(folder) / f"{who}.tmp").write_text(f"{os.getpgrp()} {token} {os.environ['BATON_TASK_ID']} {os.environ['BATON_ATTEMPT']}")
(Path(folder) / f"{who}.tmp").rename(Path(folder) / f"{who}.started")
while not (Path(folder) / f"{who}.go").exists():
    time.sleep(0.02)
with open(f"{folder}/unfenced", "a") as file:
    file.write(who + "\n")
row = {}
exec((Path(folder) / "row.py").read_text(), row)
store = row["open_store"](f"{folder}/store")
try:
    row["ship"](store, "order", who, token)
    sql = "written"
except row["Fenced"]:
    sql = "fenced"
fence = subprocess.run([baton, "fence", f"{folder}/fence", "--", "sh", "-c", f'echo "{who} $BATON_TOKEN" >> {folder}/effects'],
                       capture_output=True, text=True)
(Path(folder) / f"{who}.said").write_text(f"{sql}\n{fence.returncode}\n{fence.stderr}")
sys.exit(0 if sql == "written" and fence.returncode == 0 else 1)
'''


def a_consumer_that_stood_still_beyond_its_lease_changes_nothing():
    with Trio(managers=2) as trio, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "row.py").write_text(BLOCKS["row"][1])
        (folder / "effect.py").write_text(EFFECT)

        consumers = []

        def consumer(who):
            command = f"exec /usr/bin/python3 {folder}/effect.py {folder} {BIN}/baton {who}"
            process = subprocess.Popen(trio.command("consume", "-q", "orders", "-n", 1, "--wait", "90s", "--lease", "3s",
                                                 "--exec", command),
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            consumers.append(process)
            return process

        def started(who):
            file = folder / f"{who}.started"
            await_condition(file.exists, 60, f"{who} has begun")
            return file.read_text().split()

        try:
            [task] = trio.produce("orders", ["an order"])
            first = consumer("first")
            group, old_token, old_task, old_attempt = started("first")
            expect((old_task, old_attempt), (task, "1"))
            stopped = [first.pid, int(group)]
            os.kill(first.pid, signal.SIGSTOP)
            os.killpg(int(group), signal.SIGSTOP)
            try:
                (folder / "first.go").touch()
                (folder / "second.go").touch()
                second = consumer("second")
                out, error = second.communicate(timeout=120)
                expect((second.returncode, out.split("\t")[:2]), (0, [task, "done"]))
                _, new_token, new_task, new_attempt = started("second")
                expect((new_task, int(new_attempt) > 1, int(new_token) > int(old_token)), (task, True, True))
                expect((folder / "second.said").read_text(), "written\n0\n")
                assert not (folder / "first.said").exists(), "the first one did not stand still"
            finally:
                os.killpg(stopped[1], signal.SIGCONT)
                os.kill(stopped[0], signal.SIGCONT)
            out, error = first.communicate(timeout=120)
            expect(first.returncode, 4)
            assert "superseded" in error, error
            await_condition((folder / "first.said").exists, 60, "the first one has tried")
            sql, code, *said = (folder / "first.said").read_text().splitlines()
            expect((sql, code), ("fenced", "4"))
            assert f"token {old_token} is smaller than {new_token}" in said[0], said
            with sqlite3.connect(folder / "store") as store:
                expect(store.execute("SELECT * FROM shipments").fetchall(), [("order", "second", int(new_token))])
            store.close()
            expect((folder / "effects").read_text(), f"second {new_token}\n")
            # Where there was no fence the late one has written last.
            expect((folder / "unfenced").read_text(), "second\nfirst\n")
            expect(trio.rows("task", "show", task)[0]["state"], "done")
        finally:
            for process in consumers:
                process.kill()
                process.wait()


run_cases([every_block_of_code_is_run_or_says_that_it_is_not,
           a_row_keeps_its_largest_token,
           a_fence_and_its_effects_are_one_transaction,
           many_connections_write_in_growing_order,
           a_server_answers_409_to_a_smaller_token,
           the_shell_recipe_writes_behind_its_fence,
           a_consumer_that_stood_still_beyond_its_lease_changes_nothing])
