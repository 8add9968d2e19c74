#!/usr/bin/python3
"""Plants known bugs, one at a time, and sees whether the simulation finds them.

A checker that cannot fail checks nothing, and a simulation that misses a known bug will miss its like. For each
bug one source file is copied with a small change, compiled with the command of an existing build, and linked into
a baton_sim of its own; the tree itself is never touched.

Run: tests/planted/plant.py --build build/release [--seeds 1..150] [NAME ...]
Needs a build directory in which the target baton_sim is up to date. Exits 1 when a bug was not found.
"""
import argparse
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# name: (file, what is there, what is planted instead)
BUGS = {
    # Any operation on a claimed task is accepted, whoever sends it and with whatever token.
    "no_fence": ("center/core/apply_operations.cc", [
        ("if (row.state != TaskState::kClaimed || row.token != token) return",
         "if (row.state != TaskState::kClaimed) return"),
        ("found.verdict == Verdict::kOk && work.tables.rows[found.row].session == session",
         "found.verdict == Verdict::kOk")]),
    # The same few tokens are given out over and over.
    "tokens_repeat": ("center/core/task_moves.cc", [
        ("  row.token = next_token(tables.counters);",
         "  row.token = Token(next_token(tables.counters).value() & ~std::uint64_t{0x1c0});")]),
    # An expired lease is never taken back.
    "no_expiry": ("center/core/apply_time.cc", [
        ("while (lease_is_due(tables) && work.spend()) expire(",
         "while (lease_is_due(tables) && work.spend() && false) expire(")]),
    # CONFIRMED before the batch is durable.
    "confirm_before_sync": ("manager/service/produce_service.cc", [
        ("void ProduceService::enqueue(WhenDurable waiting) {",
         "void ProduceService::enqueue(WhenDurable waiting) {\n"
         "  if (waiting.peer != 0) reply(waiting.peer, waiting.request, waiting.reply, waiting.shard);\n"
         "  waiting.peer = 0;")]),
    # Nothing is synced.
    "no_sync": ("common/storage/kv_store.cc", [
        ("  options.sync = true;", "  options.sync = false;")]),
    # A shard forgets after a restart which sequence numbers it has.
    "dedup_forgets": ("manager/service/produce_service.cc", [
        ("    if (!attributes.producer || attributes.waits) return;", "    return;")]),
    # A moved produce is confirmed like a plain one, without asking the ledger.
    "moved_is_plain": ("manager/service/produce_service.cc", [
        ("payloads.size(), request_.moved()};", "payloads.size(), false};")]),
    # The ledger makes a second task of a number that has one, at the same or at another shard.
    "second_moved_task": ("center/core/apply_created.cc", [
        ("    if (answer.is_new) {", "    if (answer.is_new || true) {")]),
    # What was stored by an earlier life is not told to the ledger.
    "unreported_after_restart": ("manager/core/created_reporter.cc", [
        ("  created_hi_ = created_hi;\n  if (runs_.empty()) {",
         "  if (created_hi < life_start_) created_hi = life_start_;\n"
         "  created_hi_ = created_hi;\n  if (runs_.empty()) {")]),
    # The collector takes everything for garbage.
    "collect_everything": ("manager/service/garbage_collector.cc", [
        ("      question.live.push_back(offset);", "      (void)offset;")]),
    # A payload is read from the place of its neighbour.
    "wrong_payload": ("manager/service/courier.cc", [
        ("offsets.push_back(task.offset());",
         "offsets.push_back(Offset(task.offset().value() - (task.offset() > Offset(3) ? 1 : 0)));")]),
    # The names of new files are not made durable.
    "no_directory_sync": ("common/storage/durable_env.cc", [
        ("leveldb::Status DurableEnv::sync_directory(const std::string& directory) {",
         "leveldb::Status DurableEnv::sync_directory(const std::string& directory) {\n"
         "  if (!directory.empty()) return leveldb::Status::OK();")]),
}


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def commands_for(build, target):
    """The commands that ninja would run for a target, the last one making it."""
    result = run(["ninja", "-C", str(build), "-t", "commands", target])
    if result.returncode != 0:
        sys.exit(f"plant: {build} knows no target {target}: {result.stderr.strip()}")
    return result.stdout.splitlines()


def plant(name, scratch, build):
    """Builds a baton_sim with the bug in it; returns its path."""
    file, changes = BUGS[name]
    text = (ROOT / file).read_text()
    for old, new in changes:
        if text.count(old) != 1:
            sys.exit(f"plant: {name}: '{old}' is {text.count(old)} times in {file}: bring the bug up to date")
        text = text.replace(old, new)
    source = scratch / (name + ".cc")
    source.write_text(text)
    compile_commands = [line for line in commands_for(build, "baton_sim") if " -c " in line and line.endswith("/" + file)]
    if len(compile_commands) != 1:
        sys.exit(f"plant: {name}: {file} is compiled {len(compile_commands)} times in {build}")
    words = shlex.split(compile_commands[0])
    words[words.index("-c") + 1] = str(source)
    words[words.index("-o") + 1] = str(scratch / (name + ".o"))
    words = [word for word in words if word != "-Werror" and not word.endswith("ccache")]
    made = run(words, cwd=build)
    if made.returncode != 0:
        sys.exit(f"plant: {name} does not compile:\n{made.stderr}")
    # In front of the libraries, so that the linker takes it instead of the archive's own member.
    link = commands_for(build, "baton_sim")[-1]
    link = link.replace("-o bin/baton_sim", f"{scratch / (name + '.o')} -o {scratch / name}")
    made = run(["sh", "-c", link], cwd=build)
    if made.returncode != 0:
        sys.exit(f"plant: {name} does not link:\n{made.stderr}")
    return scratch / name


def search(program, seeds):
    """What the simulation says about the first seed that goes wrong; empty when none does."""
    result = run([str(program), "--seeds", seeds, "--until-violation"])
    if result.returncode < 0:  # a check inside a node is a find as well
        return f"ended by signal {-result.returncode}: {(result.stderr.strip().splitlines() or ['no words'])[-1]}"
    violations = [line for line in result.stdout.splitlines() if line.startswith("seed ")]
    return violations[0] if violations else ""


def main():
    parser = argparse.ArgumentParser(description="plants known bugs and sees whether the simulation finds them")
    parser.add_argument("--build", default="build/release", help="a build directory with baton_sim in it")
    parser.add_argument("--seeds", default="1..150", help="A..B: the seeds that are tried for each bug")
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of " + " ".join(BUGS))
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BUGS:
            parser.error(f"no bug is called {name}")
    missed = 0
    with tempfile.TemporaryDirectory(prefix="baton-planted-") as scratch:
        for name in arguments.names or BUGS:
            program = plant(name, Path(scratch), Path(arguments.build).resolve())
            found = search(program, arguments.seeds)
            missed += not found
            print(f"{name}: {'found: ' + found if found else 'MISSED'}", flush=True)
            program.unlink()
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
