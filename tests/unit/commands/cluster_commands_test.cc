// The commands against a manager that says what the test tells it to.
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "client/commands/output.h"
#include "common/base/wire_options.h"
#include "tests/unit/commands/fake_cluster.h"
#include "tests/unit/commands/printed_text.h"

using namespace baton;
using namespace baton::commands;

namespace {

const std::string kTask = "17592186044417";

v1::Answer found(v1::TaskState state) {
  v1::Answer answer;
  answer.mutable_task()->set_task(FakeCluster::kFirstTask);
  answer.mutable_task()->set_queue("mail");
  answer.mutable_task()->set_state(state);
  return answer;
}

// Dead tasks in pages of at most `page`, `count` in all.
std::function<v1::Answer(const v1::Query&)> dead_tasks(std::uint64_t count, std::uint64_t page) {
  return [=](const v1::Query& query) {
    if (query.has_task_show()) return found(v1::DEAD);
    const std::string& cursor = query.task_list().cursor();
    std::uint64_t next = cursor.empty() ? 0 : std::stoull(cursor);
    v1::Answer answer;
    answer.mutable_tasks();
    for (std::uint64_t i = 0;
         i < std::min<std::uint64_t>(page, query.task_list().limit()) && next < count;
         ++i, ++next) {
      v1::TaskInfo& task = *answer.mutable_tasks()->add_task();
      task.set_task(FakeCluster::kFirstTask + next);
      task.set_state(v1::DEAD);
    }
    if (next < count) answer.mutable_tasks()->set_next(std::to_string(next));
    return answer;
  };
}

}  // namespace

// ---- produce ------------------------------------------------------------------------------------

TEST_CASE("produce sends what the flags ask for") {
  FakeCluster cluster;
  const Ran ran = run_baton(
      {"produce", "-q", "mail", "--priority", "9", "--order-key", "alice", "--delay", "5s"},
      &cluster, "one\ntwo\n");
  CHECK(ran.code == 0);
  CHECK(ran.out == "17592186044417\n17592186044418\n");
  const auto produced = cluster.produced();
  REQUIRE(produced.size() == 1);
  CHECK(produced[0].payload == "onetwo");
  REQUIRE(produced[0].message.options_size() == 1);
  CHECK(produced[0].message.options(0).priority() == 9);
  CHECK(produced[0].message.options(0).order_key() == "alice");
  CHECK(produced[0].message.options(0).delay_ms() == 5000);
}

TEST_CASE("a key is for one task, and a second one keeps both from being made") {
  FakeCluster cluster;
  CHECK(run_baton({"produce", "-q", "pay", "--key", "k"}, &cluster, "one\n").code == 0);
  CHECK(cluster.produced().size() == 1);
  const Ran two = run_baton({"produce", "-q", "pay", "--key", "k"}, &cluster, "one\ntwo\n");
  CHECK(two.code == 2);
  CHECK(has(two.err, "--json-lines"));
  CHECK(run_baton({"produce", "-q", "pay", "--key", "k", "a", "b"}, &cluster).code == 2);
  CHECK(cluster.produced().size() == 1);
}

TEST_CASE("tasks that were there already are told, and counted") {
  FakeCluster cluster;
  cluster.on_produce = [](const v1::Produce&) {
    v1::Produced produced;
    v1::ProducedRun& run = *produced.add_run();
    run.set_count(1);
    run.set_first_task(FakeCluster::kFirstTask);
    run.set_duplicate(true);
    run.set_state(v1::DONE);
    return produced;
  };
  const Ran plain = run_baton({"produce", "-q", "pay", "--key", "k"}, &cluster, "one\n");
  CHECK(plain.code == 0);
  CHECK(plain.out == kTask + "\n");
  CHECK(has(plain.err, "1 of them were there already"));
  const Ran json =
      run_baton({"produce", "-q", "pay", "--key", "k", "-o", "jsonl"}, &cluster, "one\n");
  const Json object = lines(json.out).at(0);
  CHECK(object["duplicate"] == true);
  CHECK(object["state"] == "done");
}

TEST_CASE("a child names the task and token of the command that makes it") {
  FakeCluster cluster;
  ::unsetenv("BATON_TASK_ID");
  ::unsetenv("BATON_TOKEN");
  CHECK(run_baton({"produce", "-q", "mail", "--child"}, &cluster, "x\n").code == 2);
  ::setenv("BATON_TASK_ID", kTask.c_str(), 1);
  ::setenv("BATON_TOKEN", "99", 1);
  CHECK(
      run_baton({"produce", "-q", "mail", "--child", "--with-completion"}, &cluster, "x\n").code ==
      0);
  ::setenv("BATON_TOKEN", "none", 1);
  CHECK(run_baton({"produce", "-q", "mail", "--child"}, &cluster, "x\n").code == 2);
  ::unsetenv("BATON_TASK_ID");
  ::unsetenv("BATON_TOKEN");
  REQUIRE(cluster.produced().size() == 1);
  const v1::TaskOptions options = cluster.produced()[0].message.options(0);
  CHECK(options.parent() == FakeCluster::kFirstTask);
  CHECK(options.parent_token() == 99);
  CHECK(options.with_completion());
}

TEST_CASE("produce --wait prints how each task ended, in input order") {
  FakeCluster cluster;
  cluster.query_payload = "nine\n";
  cluster.on_query = [](const v1::Query& query) {
    v1::Answer answer;
    if (query.has_task_result()) {
      answer.mutable_result()->set_content_type("text/plain");
      return answer;
    }
    const std::uint64_t task = query.task_wait().task();
    answer = found(task == FakeCluster::kFirstTask ? v1::DONE : v1::DEAD);
    answer.mutable_task()->set_has_result(task == FakeCluster::kFirstTask);
    answer.mutable_task()->set_reason("no\tluck");
    return answer;
  };
  const Ran table = run_baton({"produce", "-q", "squares", "--wait", "10s"}, &cluster, "3\n4\n");
  CHECK(table.code == 8);
  CHECK(table.out == "17592186044417\tdone\tnine\n17592186044418\tdead\tno\\tluck\n");
  const Ran json =
      run_baton({"produce", "-q", "squares", "--wait", "10s", "-o", "jsonl"}, &cluster, "3\n");
  CHECK(json.code == 1);  // the third task is dead, too
  CHECK(lines(json.out).at(0)["outcome"] == "dead");
}

TEST_CASE("produce --wait ends when the time is over, with what is known") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) {
    v1::Answer answer;
    answer.set_code(v1::DEADLINE_EXCEEDED);
    return answer;
  };
  const Ran ran = run_baton({"produce", "-q", "squares", "--wait", "0s"}, &cluster, "3\n");
  CHECK(ran.code == 6);
  CHECK(ran.out == "17592186044417\tunfinished\t\n");
}

// ---- acting -------------------------------------------------------------------------------------

TEST_CASE("one task is acted on at once, and the outcome printed") {
  FakeCluster cluster;
  const Ran ran =
      run_baton({"task", "cancel", kTask, "--reason", "not needed", "-o", "jsonl"}, &cluster);
  CHECK(ran.code == 0);
  CHECK(lines(ran.out).at(0)["outcome"] == "cancelled");
  REQUIRE(cluster.acts().size() == 1);
  CHECK(cluster.acts()[0].action() == v1::CANCEL);
  CHECK(cluster.acts()[0].reason() == "not needed");
}

TEST_CASE("each verb is its own action") {
  const std::vector<std::pair<std::vector<std::string>, v1::TaskAction>> verbs = {
      {{"task", "cancel"}, v1::CANCEL},     {{"task", "resume"}, v1::RESUME},
      {{"task", "complete"}, v1::COMPLETE}, {{"task", "kill"}, v1::KILL},
      {{"dead", "redrive"}, v1::REDRIVE},   {{"dead", "purge"}, v1::DISCARD}};
  for (auto [words, action] : verbs) {
    FakeCluster cluster;
    words.push_back(kTask);
    CHECK(run_baton(words, &cluster).code == 0);
    REQUIRE(cluster.acts().size() == 1);
    CHECK(cluster.acts()[0].action() == action);
  }
}

TEST_CASE("more than one task needs a yes, which nobody can give here") {
  FakeCluster cluster;
  const std::vector<std::vector<std::string>> many = {
      {"task", "cancel", kTask, "17592186044418"},
      {"task", "kill", "-"},
      {"dead", "redrive", "-q", "mail"},
      {"dead", "purge", "-q", "mail", "--limit", "1"},
      {"task", "retry", "-"},
      {"queue", "purge", "mail"}};
  for (const auto& words : many) {
    const Ran ran = run_baton(words, &cluster, kTask + "\n");
    CHECK(ran.code == 2);
    CHECK(has(ran.err, "--yes"));
    CHECK(ran.out.empty());
  }
  CHECK(cluster.acts().empty());
  CHECK(cluster.queries().empty());
}

TEST_CASE("ids come from standard input, in pieces, each with an outcome") {
  FakeCluster cluster;
  cluster.on_act = [](const v1::Act& act) {
    v1::Acted acted;
    for (const std::uint64_t task : act.task()) {
      v1::ActedRun& run = *acted.add_run();
      run.set_count(1);
      if (task % 2 == 0) run.set_code(v1::CONFLICT);
      run.set_state(task % 2 == 0 ? v1::DONE : v1::CANCELLED);
    }
    return acted;
  };
  std::string input = "\n";
  for (std::uint64_t i = 0; i < 2500; ++i)
    input += std::to_string(FakeCluster::kFirstTask + i) + "\tand more\n";
  const Ran ran = run_baton({"task", "cancel", "-", "--yes", "-o", "jsonl"}, &cluster, input);
  CHECK(ran.code == 8);
  CHECK(has(ran.err, "1250 cancelled, 1250 refused"));
  const auto rows = lines(ran.out);
  REQUIRE(rows.size() == 2500);
  CHECK(rows[1]["id"] == "17592186044418");
  CHECK(rows[1]["outcome"] == "conflict");
  CHECK(rows[1]["state"] == "done");
  CHECK(cluster.acts().size() == 3);
}

TEST_CASE("when no task could be acted on, the exit code is that of the first refusal") {
  FakeCluster cluster;
  cluster.on_act = [](const v1::Act& act) { return all(act, v1::NOT_FOUND, v1::STATE_NONE); };
  CHECK(run_baton({"task", "cancel", kTask}, &cluster).code == 3);
  cluster.on_act = [](const v1::Act& act) { return all(act, v1::CONFLICT, v1::DONE); };
  CHECK(run_baton({"task", "resume", kTask}, &cluster).code == 4);
}

TEST_CASE("a bad id on standard input ends it, by its line") {
  FakeCluster cluster;
  const Ran ran = run_baton({"task", "cancel", "-", "--yes"}, &cluster, kTask + "\nnonsense\n");
  CHECK(ran.code == 2);
  CHECK(has(ran.err, "line 2"));
  CHECK(cluster.acts().empty());
}

TEST_CASE("a dry run acts on nothing and needs no yes") {
  FakeCluster cluster;
  cluster.on_query = dead_tasks(3, 2);
  const Ran ran = run_baton(
      {"dead", "redrive", "-q", "mail", "--reason", "x", "--dry-run", "-o", "jsonl"}, &cluster);
  CHECK(ran.code == 0);
  CHECK(lines(ran.out).size() == 3);
  CHECK(lines(ran.out).at(0)["outcome"] == "would be redriven");
  CHECK(cluster.acts().empty());
  CHECK(cluster.queries()[0].has_manager_list());  // where payloads may be missing
  CHECK(cluster.queries()[1].task_list().reason_has() == "x");
  CHECK(cluster.queries()[1].task_list().state() == v1::DEAD);
}

TEST_CASE("a dry run says what would become of each task, by its state") {
  struct Case {
    std::vector<std::string> verb;
    v1::TaskState state;
    std::string outcome;
    std::string message;
  };
  const std::vector<Case> cases = {
      {{"task", "cancel"}, v1::READY, "would be cancelled", ""},
      {{"task", "cancel"}, v1::CLAIMED, "would be cancelled", ""},
      {{"task", "cancel"}, v1::DONE, "would be refused", "the task is done"},
      {{"task", "resume"}, v1::HELD, "would be resumed", ""},
      {{"task", "resume"}, v1::READY, "would be refused", "the task is ready"},
      {{"task", "kill"}, v1::CLAIMED, "would be refused", "the task is claimed"},
      {{"task", "kill"}, v1::DELAYED, "would be killed", ""},
      {{"dead", "redrive"}, v1::DEAD, "would be redriven", ""},
      {{"dead", "purge"}, v1::READY, "would be refused", "the task is ready"}};
  for (const Case& one : cases) {
    FakeCluster cluster;
    cluster.on_query = [&one](const v1::Query& query) {
      v1::Answer answer;
      answer.mutable_task()->set_task(query.task_show().task());
      answer.mutable_task()->set_state(one.state);
      return answer;
    };
    std::vector<std::string> words = one.verb;
    words.insert(words.end(), {kTask, "17592186044418", "--dry-run", "-o", "jsonl"});
    const Ran ran = run_baton(words, &cluster);
    INFO(one.verb[1] << " of a task in state " << v1::TaskState_Name(one.state) << ": " << ran.err);
    const auto rows = lines(ran.out);
    REQUIRE(rows.size() == 2);
    for (const Json& row : rows) {
      CHECK(row["outcome"] == one.outcome);
      CHECK(row["message"] == (one.message.empty() ? Json() : Json(one.message)));
      CHECK(row["state"] != Json());
    }
    CHECK(rows[0]["id"] == kTask);
    CHECK(ran.code == (one.outcome == "would be refused" ? 4 : 0));
    CHECK(cluster.acts().empty());
  }
}

TEST_CASE("the result of a task that is dead all the same is not asked for") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) {
    v1::Answer answer = found(v1::DEAD);
    answer.mutable_task()->set_has_result(true);
    answer.mutable_task()->set_reason("one of its children failed");
    return answer;
  };
  const Ran waited = run_baton({"task", "wait", kTask}, &cluster);
  CHECK(waited.code == 1);
  CHECK(waited.out == kTask + "\tdead\tone of its children failed\n");
  const Ran shown = run_baton({"task", "show", kTask, "-o", "json"}, &cluster);
  CHECK(shown.code == 0);
  CHECK_FALSE(Json::parse(shown.out).contains("result_error"));
  for (const v1::Query& query : cluster.queries()) CHECK_FALSE(query.has_task_result());
}

TEST_CASE("a wait ends when nothing more becomes of the task") {
  for (const v1::TaskState state : {v1::CANCELLED, v1::QUARANTINED, v1::VOID}) {
    FakeCluster cluster;
    cluster.on_query = [state](const v1::Query&) { return found(state); };
    INFO(v1::TaskState_Name(state));
    CHECK(run_baton({"task", "wait", kTask}, &cluster).code == 1);
    CHECK(run_baton({"produce", "-q", "mail", "--wait", "10s"}, &cluster, "x\n").code == 1);
  }
}

TEST_CASE("a redrive by filter goes through all pages, up to its limit") {
  FakeCluster cluster;
  cluster.on_query = dead_tasks(2500, 1000);
  cluster.on_act = [](const v1::Act& act) { return all(act, v1::OK, v1::READY); };
  const Ran ran = run_baton({"dead", "redrive", "-q", "mail", "--yes", "-o", "jsonl"}, &cluster);
  CHECK(ran.code == 0);
  CHECK(lines(ran.out).size() == 2500);
  const Ran some = run_baton(
      {"dead", "redrive", "-q", "mail", "--yes", "--limit", "1200", "-o", "jsonl"}, &cluster);
  CHECK(lines(some.out).size() == 1200);
}

TEST_CASE("a rate is kept") {
  FakeCluster cluster;
  cluster.on_query = dead_tasks(12, 1000);
  AsioLoop clock;
  const MonoTime before = clock.now();
  CHECK(run_baton({"dead", "redrive", "-q", "mail", "--yes", "--rate", "20"}, &cluster).code == 0);
  CHECK(clock.now() - before >= std::chrono::milliseconds(500));  // 12 tasks: the last after 0.6 s
  CHECK(cluster.acts().size() == 6);                              // small pieces, evenly
}

TEST_CASE("a queue without dead tasks is no failure") {
  FakeCluster cluster;
  cluster.on_query = dead_tasks(0, 1000);
  const Ran ran = run_baton({"dead", "redrive", "-q", "mail", "--yes"}, &cluster);
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "no task"));
}

TEST_CASE("a retry copies into the queue where the task was, or into another") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) { return found(v1::DONE); };
  const Ran ran = run_baton({"task", "retry", kTask, "--priority", "8", "-o", "jsonl"}, &cluster);
  CHECK(ran.code == 0);
  CHECK(lines(ran.out).at(0)["retry_of"] == kTask);
  CHECK(run_baton({"task", "retry", kTask, "-q", "slow"}, &cluster).code == 0);
  const auto produced = cluster.produced();
  REQUIRE(produced.size() == 2);
  CHECK(produced[0].message.queue() == "mail");
  CHECK(produced[0].message.length(0) == 0);
  CHECK(produced[0].message.options(0).retry_of() == FakeCluster::kFirstTask);
  CHECK(produced[0].message.options(0).priority() == 8);
  CHECK(produced[1].message.queue() == "slow");
  CHECK(cluster.queries().size() == 1);
}

TEST_CASE("a task of which nothing is kept cannot be retried") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) {
    v1::Answer answer = found(v1::DONE);
    answer.mutable_task()->clear_queue();
    return answer;
  };
  CHECK(run_baton({"task", "retry", kTask}, &cluster).code == 3);
  CHECK(cluster.produced().empty());
}

// ---- looking ------------------------------------------------------------------------------------

TEST_CASE("task show prints what most tasks have not only when there is some") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) { return found(v1::READY); };
  CHECK_FALSE(has(run_baton({"task", "show", kTask}, &cluster).out, "order_key"));
  cluster.on_query = [](const v1::Query&) {
    v1::Answer answer = found(v1::BLOCKED);
    v1::TaskInfo& task = *answer.mutable_task();
    task.set_order_key("alice");
    task.set_parent(FakeCluster::kFirstTask + 5);
    task.set_blocked_on(2);
    task.set_percent(40);
    task.set_progress("page 4");
    return answer;
  };
  const Json json = Json::parse(run_baton({"task", "show", kTask, "-o", "json"}, &cluster).out);
  CHECK(json["state"] == "blocked");
  CHECK(json["order_key"] == "alice");
  CHECK(json["parent"] == "17592186044422");
  CHECK(json["blocked_on"] == 2);
  CHECK(json["progress"] == "page 4");
}

TEST_CASE("task explain is a sentence, and for programs a word") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) {
    v1::Answer answer;
    answer.mutable_explanation()->mutable_task()->set_state(v1::BLOCKED);
    answer.mutable_explanation()->set_sentence("it runs after a task that has not finished");
    answer.mutable_explanation()->set_because(v1::EXPLAIN_AFTER);
    answer.mutable_explanation()->set_other(FakeCluster::kFirstTask + 1);
    return answer;
  };
  CHECK(run_baton({"task", "explain", kTask}, &cluster).out ==
        "it runs after a task that has not finished\n");
  const Json json = Json::parse(run_baton({"task", "explain", kTask, "-o", "json"}, &cluster).out);
  CHECK(json["because"] == "after");
  CHECK(json["other"] == "17592186044418");
}

TEST_CASE("task payload prints the bytes as they are") {
  FakeCluster cluster;
  cluster.query_payload = std::string("a\0b", 3);
  cluster.on_query = [](const v1::Query&) { return v1::Answer(); };
  CHECK(run_baton({"task", "payload", kTask}, &cluster).out == std::string("a\0b", 3));
}

TEST_CASE("task wait ends as its tasks did") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) { return found(v1::DONE); };
  CHECK(run_baton({"task", "wait", kTask}, &cluster).code == 0);
  CHECK(run_baton({"task", "wait", "-"}, &cluster, kTask + "\n17592186044418\n").code == 0);
  cluster.on_query = [](const v1::Query&) { return found(v1::CANCELLED); };
  const Ran cancelled = run_baton({"task", "wait", kTask}, &cluster);
  CHECK(cancelled.code == 1);
  CHECK(cancelled.out == kTask + "\tcancelled\t\n");
  cluster.on_query = [](const v1::Query&) {
    v1::Answer answer;
    answer.set_code(v1::DEADLINE_EXCEEDED);
    return answer;
  };
  CHECK(run_baton({"task", "wait", kTask, "--timeout", "1s"}, &cluster).code == 6);
}

TEST_CASE("a list says that there is more, and --all asks for it in pages") {
  FakeCluster cluster;
  cluster.on_query = dead_tasks(2500, 1000);
  const Ran some = run_baton({"dead", "ls", "-q", "mail", "-o", "jsonl"}, &cluster);
  CHECK(lines(some.out).size() == 1000);
  CHECK(has(some.err, "--all"));
  const Ran all_of_them = run_baton({"dead", "ls", "-q", "mail", "--all", "-o", "jsonl"}, &cluster);
  CHECK(lines(all_of_them.out).size() == 2500);
  CHECK(all_of_them.err.empty());
  for (const v1::Query& query : cluster.queries()) CHECK(query.task_list().limit() <= 1000);
}

TEST_CASE("a page that is too large is asked for in smaller ones") {
  FakeCluster cluster;
  cluster.on_query = [pages = dead_tasks(600, 1000)](const v1::Query& query) {
    if (query.task_list().limit() <= 100) return pages(query);
    v1::Answer answer;
    answer.set_code(v1::TOO_LARGE);
    return answer;
  };
  CHECK(lines(run_baton({"dead", "ls", "-q", "mail", "-o", "jsonl"}, &cluster).out).size() == 600);
  const Ran redriven =
      run_baton({"dead", "redrive", "-q", "mail", "--yes", "-o", "jsonl"}, &cluster);
  CHECK(redriven.code == 0);
  CHECK(lines(redriven.out).size() == 600);
}

TEST_CASE("a list is filtered by the cluster") {
  FakeCluster cluster;
  cluster.on_query = dead_tasks(0, 1000);
  CHECK(run_baton(
            {"task", "ls", "-q", "mail", "--state", "claimed", "--reason", "r", "--min-attempts",
             "3", "--order-key", "o", "--fair-key", "f", "--older-than", "1h"},
            &cluster)
            .code == 0);
  const v1::TaskList list = cluster.queries().at(0).task_list();
  CHECK(list.state() == v1::CLAIMED);
  CHECK(list.reason_has() == "r");
  CHECK(list.attempts_min() == 3);
  CHECK(list.order_key() == "o");
  CHECK(list.fair_key() == "f");
  const std::int64_t now = AsioLoop().wall_now().ms;
  CHECK(now - list.created_before_wall_ms() >= 3'600'000);
  CHECK(now - list.created_before_wall_ms() < 3'700'000);
}

TEST_CASE("dead show is about dead tasks") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) { return found(v1::DEAD); };
  CHECK(run_baton({"dead", "show", kTask}, &cluster).code == 0);
  cluster.on_query = [](const v1::Query&) { return found(v1::DONE); };
  const Ran ran = run_baton({"dead", "show", kTask}, &cluster);
  CHECK(ran.code == 3);
  CHECK(has(ran.err, "is not dead but done"));
}

// ---- queues -------------------------------------------------------------------------------------

TEST_CASE("queue set sends what is named, and says what was set") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) { return v1::Answer(); };
  const Ran ran =
      run_baton({"queue", "set", "mail", "--max-attempts", "3", "--backoff", "10s..1h"}, &cluster);
  CHECK(ran.code == 0);
  CHECK(ran.out.empty());
  CHECK(has(ran.err, "queue mail: max_attempts is 3"));
  QueueChange want;
  want.max_attempts = 3;
  want.backoff_min = std::chrono::seconds(10);
  want.backoff_max = std::chrono::hours(1);
  const v1::QueueSet set = cluster.queries().at(0).queue_set();
  CHECK(set.queue() == "mail");
  CHECK(queue_change_from_wire(set.settings()) == want);
}

TEST_CASE("a queue is paused for good or until a time, and resumed") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) { return v1::Answer(); };
  CHECK(run_baton({"queue", "pause", "mail"}, &cluster).code == 0);
  CHECK(run_baton({"queue", "pause", "mail", "--until", "+30m"}, &cluster).code == 0);
  CHECK(run_baton({"queue", "resume", "mail"}, &cluster).code == 0);
  auto queries = cluster.queries();
  std::erase_if(queries, [](const v1::Query& query) { return !query.has_queue_set(); });
  REQUIRE(queries.size() == 3);
  CHECK(queries[0].queue_set().settings().paused());
  CHECK(queries[0].queue_set().settings().has_paused_until_wall_ms());
  CHECK(queries[0].queue_set().settings().paused_until_wall_ms() == 0);
  const std::int64_t left =
      queries[1].queue_set().settings().paused_until_wall_ms() - AsioLoop().wall_now().ms;
  CHECK(left > 1'700'000);
  CHECK(left <= 1'800'000);
  CHECK_FALSE(queries[2].queue_set().settings().paused());
}

TEST_CASE("queue show has figures and settings") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) {
    v1::Answer answer;
    answer.mutable_queue()->mutable_info()->set_name("mail");
    answer.mutable_queue()->mutable_info()->set_ready(5);
    answer.mutable_queue()->mutable_settings()->set_lease_ms(60'000);
    return answer;
  };
  const Ran table = run_baton({"queue", "show", "mail"}, &cluster);
  CHECK(has(table.out, "ready"));
  CHECK(has(table.out, "1m\n"));
  const Json json = Json::parse(run_baton({"queue", "show", "mail", "-o", "json"}, &cluster).out);
  CHECK(json["ready"] == 5);
  CHECK(json["settings"]["lease_ms"] == 60'000);
}

TEST_CASE("queue purge counts first when it is asked to") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query& query) {
    v1::Answer answer;
    if (query.has_queue_purge()) {
      answer.mutable_purge()->set_tasks(9);
    } else {
      answer.mutable_queue()->mutable_info()->set_ready(5);
      answer.mutable_queue()->mutable_info()->set_delayed(2);
      answer.mutable_queue()->mutable_info()->set_blocked(1);
      answer.mutable_queue()->mutable_info()->set_claimed(100);
    }
    return answer;
  };
  const Ran dry = run_baton({"queue", "purge", "mail", "--dry-run", "-o", "json"}, &cluster);
  CHECK(Json::parse(dry.out)["would_be_cancelled"] == 8);
  const Ran done = run_baton({"queue", "purge", "mail", "--yes", "-o", "json"}, &cluster);
  CHECK(Json::parse(done.out)["cancelled"] == 9);
}

// ---- consume ------------------------------------------------------------------------------------

namespace {

v1::Delivery& add_task(FakeCluster& cluster, std::uint64_t token, const std::string& payload,
                       const std::string& checkpoint = "") {
  v1::Delivery& delivery = *cluster.tasks.add_delivery();
  delivery.set_number(token);
  delivery.set_line(1);
  delivery.set_task(FakeCluster::kFirstTask + token);
  delivery.set_token(token);
  delivery.set_attempt(2);
  delivery.set_lease_ms(30'000);
  delivery.set_length(static_cast<std::uint32_t>(payload.size()));
  delivery.set_checkpoint_length(static_cast<std::uint32_t>(checkpoint.size()));
  cluster.task_bytes += payload + checkpoint;
  return delivery;
}

}  // namespace

TEST_CASE("what comes of several queues says which, and its command is told") {
  FakeCluster cluster;
  add_task(cluster, 1, "first").set_line(2);
  add_task(cluster, 2, "second").set_line(1);
  const Ran ran = run_baton({"consume", "-q", "mail", "-q", "bulk", "-n", "2", "-o", "jsonl",
                             "--exec", "printf $BATON_QUEUE"},
                            &cluster);
  CHECK(ran.code == 0);
  std::map<std::string, std::string> told;
  for (const Json& row : lines(ran.out)) {
    told[row["payload"]] = row["queue"];
    CHECK(row["result"] == row["queue"]);
  }
  CHECK(told == std::map<std::string, std::string>{{"first", "bulk"}, {"second", "mail"}});
}

TEST_CASE("a command knows its task, and finds the checkpoint of the attempt before") {
  FakeCluster cluster;
  add_task(cluster, 1, "input", "at page 4").mutable_options()->set_type("letter");
  const Ran ran = run_baton(
      {"consume", "-q", "mail", "-n", "1", "--result-type", "text/plain", "--exec",
       "printf '%s ' $BATON_TASK_ID $BATON_TOKEN $BATON_ATTEMPT $BATON_QUEUE $BATON_TASK_TYPE "
       "$BATON_MANAGER; cat - $BATON_CHECKPOINT_FILE"},
      &cluster);
  CHECK(ran.code == 0);
  CHECK(ran.out == "17592186044418\tdone\t17592186044418 1 2 mail letter " + cluster.address() +
                       " inputat page 4\n");
  const auto operations = cluster.operations();
  REQUIRE(operations.size() == 1);
  CHECK(operations[0].operation.kind() == v1::ACK);
  CHECK(operations[0].operation.content_type() == "text/plain");
}

TEST_CASE("a command finds the progress of the attempt before, which is not saved again as it is") {
  const auto operations_of = [](const std::string& command) {
    FakeCluster cluster;
    v1::Delivery& task = add_task(cluster, 1, "");
    task.set_percent(40);
    task.set_progress("page 4");
    const Ran ran = run_baton({"consume", "-q", "mail", "-n", "1", "--exec", command}, &cluster);
    CHECK(has(ran.out, "\tnacked\t"));
    return cluster.operations();
  };
  // Both looks, the one after a second and the one at the end, find it unchanged.
  const auto left = operations_of(
      "sleep 1.5; test \"$(cat $BATON_PROGRESS_FILE)\" = '40 page 4'; "
      "exit $(($? + 3))");
  REQUIRE(left.size() == 1);
  CHECK(left[0].operation.kind() == v1::NACK);
  CHECK(left[0].bytes == "exit code 3");
  const auto changed = operations_of("echo 41 page 5 > $BATON_PROGRESS_FILE; exit 3");
  REQUIRE(changed.size() == 2);
  CHECK(changed[0].operation.kind() == v1::SAVE);
  CHECK(changed[0].operation.percent() == 41);
  CHECK(changed[0].operation.progress() == "page 5");
}

TEST_CASE("what a failing command wrote down is saved before its nack") {
  FakeCluster cluster;
  add_task(cluster, 1, "");
  const Ran ran = run_baton({"consume", "-q", "mail", "-n", "1", "--exec",
                             "echo 'page 5' > $BATON_CHECKPOINT_FILE; "
                             "echo '50 half' > $BATON_PROGRESS_FILE; exit 3"},
                            &cluster);
  CHECK(has(ran.out, "\tnacked\t"));
  const auto operations = cluster.operations();
  REQUIRE(operations.size() == 2);
  CHECK(operations[0].operation.kind() == v1::SAVE);
  CHECK(operations[0].operation.checkpoint());
  CHECK(operations[0].operation.percent() == 50);
  CHECK(operations[0].operation.progress() == "half");
  CHECK(operations[0].bytes == "page 5\n");
  CHECK(operations[1].operation.kind() == v1::NACK);
  CHECK(operations[1].bytes == "exit code 3");
}

namespace {

// The one operation of a command that ran this, and what was said about it.
FakeCluster::Operated nack_of(const std::string& command, std::string& said,
                              const std::vector<std::string>& flags = {}) {
  FakeCluster cluster;
  add_task(cluster, 1, "");
  std::vector<std::string> words{"consume", "-q", "mail", "-n", "1", "--exec", command};
  words.insert(words.end(), flags.begin(), flags.end());
  const Ran ran = run_baton(words, &cluster);
  said = ran.err;
  CHECK(ran.code == 0);
  CHECK(has(ran.out, "\tnacked\t"));
  const auto operations = cluster.operations();
  REQUIRE(operations.size() == 1);
  CHECK(operations[0].operation.kind() == v1::NACK);
  return operations[0];
}

}  // namespace

TEST_CASE("a failing command says why it failed, and when to try again") {
  std::string said;
  const auto nack = nack_of(
      "echo reason the server is away > $BATON_NACK_FILE; echo delay 90s >> $BATON_NACK_FILE; exit "
      "3",
      said);
  CHECK(nack.bytes == "the server is away");
  CHECK(nack.operation.delay_ms() == 90'000);
  CHECK_FALSE(nack.operation.dead());
  CHECK(has(said, "exit code 3: the server is away; again in 1m30s"));
}

TEST_CASE("a failing command says that its task is dead, and nonsense beside it does no harm") {
  std::string said;
  const auto nack = nack_of("printf 'dead\nnever again\n' > $BATON_NACK_FILE; exit 3", said);
  CHECK(nack.bytes == "exit code 3");
  CHECK(nack.operation.dead());
  CHECK_FALSE(nack.operation.has_delay_ms());
  CHECK(has(said, "exit code 3; it is dead"));
  CHECK(has(said, "BATON_NACK_FILE: 'never again' is none of: reason TEXT, delay DURATION, dead"));
}

TEST_CASE("exit codes of --dead-on make a task dead, and go before a delay of the file") {
  std::string said;
  auto nack = nack_of("exit 65", said, {"--dead-on", "64,65"});
  CHECK(nack.operation.dead());
  CHECK(nack.bytes == "exit code 65");
  CHECK(has(said, "exit code 65; it is dead"));
  nack = nack_of("exit 66", said, {"--dead-on", "64,65"});
  CHECK_FALSE(nack.operation.dead());
  nack = nack_of("echo delay 5s > $BATON_NACK_FILE; exit 64", said, {"--dead-on", "64,65"});
  CHECK(nack.operation.dead());
  CHECK_FALSE(nack.operation.has_delay_ms());
}

TEST_CASE("what a signal killed is nacked as always, whatever it wrote before") {
  std::string said;
  const auto nack =
      nack_of("echo dead > $BATON_NACK_FILE; kill -KILL $$", said, {"--dead-on", "137,9"});
  CHECK(nack.bytes == "killed by signal 9");
  CHECK_FALSE(nack.operation.dead());
}

TEST_CASE("progress is saved while the command runs") {
  FakeCluster cluster;
  add_task(cluster, 1, "");
  const Ran ran = run_baton({"consume", "-q", "mail", "-n", "1", "--exec",
                             "echo '50 half' > $BATON_PROGRESS_FILE; sleep 2; exit 0"},
                            &cluster);
  CHECK(ran.code == 0);
  const auto operations = cluster.operations();
  REQUIRE(operations.size() == 2);
  CHECK(operations[0].operation.kind() == v1::SAVE);
  CHECK(operations[1].operation.kind() == v1::ACK);
}

TEST_CASE("a cancelled task ends its command's group, and is no failure of the consumer") {
  FakeCluster cluster;
  add_task(cluster, 1, "");
  v1::LostClaim& claim = *cluster.lost.add_claim();
  claim.set_token(1);
  claim.set_cause(v1::LOST_CANCELLED);
  const Ran ran =
      run_baton({"consume", "-q", "mail", "-n", "1", "--exec", "sleep 60 & sleep 60"}, &cluster);
  CHECK(ran.code == 0);
  CHECK(ran.out == "17592186044418\tcancelled\t\n");
  CHECK(has(ran.err, "task 17592186044418: cancelled: an operator cancelled the task\n"));
  CHECK_FALSE(has(ran.err, "superseded"));
}

TEST_CASE("why a claim was lost is said in words") {
  const std::vector<std::pair<v1::LostCause, std::string>> causes = {
      {v1::LOST_TIMEOUT, "superseded: the time of the task is over\n"},
      {v1::LOST_DECIDED, "superseded: an operator or its parent ended the task\n"},
      {v1::LOST_LEASE,
       "superseded: its lease is over: not renewed in time, or the attempt took too long\n"},
      {v1::LOST_NONE, "superseded: the claim was lost, `baton task history` tells how\n"}};
  for (const auto& [cause, words] : causes) {
    FakeCluster cluster;
    add_task(cluster, 1, "");
    v1::LostClaim& claim = *cluster.lost.add_claim();
    claim.set_token(1);
    claim.set_cause(cause);
    const Ran ran = run_baton({"consume", "-q", "mail", "-n", "1", "--exec", "sleep 60"}, &cluster);
    CHECK(ran.code == 4);
    INFO(ran.err);
    CHECK(has(ran.err, words));
  }
}

TEST_CASE("a lease that was lost is exit code 4") {
  FakeCluster cluster;
  add_task(cluster, 1, "");
  v1::LostClaim& claim = *cluster.lost.add_claim();
  claim.set_token(1);
  claim.set_cause(v1::LOST_LEASE);
  const Ran ran = run_baton({"consume", "-q", "mail", "-n", "1", "--exec", "sleep 60"}, &cluster);
  CHECK(ran.code == 4);
  CHECK(ran.out == "17592186044418\tsuperseded\t\n");
}

TEST_CASE("JSON of a consumed task has what it asked for, when it asked for something") {
  FakeCluster cluster;
  add_task(cluster, 1, "plain");
  v1::Delivery& second = add_task(cluster, 2, "special");
  second.set_expiries(3);
  second.mutable_options()->set_priority(9);
  second.mutable_options()->set_type("letter");
  second.mutable_options()->set_order_key("alice");
  second.mutable_options()->set_key("\xff");
  const Ran ran = run_baton({"consume", "-q", "mail", "-n", "2", "-o", "jsonl"}, &cluster);
  CHECK(ran.code == 0);
  const auto tasks = lines(ran.out);
  REQUIRE(tasks.size() == 2);
  CHECK_FALSE(tasks[0].contains("priority"));
  CHECK_FALSE(tasks[0].contains("expiries"));
  CHECK(tasks[1]["priority"] == 9);
  CHECK(tasks[1]["type"] == "letter");
  CHECK(tasks[1]["order_key"] == "alice");
  CHECK(tasks[1]["key_base64"] == "/w==");
  CHECK(tasks[1]["expiries"] == 3);
}

// ---- usage --------------------------------------------------------------------------------------

TEST_CASE("wrong usage is exit code 2, says why, and asks nobody") {
  FakeCluster cluster;
  const std::vector<std::vector<std::string>> wrong = {
      {"produce", "-q", "mail", "--priority", "11"},
      {"produce", "-q", "mail", "--delay", "5s", "--at", "+5s"},
      {"produce", "-q", "mail", "--parent", kTask},
      {"produce", "-q", "mail", "--token", "5"},
      {"produce", "-q", "mail", "--with-completion"},
      {"produce", "-q", "mail", "--child", "--parent", kTask, "--token", "5"},
      {"produce", "-q", "mail", "--json-lines", "--file-per-task"},
      {"produce", "-q", "mail", "--wait", "soon"},
      {"produce", "-q", "mail", "--prioritty", "5"},
      {"consume", "-q", "mail", "--lease", "1s"},
      {"consume", "-q", "mail", "--lease", "13h"},
      {"consume", "-q", "mail", "--result-type", "text/plain"},
      {"task", "cancel"},
      {"task", "cancel", "5"},
      {"task", "cancel", kTask, "--reason", std::string(1025, 'x')},
      {"task", "cancel", kTask, "--dry-run", "--yes"},
      {"task", "cancle", kTask},
      {"task", "show", kTask, kTask},
      {"task", "wait"},
      {"task", "retry", kTask, "--priority", "0"},
      {"task", "retry", kTask, "--with-completion"},
      {"task", "retry", kTask, "17592186044418", "--key", "k", "--yes"},
      {"task", "ls"},
      {"task", "ls", "-q", "mail", "--state", "redy"},
      {"task", "ls", "-q", "mail", "--limit", "0"},
      {"task", "ls", "-q", "mail", "--limit", "5", "--all"},
      {"task", "ls", "-q", "mail", "--min-attempts", "0"},
      {"task", "ls", "-q", "mail", "--older-than", "long"},
      {"dead", "redrive"},
      {"dead", "redrive", kTask, "-q", "mail"},
      {"dead", "redrive", kTask, "--reason", "x"},
      {"dead", "redrive", "-q", "mail", "--rate", "0", "--yes"},
      {"dead", "redrive", "-q", "mail", "--rate", "fast", "--yes"},
      {"dead", "purge", "-q", "no spaces", "--yes"},
      {"queue", "set", "mail"},
      {"queue", "set", "--lease", "1m"},
      {"queue", "set", "mail", "--lease", "1s"},
      {"queue", "set", "mail", "--max-attempts", "0"},
      {"queue", "set", "mail", "--backoff", "1h..10s"},
      {"queue", "set", "mail", "--key-window", "5s"},
      {"queue", "set", "mail", "--weight", "101"},
      {"queue", "pause", "mail", "--until", "later"},
      {"queue", "pause", "mail", "--until", "2020-01-01T00:00:00Z"},
      {"queue", "set", "mail", "--backoff", "1s..2s", "--backoff-max", "2s"},
      {"dead", "ls", "-q", "mail", "--order-key", "\xff"},
      {"produce", "-q", "mail", "--order-key", "\xff"},
      {"queue", "pause", "no spaces"},
      {"queue", "show"}};
  for (const auto& words : wrong) {
    std::string line;
    for (const std::string& word : words) line += " " + word.substr(0, 40);
    INFO("baton" << line);
    const Ran ran = run_baton(words, &cluster, "x\n");
    CHECK(ran.code == 2);
    CHECK(has(ran.err, "error: "));
    CHECK(ran.out.empty());
  }
  CHECK(cluster.produced().empty());
  CHECK(cluster.acts().empty());
  CHECK(cluster.queries().empty());
}

TEST_CASE("a flag that is nearly one is named, and so is a verb") {
  CHECK(has(run_baton({"produce", "-q", "mail", "--prioritty", "5"}).err,
            "did you mean '--priority'"));
  CHECK(has(run_baton({"queue", "set", "mail", "--max-attemps=5"}).err,
            "did you mean '--max-attempts'"));
  CHECK(has(run_baton({"task", "cancle", kTask}).err, "did you mean 'cancel'"));
  CHECK_FALSE(has(run_baton({"produce", "-q", "mail", "--nothing-like-it"}).err, "did you mean"));
  // What is missing was only mistyped.
  CHECK(has(run_baton({"consume", "--quue", "mail"}).err,
            "'--quue' is no flag of this command; did you mean '--queue'"));
  CHECK(has(run_baton({"task", "ls", "--nothing-like-it", "--quue", "mail"}).err,
            "did you mean '--queue'"));
  // Neither what may stand before the verb nor what a command takes is unknown.
  CHECK_FALSE(has(run_baton({"--verbose", "fsck"}).err, "no flag"));
  CHECK_FALSE(has(run_baton({"fence", "--", "ship", "--fast"}).err, "no flag"));
}

TEST_CASE("every verb has help with examples") {
  const std::vector<std::vector<std::string>> verbs = {
      {"produce"},         {"consume"},         {"task", "show"},     {"task", "ls"},
      {"task", "cancel"},  {"task", "resume"},  {"task", "complete"}, {"task", "kill"},
      {"task", "retry"},   {"task", "wait"},    {"task", "result"},   {"task", "payload"},
      {"task", "explain"}, {"queue", "ls"},     {"queue", "show"},    {"queue", "set"},
      {"queue", "pause"},  {"queue", "resume"}, {"queue", "purge"},   {"dead", "ls"},
      {"dead", "show"},    {"dead", "redrive"}, {"dead", "purge"}};
  for (auto words : verbs) {
    std::string line = "  baton";
    for (const std::string& word : words) line += " " + word;
    words.emplace_back("--help");
    const Ran ran = run_baton(words);
    CHECK(ran.code == 0);
    INFO(line);
    CHECK(has(ran.out, line));
  }
}
