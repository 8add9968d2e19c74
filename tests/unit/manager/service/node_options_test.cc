// PRODUCE with options: what is stored, what the ledger is told, what waits for it, what is refused.
#include <catch2/catch.hpp>

#include "common/base/content_hash.h"
#include "common/base/key_hash.h"
#include "tests/unit/manager/service/node_world.h"

namespace baton::manager {
namespace {

class OptionsWorld : public NodeWorld {
 public:
  OptionsWorld() {
    center.start();
    start_registered();
    producer = client();
  }

  // A request for these items with their options: none, one, or one each.
  static v1::Produce request(std::uint64_t seq, const std::vector<std::string>& payloads,
                             const std::vector<v1::TaskOptions>& options) {
    v1::Produce request = produce_request(seq, payloads);
    for (const v1::TaskOptions& one : options) *request.add_options() = one;
    return request;
  }
  v1::Produced produce_with(std::uint64_t seq, const std::vector<std::string>& payloads,
                            const std::vector<v1::TaskOptions>& options) {
    return NodeWorld::produce(*producer, request(seq, payloads, options), payloads);
  }
  v1::CreatedRun run_at(std::uint64_t offset) {
    until([&] { return center.created_hi > offset; });
    return created_runs().at(offset);
  }

  std::unique_ptr<FakePeer> producer;
};

v1::TaskOptions with_key(const std::string& key) {
  v1::TaskOptions options;
  options.set_key(key);
  return options;
}

v1::TaskOptions with_order(const std::string& key) {
  v1::TaskOptions options;
  options.set_order_key(key);
  return options;
}

v1::Winner refused(v1::ErrorCode code) {
  v1::Winner winner;
  winner.set_code(code);
  return winner;
}

TEST_CASE_METHOD(OptionsWorld, "the ledger is told what a task asks for, but not key and type") {
  v1::TaskOptions options;
  options.set_priority(9);
  options.set_time_to_live_ms(60'000);
  options.set_max_attempts(3);
  options.set_fair_key("tenant");
  options.set_type("resize");
  const v1::Produced produced = produce_with(1, {"abc", "defgh"}, {options});

  REQUIRE(produced.run_size() == 1);
  CHECK(produced.run(0).code() == v1::OK);
  const v1::CreatedRun run = run_at(1);
  CHECK(run.count() == 2);
  CHECK(run.priority() == 9);
  CHECK(run.options().priority() == 0);
  CHECK(run.options().time_to_live_ms() == 60'000);
  CHECK(run.options().max_attempts() == 3);
  CHECK(run.options().fair_key() == "tenant");
  CHECK(run.options().type().empty());
  CHECK_FALSE(run.waits());
  REQUIRE(run.payload_bytes_size() == 2);
  CHECK(run.payload_bytes(1) == 5);
}

TEST_CASE_METHOD(OptionsWorld, "tasks without options are told as ever") {
  produce_with(1, {"abc", "def"}, {});
  const v1::CreatedRun run = run_at(1);
  CHECK(run.priority() == 5);
  CHECK_FALSE(run.has_options());
  CHECK(run.payload_bytes_size() == 1);
  CHECK(run.key_hash_size() == 0);
}

TEST_CASE_METHOD(OptionsWorld, "a delay counts from when the manager took the task") {
  v1::TaskOptions options;
  options.set_delay_ms(5000);
  produce_with(1, {"a"}, {options});

  const v1::CreatedRun run = run_at(1);
  CHECK(run.options().delay_ms() == 0);
  CHECK(run.options().not_before_wall_ms() ==
        center.last(v1::Command::kCreated).created().wall_ms() + 5000);
}

TEST_CASE_METHOD(OptionsWorld, "equal options share a run, a task with a key is one of its own") {
  v1::TaskOptions urgent;
  urgent.set_priority(9);
  produce_with(1, {"a", "b", "c", "d", "e"},
               {urgent, urgent, v1::TaskOptions(), with_key("k"), with_key("l")});
  until([&] { return center.created_hi == 6; });

  const auto runs = created_runs();
  REQUIRE(runs.size() == 4);
  CHECK(runs.at(1).count() == 2);
  CHECK(runs.at(3).count() == 1);
  CHECK_FALSE(runs.at(3).waits());
  REQUIRE(runs.at(4).key_hash_size() == 2);
  CHECK(runs.at(4).key_hash(0) == key_hash("k").hi);
  CHECK(runs.at(4).key_hash(1) == key_hash("k").lo);
  CHECK(runs.at(5).key_hash(0) == key_hash("l").hi);
}

TEST_CASE_METHOD(OptionsWorld,
                 "what has a key, an order, a parent or a task before it waits for the ledger") {
  v1::TaskOptions child;
  child.set_parent(task(9).value());
  child.set_parent_token(77);
  v1::TaskOptions after;
  after.add_after(task(9).value());
  const std::vector<std::pair<std::uint64_t, v1::TaskOptions>> items = {
      {1, with_key("k")}, {2, with_order("o")}, {3, child}, {4, after}};
  for (const auto& [seq, options] : items) {
    const v1::Produced produced = produce_with(seq, {"a"}, {options});
    CHECK(produced.run(0).code() == v1::OK);
    CHECK(produced.run(0).first_task() == task(seq).value());
    const v1::CreatedRun run = run_at(seq);
    CHECK(run.waits());
    CHECK(run.only_waits());
    CHECK(run.maybe_at_size() == 0);
    REQUIRE(run.content_hash_size() == 1);
    CHECK(run.content_hash(0) == content_hash("a"));
  }
}

TEST_CASE_METHOD(OptionsWorld, "a moved task with a key does not wait by its nature alone") {
  v1::Produce moved = request(1, {"a"}, {with_key("k")});
  moved.set_moved(true);
  moved.add_maybe_at(9);
  NodeWorld::produce(*producer, moved, {"a"});
  const v1::CreatedRun run = run_at(1);
  CHECK(run.waits());
  CHECK_FALSE(run.only_waits());
  CHECK(run.maybe_at(0) == 9);
}

TEST_CASE_METHOD(OptionsWorld, "a key that is known names the task that has it") {
  const std::uint64_t known = TaskId(ShardId(9), Offset(4)).value();
  v1::Winner winner;
  winner.set_task(known);
  winner.set_duplicate(true);
  winner.set_state(v1::DONE);
  center.winner_script[1] = winner;

  const v1::Produced produced = produce_with(1, {"a"}, {with_key("k")});

  CHECK(produced.run(0).code() == v1::OK);
  CHECK(produced.run(0).first_task() == known);
  CHECK(produced.run(0).duplicate());
  CHECK(produced.run(0).state() == v1::DONE);
}

TEST_CASE_METHOD(OptionsWorld, "a key of other content is a conflict that says so") {
  center.winner_script[1] = refused(v1::CONFLICT);
  const v1::Produced produced = produce_with(1, {"a"}, {with_key("k")});
  CHECK(produced.run(0).code() == v1::CONFLICT);
  CHECK(produced.run(0).message().find("key") != std::string::npos);
}

TEST_CASE_METHOD(OptionsWorld, "a child of a claim that ended is not created") {
  v1::TaskOptions child;
  child.set_parent(task(9).value());
  child.set_parent_token(77);
  child.set_with_completion(true);
  center.winner_script[1] = refused(v1::CLAIM_SUPERSEDED);
  const v1::Produced produced = produce_with(1, {"a"}, {child});
  CHECK(produced.run(0).code() == v1::CLAIM_SUPERSEDED);
  const v1::CreatedRun run = run_at(1);
  CHECK(run.options().parent() == task(9).value());
  CHECK(run.options().parent_token() == 77);
  CHECK(run.options().with_completion());
}

TEST_CASE_METHOD(OptionsWorld, "one request answers plain and waiting items together, in order") {
  center.winner_script[2] = refused(v1::CONFLICT);
  const v1::Produced produced =
      produce_with(1, {"a", "b", "c"}, {v1::TaskOptions(), with_key("k"), v1::TaskOptions()});

  REQUIRE(produced.run_size() == 3);
  CHECK(produced.run(0).first_task() == task(1).value());
  CHECK(produced.run(1).code() == v1::CONFLICT);
  CHECK(produced.run(2).first_task() == task(3).value());
}

TEST_CASE_METHOD(
    OptionsWorld,
    "while the ledger is away a request with a waiting item ends in time, and its plain "
    "items are told as stored") {
  center.stop();
  run_for(std::chrono::seconds(1));
  v1::Produce late = request(1, {"a", "b"}, {v1::TaskOptions(), with_key("k")});
  late.set_timeout_ms(500);
  const v1::Produced produced = NodeWorld::produce(*producer, late, {"a", "b"});
  REQUIRE(produced.run_size() == 2);
  CHECK(produced.run(0).code() == v1::OK);
  CHECK(produced.run(1).code() == v1::DEADLINE_EXCEEDED);
}

TEST_CASE_METHOD(OptionsWorld, "what waited in an earlier life is reported as void") {
  center.silent = {v1::Command::kCreated};
  v1::Produce late = request(1, {"a", "b"}, {with_key("k"), v1::TaskOptions()});
  late.set_timeout_ms(200);
  NodeWorld::produce(*producer, late, {"a", "b"});
  kill();
  center.silent.clear();
  center.commands.clear();
  start_registered();

  const v1::CreatedRun waited = run_at(1);
  CHECK(waited.is_void());
  CHECK(waited.only_waits());
  CHECK(waited.key_hash(0) == key_hash("k").hi);
  CHECK_FALSE(run_at(2).is_void());
}

TEST_CASE_METHOD(OptionsWorld, "after a restart the log tells the ledger the same") {
  v1::TaskOptions options;
  options.set_priority(2);
  options.set_not_before_wall_ms(1'900'000'000'000);
  options.set_attempt_timeout_ms(1000);
  options.set_fair_key("tenant");
  options.set_fair_weight(7);
  options.set_type("resize");
  produce_with(1, {"abc", "de"}, {options});
  const v1::CreatedRun first = run_at(1);
  kill();
  center.created_hi = 1;
  center.commands.clear();
  start_registered();

  v1::CreatedRun again = run_at(1);
  // What the producer has resolved is not in the record.
  again.set_resolved_below(first.resolved_below());
  CHECK(again.SerializeAsString() == first.SerializeAsString());
}

TEST_CASE_METHOD(OptionsWorld, "a waiting task that is repeated in the same life waits again") {
  center.silent = {v1::Command::kCreated};
  v1::Produce first = request(1, {"a"}, {with_key("k")});
  first.set_timeout_ms(200);
  CHECK(NodeWorld::produce(*producer, first, {"a"}).run(0).code() == v1::DEADLINE_EXCEEDED);
  center.silent.clear();
  center.drop_connections();

  v1::Winner winner;
  winner.set_task(task(1).value());
  center.winner_script[2] = winner;
  CHECK(produce_with(1, {"a"}, {with_key("k")}).run(0).first_task() == task(1).value());
}

// ---- refused ----

TEST_CASE_METHOD(OptionsWorld, "options are for no item, once for all, or for each item") {
  producer->say(v1::PRODUCE, 9, request(1, {"a", "b", "c"}, {{}, {}}),
                std::vector<std::string_view>{"a", "b", "c"});
  CHECK(producer->await_message<v1::Error>(v1::ERROR, 9).code() == v1::INVALID_ARGUMENT);
}

TEST_CASE_METHOD(OptionsWorld, "what waits for the ledger is not taken from nobody") {
  v1::QueueRule rule;
  rule.set_queue("in-order");
  rule.set_ordered(true);
  v1::ChannelGrants news;
  *news.add_rule() = rule;
  center.push(news);
  run_for(std::chrono::milliseconds(50));
  v1::TaskOptions after;
  after.add_after((std::uint64_t{1} << 44) + 1);
  v1::Produce anonymous =
      request(1, {"a", "b", "c", "d"}, {with_key("k"), with_order("o"), after, {}});
  anonymous.clear_producer();
  const std::vector<std::string> payloads{"a", "b", "c", "d"};
  v1::Produced produced = NodeWorld::produce(*producer, anonymous, payloads);
  REQUIRE(produced.run_size() == 2);
  CHECK(produced.run(0).count() == 3);
  CHECK(produced.run(0).code() == v1::INVALID_ARGUMENT);
  CHECK(produced.run(0).message().find("producer") != std::string::npos);
  CHECK(produced.run(1).code() == v1::OK);

  anonymous.clear_options();
  anonymous.set_queue("in-order");
  produced = NodeWorld::produce(*producer, anonymous, payloads);
  REQUIRE(produced.run_size() == 1);
  CHECK(produced.run(0).code() == v1::INVALID_ARGUMENT);
  until([&] { return center.created_hi == 2; });
}

TEST_CASE_METHOD(OptionsWorld, "an item with a wrong option is refused alone, and for good") {
  v1::TaskOptions wrong;
  wrong.set_priority(11);
  const v1::Produced produced =
      produce_with(1, {"a", "b", "c"}, {v1::TaskOptions(), wrong, v1::TaskOptions()});

  REQUIRE(produced.run_size() == 3);
  CHECK(produced.run(0).first_task() == task(1).value());
  CHECK(produced.run(1).code() == v1::INVALID_ARGUMENT);
  CHECK(produced.run(1).message().find("priority") != std::string::npos);
  CHECK(produced.run(1).retry_after_ms() == 0);
  CHECK(produced.run(2).first_task() == task(2).value());
}

TEST_CASE_METHOD(OptionsWorld, "every wrong option is refused with a sentence that names it") {
  struct Wrong {
    const char* named;
    std::function<void(v1::TaskOptions&)> set;
  };
  const std::string long_text(201, 'x');
  const std::vector<Wrong> wrongs = {
      {"priority", [](auto& o) { o.set_priority(UINT32_MAX); }},
      {"delay", [](auto& o) { o.set_delay_ms(UINT64_MAX); }},
      {"not_before", [](auto& o) { o.set_not_before_wall_ms(-1); }},
      {"not_before", [](auto& o) { o.set_not_before_wall_ms(INT64_MAX); }},
      {"not both",
       [](auto& o) {
         o.set_delay_ms(1);
         o.set_not_before_wall_ms(1);
       }},
      {"time_to_live", [](auto& o) { o.set_time_to_live_ms(UINT64_MAX); }},
      {"wait_timeout", [](auto& o) { o.set_wait_timeout_ms(UINT64_MAX); }},
      {"attempt_timeout", [](auto& o) { o.set_attempt_timeout_ms(UINT64_MAX); }},
      {"total_timeout", [](auto& o) { o.set_total_timeout_ms(UINT64_MAX); }},
      {"max_attempts", [](auto& o) { o.set_max_attempts(1001); }},
      {"key", [&](auto& o) { o.set_key(long_text); }},
      {"order_key", [&](auto& o) { o.set_order_key(long_text); }},
      {"fair_key", [&](auto& o) { o.set_fair_key(long_text); }},
      {"fair_weight", [](auto& o) { o.set_fair_weight(101); }},
      {"type", [&](auto& o) { o.set_type(long_text); }},
      {"16",
       [](auto& o) {
         for (int i = 1; i <= 17; ++i) o.add_after(task(static_cast<std::uint64_t>(i)).value());
       }},
      {"twice",
       [](auto& o) {
         o.add_after(task(1).value());
         o.add_after(task(1).value());
       }},
      {"after", [](auto& o) { o.add_after(1); }},
      {"own parent",
       [](auto& o) {
         o.set_parent(task(1).value());
         o.set_parent_token(5);
         o.add_after(task(1).value());
       }},
      {"on_failed", [](auto& o) { o.set_on_failed(static_cast<v1::FailurePolicy>(9)); }},
      {"parent", [](auto& o) { o.set_parent(1); }},
      {"token", [](auto& o) { o.set_parent(task(1).value()); }},
      {"token", [](auto& o) { o.set_parent_token(5); }},
      {"with_completion", [](auto& o) { o.set_with_completion(true); }},
      {"retry_of", [](auto& o) { o.set_retry_of(1); }},
      {"payload", [](auto& o) { o.set_retry_of(task(1).value()); }},
  };
  std::uint64_t seq = 0;
  for (const Wrong& wrong : wrongs) {
    v1::TaskOptions options;
    wrong.set(options);
    const v1::Produced produced = produce_with(++seq, {"a"}, {options});
    INFO(wrong.named << ": " << produced.run(0).message());
    CHECK(produced.run(0).code() == v1::INVALID_ARGUMENT);
    CHECK(produced.run(0).message().find(wrong.named) != std::string::npos);
  }
  run_for(std::chrono::milliseconds(100));
  CHECK(center.count(v1::Command::kCreated) == 0);
}

// ---- copies ----

class CopyWorld : public OptionsWorld {
 public:
  CopyWorld() {
    center.on_query = [this](const v1::Query& query) {
      asked.push_back(query);
      v1::ChannelAnswer answer;
      v1::TaskInfo& info = *answer.mutable_answer()->mutable_task();
      info.set_task(query.task_show().task());
      info.set_state(state);
      info.set_payload_kept(kept && !forgotten);
      if (!forgotten) info.set_queue("mail");
      return answer;
    };
  }
  v1::Produced copy(TaskId of, std::uint64_t seq, v1::TaskOptions options = {}) {
    options.set_retry_of(of.value());
    return produce_with(seq, {""}, {options});
  }

  v1::TaskState state = v1::DEAD;
  bool kept = true;        // its payload
  bool forgotten = false;  // its row is gone
  std::vector<v1::Query> asked;
};

TEST_CASE_METHOD(CopyWorld, "a copy of an ended task has its payload and its options") {
  v1::TaskOptions options;
  options.set_type("resize");
  options.set_priority(8);
  options.set_not_before_wall_ms(1'900'000'000'000);
  produce_with(1, {"the payload"}, {options});

  v1::TaskOptions given;
  given.set_priority(2);
  const v1::Produced produced = copy(task(1), 2, given);

  CHECK(produced.run(0).first_task() == task(2).value());
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].task_show().task() == task(1).value());
  const v1::CreatedRun run = run_at(2);
  CHECK(run.priority() == 2);
  CHECK(run.options().retry_of() == task(1).value());
  CHECK(run.options().not_before_wall_ms() == 0);
  CHECK(run.payload_bytes(0) == 11);
  consume(*producer);
  center.grant(grant(1, task(2)));
  const FakePeer::Heard heard = producer->await(v1::TASKS);
  CHECK(heard.payload == "the payload");
  v1::Tasks tasks;
  REQUIRE(parse_metadata(heard.metadata, tasks).ok());
  CHECK(tasks.delivery(0).options().type() == "resize");
  CHECK(tasks.delivery(0).options().retry_of() == task(1).value());
}

TEST_CASE_METHOD(CopyWorld, "a copy of a task at another manager has its payload from there") {
  FakeManager peer(scheduler, network, logger, center.cluster);
  const TaskId there(ShardId(9), Offset(3));
  peer.payloads[there.value()] = "from afar";
  peer.options[there.value()].set_type("far");
  enroll_peer();

  CHECK(copy(there, 1).run(0).first_task() == task(1).value());
  CHECK(run_at(1).payload_bytes(0) == 9);
}

TEST_CASE_METHOD(CopyWorld,
                 "a payload that is not kept is not copied, whether it is still there or not") {
  produce_with(1, {"still there"}, {});
  kept = false;
  state = v1::DONE;
  const v1::Produced produced = copy(task(1), 2);
  CHECK(produced.run(0).code() == v1::NOT_FOUND);
  CHECK(produced.run(0).message().find("keep all") != std::string::npos);
}

TEST_CASE_METHOD(CopyWorld, "copies of one request are no more at once than there is room for") {
  const std::string large(std::size_t{1} << 20, 'x');
  produce_with(1, {large}, {});
  constexpr int kCopies = 100;
  v1::TaskOptions options;
  options.set_retry_of(task(1).value());
  const v1::Produced produced = produce_with(2, std::vector<std::string>(kCopies, ""), {options});
  REQUIRE(produced.run_size() == 2);
  CHECK(produced.run(0).code() == v1::OK);
  CHECK(produced.run(0).count() == 64);
  CHECK(produced.run(1).code() == v1::RETRY_LATER);
  // The room is there again.
  CHECK(copy(task(1), 200).run(0).code() == v1::OK);
}

TEST_CASE_METHOD(CopyWorld, "a task that has not ended cannot be copied") {
  produce_with(1, {"a"}, {});
  const std::pair<v1::TaskState, std::string> open[] = {{v1::READY, "ready"},
                                                        {v1::CLAIMED, "claimed"},
                                                        {v1::HELD, "held"},
                                                        {v1::DELAYED, "delayed"},
                                                        {v1::BLOCKED, "blocked"}};
  for (const auto& [not_ended, name] : open) {
    state = not_ended;
    const v1::Produced produced = copy(task(1), 2);
    CHECK(produced.run(0).code() == v1::CONFLICT);
    CHECK(produced.run(0).message().find(name) != std::string::npos);
  }
}

TEST_CASE_METHOD(CopyWorld, "a copy of what never was, or is not kept any more, is not_found") {
  CHECK(copy(task(7), 1).run(0).code() == v1::NOT_FOUND);

  FakeManager peer(scheduler, network, logger, center.cluster);
  const TaskId there(ShardId(9), Offset(3));
  peer.codes[there.value()] = v1::NOT_FOUND;
  enroll_peer();
  CHECK(copy(there, 1).run(0).code() == v1::NOT_FOUND);
}

TEST_CASE_METHOD(CopyWorld,
                 "a forgotten task is not copied, even while its payload is still there") {
  produce_with(1, {"a"}, {});
  state = v1::DONE;
  forgotten = true;
  CHECK(copy(task(1), 2).run(0).code() == v1::NOT_FOUND);
  forgotten = false;
  CHECK(copy(task(1), 3).run(0).code() == v1::OK);
}

TEST_CASE_METHOD(CopyWorld,
                 "without the center copies are unavailable, other items of a request not") {
  produce_with(1, {"a"}, {});
  center.stop();
  run_for(std::chrono::seconds(1));
  v1::TaskOptions of_first;
  of_first.set_retry_of(task(1).value());
  const v1::Produced produced = produce_with(2, {"b", ""}, {v1::TaskOptions(), of_first});
  REQUIRE(produced.run_size() == 2);
  CHECK(produced.run(0).first_task() == task(2).value());
  CHECK(produced.run(1).code() == v1::UNAVAILABLE);
}

}  // namespace
}  // namespace baton::manager
