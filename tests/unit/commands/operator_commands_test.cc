// What operators do, against a manager that says what the test tells it to: what a dry run foresees,
// names that are unknown, dead tasks and their attempts, lists over all states.
#include <catch2/catch.hpp>

#include "client/client.h"
#include "client/commands/dead_show.h"
#include "client/commands/output.h"
#include "common/base/wire_options.h"
#include "tests/unit/commands/fake_cluster.h"
#include "tests/unit/commands/printed_text.h"

namespace baton::commands {
namespace {

using namespace std::chrono_literals;

const std::string kTask = "17592186044417";
constexpr std::uint64_t kOther = FakeCluster::kFirstTask + 1;

v1::Answer error(v1::ErrorCode code, const std::string& message) {
  v1::Answer answer;
  answer.set_code(code);
  answer.set_message(message);
  return answer;
}

v1::Answer no_queue() { return error(v1::NOT_FOUND, "no queue 'typo'"); }

v1::TaskInfo task_of(std::uint64_t id, v1::TaskState state) {
  v1::TaskInfo task;
  task.set_task(id);
  task.set_queue("mail");
  task.set_state(state);
  return task;
}

v1::Answer answer_with(const v1::TaskInfo& task) {
  v1::Answer answer;
  *answer.mutable_task() = task;
  return answer;
}

// ---- what a dry run foresees ------------------------------------------------------------------

// A task of which the cluster knows this, and why it is where it is.
struct Known {
  v1::TaskInfo task;
  v1::ExplainCode because = v1::EXPLAIN_NONE;
  v1::TaskInfo other;     // that it waits for, or its parent
  bool replaced = false;  // its manager's store was
  v1::ErrorCode payload_code = v1::OK;
};

v1::Answer answer_of(const Known& known, const v1::Query& query) {
  v1::Answer answer;
  if (query.has_task_show()) {
    const bool other = query.task_show().task() == known.other.task();
    return answer_with(other ? known.other : known.task);
  }
  if (query.has_task_explain()) {
    *answer.mutable_explanation()->mutable_task() = known.task;
    answer.mutable_explanation()->set_because(known.because);
    answer.mutable_explanation()->set_other(known.other.task());
  } else if (query.has_manager_list()) {
    v1::ManagerInfo& manager = *answer.mutable_managers()->add_manager();
    manager.add_shard(1);
    manager.set_sealed(known.replaced);
  } else if (query.has_task_payload()) {
    return known.payload_code == v1::OK ? answer_with(known.task) : error(known.payload_code, "");
  }
  return answer;
}

// The one row of a dry run, and its exit code.
struct DryRun {
  Json row;
  int code = -1;
};

DryRun dry_run(const std::string& noun, const std::string& verb, const Known& known) {
  FakeCluster cluster;
  cluster.on_query = [&](const v1::Query& query) { return answer_of(known, query); };
  const Ran ran = run_baton({noun, verb, kTask, "--dry-run", "-o", "jsonl"}, &cluster);
  INFO(ran.err);
  CHECK(cluster.acts().empty());
  const auto rows = lines(ran.out);
  REQUIRE(rows.size() == 1);
  return {rows[0], ran.code};
}

void check_would(const DryRun& run, const std::string& done, const std::string& only_if = "") {
  CHECK(run.row["outcome"] == "would be " + done);
  CHECK(run.row["message"] == (only_if.empty() ? Json() : Json("if " + only_if)));
  CHECK(run.code == 0);
}

void check_refused(const DryRun& run, const std::string& why, int code = 4) {
  CHECK(run.row["outcome"] == "would be refused");
  CHECK(has(run.row["message"].get<std::string>(), why));
  CHECK(run.code == code);
}

Known blocked(v1::ExplainCode because, std::uint32_t blocked_on,
              v1::TaskState other = v1::STATE_NONE) {
  Known known;
  known.task = task_of(FakeCluster::kFirstTask, v1::BLOCKED);
  known.task.set_blocked_on(blocked_on);
  known.because = because;
  if (other != v1::STATE_NONE) known.other = task_of(kOther, other);
  return known;
}

TEST_CASE("a dry run of complete tells a parent that waits from a task that runs after others") {
  const std::string why = "not waiting for its children";
  check_would(dry_run("task", "complete", blocked(v1::EXPLAIN_CHILDREN, 0)), "completed");
  check_would(dry_run("task", "complete", blocked(v1::EXPLAIN_DECISION, 0)), "completed");
  check_refused(dry_run("task", "complete", blocked(v1::EXPLAIN_AFTER, 1, v1::READY)), why);
  check_refused(dry_run("task", "complete", blocked(v1::EXPLAIN_DECISION, 1, v1::DEAD)), why);
  check_refused(dry_run("task", "complete", blocked(v1::EXPLAIN_ORDER_KEY, 0, v1::CLAIMED)), why);
  check_refused(dry_run("task", "complete", blocked(v1::EXPLAIN_DEADLOCK, 1, v1::BLOCKED)), why);
  check_would(dry_run("task", "complete", blocked(v1::EXPLAIN_DEADLOCK, 0)), "completed",
              "it waits for its children");
}

TEST_CASE("a dry run of resume tells whether one has failed of those that a task waits for") {
  const std::string why = "not by one that failed";
  check_would(dry_run("task", "resume", blocked(v1::EXPLAIN_DECISION, 1, v1::DEAD)), "resumed");
  check_would(dry_run("task", "resume", blocked(v1::EXPLAIN_DECISION, 0)), "resumed");
  check_would(dry_run("task", "resume", blocked(v1::EXPLAIN_AFTER, 2, v1::CANCELLED)), "resumed");
  check_refused(dry_run("task", "resume", blocked(v1::EXPLAIN_AFTER, 2, v1::READY)), why);
  check_refused(dry_run("task", "resume", blocked(v1::EXPLAIN_CHILDREN, 0)), why);
  check_refused(dry_run("task", "resume", blocked(v1::EXPLAIN_DEADLOCK, 2, v1::BLOCKED)), why);
  check_refused(dry_run("task", "resume", blocked(v1::EXPLAIN_DEADLOCK, 0)), why);
  check_refused(dry_run("task", "resume", blocked(v1::EXPLAIN_ORDER_KEY, 0, v1::CLAIMED)), why);
  check_would(dry_run("task", "resume", blocked(v1::EXPLAIN_ORDER_KEY, 1, v1::CLAIMED)), "resumed",
              "a task that it waits for has failed");
}

TEST_CASE("a dry run sees when a blocked task goes on while it is asked about") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query& query) {
    Known known = blocked(v1::EXPLAIN_NONE, 0);
    if (query.has_task_explain()) known.task.set_state(v1::HELD);
    return answer_of(known, query);
  };
  const Ran ran = run_baton({"task", "resume", kTask, "--dry-run", "-o", "jsonl"}, &cluster);
  CHECK(lines(ran.out).at(0)["state"] == "held");
  CHECK(ran.code == 0);
}

Known dead(const std::string& reason) {
  Known known;
  known.task = task_of(FakeCluster::kFirstTask, v1::DEAD);
  known.task.set_reason(reason);
  return known;
}

TEST_CASE("a dry run of redrive knows of the children of a dead task") {
  check_would(dry_run("dead", "redrive", dead("exit code 3")), "redriven");
  Known parent = dead("one of its children failed");
  parent.task.set_children_failed(1);
  check_refused(dry_run("dead", "redrive", parent), "because of its children");
  check_would(dry_run("dead", "purge", parent), "dropped");
  parent.task.set_reason("killed by an operator");
  check_would(dry_run("dead", "redrive", parent), "redriven",
              "it is not dead because of its children");
}

TEST_CASE("a dry run of redrive looks whether the parent of a dead task is still at work") {
  Known child = dead("killed by an operator");
  child.task.set_parent(kOther);
  child.other = task_of(kOther, v1::BLOCKED);
  check_would(dry_run("dead", "redrive", child), "redriven");
  child.other.set_state(v1::CLAIMED);
  check_would(dry_run("dead", "redrive", child), "redriven",
              "it does not come with the completion of its parent, which is at work");
}

TEST_CASE("a dry run of redrive looks for payloads where a store was replaced, and only there") {
  Known lost = dead("exit code 3");
  lost.payload_code = v1::NOT_FOUND;
  check_would(dry_run("dead", "redrive", lost), "redriven");  // not asked for
  lost.replaced = true;
  check_refused(dry_run("dead", "redrive", lost), "its payload is gone", 1);
  lost.payload_code = v1::DATA_LOSS;
  check_refused(dry_run("dead", "redrive", lost), "its payload is gone", 1);
  lost.payload_code = v1::OK;
  check_would(dry_run("dead", "redrive", lost), "redriven");
}

TEST_CASE("a dry run of retry makes nothing, and tells which tasks could be copied") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query& query) {
    const std::uint64_t task = query.task_show().task();
    v1::TaskInfo info = task_of(task, task == kOther + 1 ? v1::CLAIMED : v1::DONE);
    info.set_payload_kept(task == FakeCluster::kFirstTask);
    return answer_with(info);
  };
  const Ran ran = run_baton({"task", "retry", kTask, "17592186044418", "17592186044419",
                             "--dry-run", "-q", "again", "-o", "jsonl"},
                            &cluster);
  CHECK(ran.code == 8);
  CHECK(has(ran.err, "1 would be copied, 2 would be refused"));
  CHECK(cluster.produced().empty());
  const auto rows = lines(ran.out);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["outcome"] == "would be copied");
  CHECK(rows[0]["id"] == Json());
  CHECK(rows[0]["queue"] == "again");
  CHECK(rows[1]["outcome"] == "would be refused");
  CHECK(has(rows[1]["error"], "its payload is not kept"));
  CHECK(has(rows[2]["error"], "this one is claimed"));
}

TEST_CASE("every verb that acts on many tasks has --dry-run and --yes") {
  const std::vector<std::vector<std::string>> verbs = {
      {"task", "cancel"}, {"task", "resume"},  {"task", "complete"}, {"task", "kill"},
      {"task", "retry"},  {"dead", "redrive"}, {"dead", "purge"},    {"queue", "purge"}};
  for (auto words : verbs) {
    INFO(words[0] << " " << words[1]);
    words.emplace_back("--help");
    const std::string help = run_baton(words).out;
    CHECK(has(help, "--dry-run"));
    CHECK(has(help, "--yes"));
  }
}

TEST_CASE("a purge does not count parents that wait for their children") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) {
    v1::Answer answer;
    v1::QueueInfo& queue = *answer.mutable_queue()->mutable_info();
    queue.set_ready(5);
    queue.set_blocked(3);
    queue.set_acked(2);
    return answer;
  };
  const Ran ran = run_baton({"queue", "purge", "mail", "--dry-run", "-o", "json"}, &cluster);
  CHECK(Json::parse(ran.out)["would_be_cancelled"] == 6);
}

// ---- names that are unknown -------------------------------------------------------------------

TEST_CASE("a queue that is not there is said to be so, and is not made") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query& query) {
    if (!query.has_task_list()) return no_queue();
    v1::Answer answer;
    answer.mutable_tasks();
    return answer;
  };
  const std::vector<std::vector<std::string>> all = {
      {"queue", "pause", "typo"},
      {"queue", "resume", "typo"},
      {"queue", "purge", "typo", "--yes"},
      {"queue", "purge", "typo", "--dry-run"},
      {"dead", "ls", "-q", "typo"},
      {"dead", "redrive", "-q", "typo", "--yes"},
      {"dead", "redrive", "-q", "typo", "--dry-run"},
      {"dead", "purge", "-q", "typo", "--yes"},
      {"task", "ls", "-q", "typo"},
      {"task", "ls", "-q", "typo", "--state", "held"}};
  for (const auto& words : all) {
    const Ran ran = run_baton(words, &cluster);
    INFO(words[0] << " " << words[1] << ": " << ran.err);
    CHECK(ran.code == 3);
    CHECK(ran.out.empty());
    CHECK(has(ran.err, "no queue 'typo'"));
  }
  for (const v1::Query& query : cluster.queries()) CHECK_FALSE(query.has_queue_set());
  CHECK(has(run_baton({"queue", "pause", "typo"}, &cluster).err, "--create"));
}

TEST_CASE("a queue that is there and has no such task is an empty list") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) { return v1::Answer(); };
  const Ran table = run_baton({"task", "ls", "-q", "mail"}, &cluster);
  CHECK(table.code == 0);
  CHECK(has(table.out, "STATE"));
  CHECK(run_baton({"dead", "ls", "-q", "mail", "-o", "json"}, &cluster).out == "[]\n");
}

TEST_CASE("a queue may be made by its pause, when that is asked for") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query& query) {
    return query.has_queue_set() ? v1::Answer() : no_queue();
  };
  CHECK(run_baton({"queue", "pause", "new", "--create"}, &cluster).code == 0);
  REQUIRE(cluster.queries().size() == 1);
  CHECK(cluster.queries()[0].queue_set().settings().paused());
}

// ---- settings ---------------------------------------------------------------------------------

TEST_CASE("half of a pair of settings is left to the ledger, which knows the other half") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) { return v1::Answer(); };
  for (const char* flag : {"--backoff-min", "--backoff-max"}) {
    const std::string far = flag == std::string("--backoff-min") ? "10m" : "500ms";
    const Ran ran = run_baton({"queue", "set", "mail", flag, far}, &cluster);
    INFO(flag << ran.err);
    CHECK(ran.code == 0);
  }
  REQUIRE(cluster.queries().size() == 2);
  CHECK(cluster.queries()[0].queue_set().settings().backoff_min_ms() == 600'000);
  CHECK(cluster.queries()[1].queue_set().settings().backoff_max_ms() == 500);
}

TEST_CASE("a time until which a queue is paused pauses it") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) { return v1::Answer(); };
  const Ran ran = run_baton({"queue", "set", "mail", "--paused-until", "+5m"}, &cluster);
  CHECK(ran.code == 0);
  CHECK(has(ran.err, "queue mail: paused is true"));
  CHECK(run_baton({"queue", "set", "mail", "--paused-until", "0"}, &cluster).code == 0);
  REQUIRE(cluster.queries().size() == 2);
  const v1::QueueSettings set = cluster.queries()[0].queue_set().settings();
  CHECK(set.paused());
  const std::int64_t left = set.paused_until_wall_ms() - AsioLoop().wall_now().ms;
  CHECK(left > 200'000);
  CHECK(left <= 300'000);
  CHECK_FALSE(cluster.queries()[1].queue_set().settings().has_paused());
}

// ---- dead tasks -------------------------------------------------------------------------------

v1::HistoryEvent& add_event(v1::Answer& answer, const std::string& cause, v1::TaskState from,
                            v1::TaskState to, std::uint64_t token = 0, std::uint32_t attempt = 0) {
  v1::HistoryEvent& event = *answer.mutable_history()->add_event();
  event.set_index(static_cast<std::uint64_t>(answer.history().event_size()));
  event.set_wall_ms(1'798'135'200'000 + 1000 * answer.history().event_size());
  event.set_cause(cause);
  event.set_from(from);
  event.set_to(to);
  event.set_token(token);
  event.set_attempt(attempt);
  if (cause == "granted") {
    event.set_consumer("worker-" + std::to_string(token));
    event.set_manager("m1");
  }
  return event;
}

// A nack, then an attempt that was cut off for the last time.
v1::Answer two_attempts() {
  v1::Answer answer;
  add_event(answer, "created", v1::STATE_NONE, v1::READY);
  add_event(answer, "granted", v1::READY, v1::CLAIMED, 5, 1);
  add_event(answer, "saved", v1::STATE_NONE, v1::STATE_NONE, 5, 1);
  add_event(answer, "nack", v1::CLAIMED, v1::DELAYED, 5, 1).set_reason("exit code 7");
  add_event(answer, "backoff_over", v1::DELAYED, v1::READY, 5);
  add_event(answer, "granted", v1::READY, v1::CLAIMED, 9, 2);
  add_event(answer, "expiries_spent", v1::CLAIMED, v1::DEAD, 9, 2);
  return answer;
}

TEST_CASE("dead show tells how each attempt ended, and the last error") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query& query) {
    return query.has_task_history() ? two_attempts()
                                    : answer_of(dead("too many attempts were cut off"), query);
  };
  const Json json = Json::parse(run_baton({"dead", "show", kTask, "-o", "json"}, &cluster).out);
  CHECK(json["reason"] == "too many attempts were cut off");
  CHECK(json["last_error"] == "exit code 7");
  CHECK(json["cause"] == "expiries_spent");
  CHECK(json["died"] == "2026-12-24T18:00:07.000Z");
  CHECK_FALSE(json.contains("attempts_left_out"));
  REQUIRE(json["attempts"].size() == 2);
  const Json& first = json["attempts"][0];
  CHECK(first["outcome"] == "failed");
  CHECK(first["reason"] == "exit code 7");
  CHECK(first["consumer"] == "worker-5");
  CHECK(first["began"] == "2026-12-24T18:00:02.000Z");
  CHECK(first["ended"] == "2026-12-24T18:00:04.000Z");
  const Json& second = json["attempts"][1];
  CHECK(second["outcome"] == "expired");
  CHECK(second["reason"] == Json());
  CHECK(second["token"] == "9");

  const std::string table = run_baton({"dead", "show", kTask}, &cluster).out;
  CHECK(has(table, "last_error"));
  CHECK(has(table, "ATTEMPT  OUTCOME"));
  CHECK(has(table, "failed"));
  CHECK(has(table, "expired"));
  CHECK(has(table, "worker-9"));
}

TEST_CASE("dead show is bounded, and shows what is known when the history is not") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query& query) {
    if (!query.has_task_history()) return answer_of(dead("x"), query);
    v1::Answer answer = two_attempts();
    answer.mutable_history()->set_next("more");
    return answer;
  };
  const Json json = Json::parse(run_baton({"dead", "show", kTask, "-o", "json"}, &cluster).out);
  CHECK(has(json["history_error"], "baton task history"));
  CHECK(cluster.queries().size() == 11);  // the task, and ten pages
  CHECK(json["attempts"].size() == 20);

  cluster.on_query = [](const v1::Query& query) {
    return query.has_task_history() ? error(v1::DATA_LOSS, "a segment is damaged")
                                    : answer_of(dead("x"), query);
  };
  const Ran ran = run_baton({"dead", "show", kTask, "-o", "json"}, &cluster);
  CHECK(ran.code == 0);
  CHECK(has(Json::parse(ran.out)["history_error"], "damaged"));
}

TEST_CASE("of attempts the newest are kept, and one that began before the history is told") {
  using client::TaskState;
  AttemptList list;
  client::HistoryEvent event;
  event.from = TaskState::kClaimed;
  event.to = TaskState::kReady;
  event.cause = "expired";
  event.token = Token(1);
  event.time = WallTime{7};
  list.add(event);
  REQUIRE(list.attempts().size() == 1);
  CHECK(list.attempts()[0].began.ms == 0);
  CHECK(list.attempts()[0].ended.ms == 7);
  for (std::uint64_t token = 2; token < 30; ++token) {
    event.from = TaskState::kReady;
    event.to = TaskState::kClaimed;
    event.token = Token(token);
    list.add(event);
  }
  CHECK(list.attempts().size() == AttemptList::kKept);
  CHECK(list.left_out() == 29 - AttemptList::kKept);
  CHECK(list.attempts().back().token == Token(29));
  for (const char* cause : {"cancelled", "released", "undelivered"})
    CHECK(attempt_outcome(cause) == cause);
  CHECK(attempt_outcome("unreachable") == "undelivered");
  CHECK(attempt_outcome("killed") == "failed");  // by a nack
}

// ---- lists ------------------------------------------------------------------------------------

v1::Answer two_tasks(const v1::Query&) {
  v1::Answer answer;
  *answer.mutable_tasks()->add_task() = task_of(FakeCluster::kFirstTask, v1::HELD);
  *answer.mutable_tasks()->add_task() = task_of(kOther, v1::DONE);
  return answer;
}

TEST_CASE("a list without a state has the tasks of all") {
  FakeCluster cluster;
  cluster.on_query = two_tasks;
  const Ran ran = run_baton({"task", "ls", "-q", "mail", "-o", "jsonl"}, &cluster);
  CHECK(ran.code == 0);
  CHECK(lines(ran.out).size() == 2);
  CHECK(run_baton({"dead", "ls", "-q", "mail"}, &cluster).code == 0);
  REQUIRE(cluster.queries().size() == 2);
  CHECK(cluster.queries()[0].task_list().state() == v1::STATE_NONE);
  CHECK(cluster.queries()[1].task_list().state() == v1::DEAD);
}

TEST_CASE("a history ends at its limit and says that there is more") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query& query) {
    const std::string& cursor = query.task_history().cursor();
    std::uint64_t at = cursor.empty() ? 0 : std::stoull(cursor);
    v1::Answer answer;
    for (std::uint32_t i = 0; i < query.task_history().limit() && at < 2500; ++i, ++at)
      add_event(answer, "extended", v1::CLAIMED, v1::CLAIMED, 5, 1);
    if (at < 2500) answer.mutable_history()->set_next(std::to_string(at));
    return answer;
  };
  const Ran usual = run_baton({"task", "history", kTask, "-o", "jsonl"}, &cluster);
  CHECK(lines(usual.out).size() == 1000);
  CHECK(has(usual.err, "--all"));
  const Ran few = run_baton({"task", "history", kTask, "--limit", "7", "-o", "jsonl"}, &cluster);
  CHECK(lines(few.out).size() == 7);
  CHECK(has(few.err, "there is more"));
  const Ran whole = run_baton({"task", "history", kTask, "--all", "-o", "jsonl"}, &cluster);
  CHECK(lines(whole.out).size() == 2500);
  CHECK(whole.err.empty());
}

TEST_CASE("queue ls shows what is held and blocked, within 100 columns") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) {
    v1::Answer answer;
    v1::QueueInfo& queue = *answer.mutable_queues()->add_queue();
    queue.set_name("mail/letters");
    queue.set_ready(1'000'000);
    queue.set_done(12'000'000);
    queue.set_held(17);
    queue.set_blocked(23);
    return answer;
  };
  const std::string table = run_baton({"queue", "ls"}, &cluster).out;
  CHECK(has(table, "HELD  BLOCKED"));
  CHECK(has(table, "17    23"));
  CHECK(table.find('\n') <= 100);
}

TEST_CASE("task wait prints one JSON document, too") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) {
    return answer_with(task_of(FakeCluster::kFirstTask, v1::CANCELLED));
  };
  const Ran ran = run_baton({"task", "wait", kTask, "17592186044418", "-o", "json"}, &cluster);
  CHECK(ran.code == 1);
  const Json json = Json::parse(ran.out);
  REQUIRE(json.size() == 2);
  CHECK(json[0]["outcome"] == "cancelled");
  CHECK(json[1]["id"] == "17592186044418");
}

TEST_CASE("the library's blocking list of tasks has the filter of the other one") {
  FakeCluster cluster;
  cluster.on_query = two_tasks;
  client::ClientOptions options;
  options.managers = {cluster.address()};
  const auto client = client::Client::open(options);
  REQUIRE(client.ok());
  client::TaskFilter filter;
  filter.reason_has = "timed out";
  filter.attempts_min = 3;
  const auto page =
      client.value()->admin().list_tasks("mail", client::TaskState::kDead, filter, 5, "", 10s);
  REQUIRE(page.ok());
  CHECK(page.value().tasks.size() == 2);
  const v1::TaskList list = cluster.queries().at(0).task_list();
  CHECK(list.state() == v1::DEAD);
  CHECK(list.reason_has() == "timed out");
  CHECK(list.attempts_min() == 3);
}

// ---- what is said -----------------------------------------------------------------------------

TEST_CASE("who reached a manager is not told to start a cluster") {
  FakeCluster cluster;
  cluster.on_query = [](const v1::Query&) { return error(v1::UNAVAILABLE, "m2 is away"); };
  const Ran reached = run_baton({"task", "show", kTask, "--timeout", "300ms"}, &cluster);
  CHECK(reached.code == 5);
  CHECK_FALSE(has(reached.err, "baton dev"));
  CHECK(has(reached.err, "baton manager ls"));
  const Ran nobody = run_baton({"task", "show", kTask, "--timeout", "300ms"});
  CHECK(nobody.code == 5);
  CHECK(has(nobody.err, "baton dev"));
}

TEST_CASE("words that are not known are listed as they were typed") {
  const Ran ran = run_baton({"queue", "set", "mail", "--retention", "5d", "--more", "a b"});
  CHECK(ran.code == 2);
  CHECK(has(ran.err, "not expected: --retention 5d --more a b\n"));
  CHECK(has(run_baton({"task", "show", kTask, "--loud"}).err, "not expected: --loud"));
}

}  // namespace
}  // namespace baton::commands
