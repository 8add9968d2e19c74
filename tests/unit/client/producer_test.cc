// The producer against managers that say what the test tells them to.
#include <map>

#include "common/base/limits.h"
#include "tests/unit/client/fake_manager.h"

namespace baton::client {
namespace {

// Produces and keeps the outcomes by payload.
class Outcomes {
 public:
  explicit Outcomes(Producer& producer) : producer_(producer) {}

  void produce(const std::string& queue, const std::string& payload, TaskOptions options = {}) {
    producer_.produce(queue, payload, std::move(options),
                      [this, payload](const ProduceOutcome& outcome) {
                        CHECK(outcomes_.emplace(payload, outcome).second);  // exactly once
                      });
  }
  [[nodiscard]] bool has(const std::string& payload) const { return outcomes_.contains(payload); }
  [[nodiscard]] const ProduceOutcome& of(const std::string& payload) const {
    REQUIRE(has(payload));
    return outcomes_.at(payload);
  }
  [[nodiscard]] std::size_t size() const { return outcomes_.size(); }

 private:
  Producer& producer_;
  std::map<std::string, ProduceOutcome> outcomes_;
};

TaskOptions in_order(const std::string& key) {
  TaskOptions options;
  options.order_key = key;
  return options;
}

TaskOptions with_key(const std::string& key) {
  TaskOptions options;
  options.key = key;
  return options;
}

std::vector<std::uint32_t> maybe_at(const Received& produce) {
  const auto message = produce.as<v1::Produce>();
  return {message.maybe_at().begin(), message.maybe_at().end()};
}

TEST_CASE("tasks of one queue that are produced together travel in one request") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);

  outcomes.produce("mail", "a");
  outcomes.produce("mail", "bb");
  outcomes.produce("sms", "c");
  outcomes.produce("mail", "ddd");

  const Received mail = world.manager().expect(v1::PRODUCE);
  const auto message = mail.as<v1::Produce>();
  CHECK(message.queue() == "mail");
  CHECK(message.seq() == 1);
  CHECK(message.resolved_below() == 1);
  CHECK_FALSE(message.moved());
  CHECK(std::vector<std::uint32_t>(message.length().begin(), message.length().end()) ==
        std::vector<std::uint32_t>{1, 2, 3});
  CHECK(mail.payload == "abbddd");
  const Received sms = world.manager().expect(v1::PRODUCE);
  CHECK(sms.as<v1::Produce>().queue() == "sms");
  CHECK(sms.as<v1::Produce>().seq() == 4);

  sms.answer(v1::PRODUCED, stored(sms, 900, 1));
  mail.answer(v1::PRODUCED, stored(mail, 100, 1));
  world.run_until([&] { return outcomes.size() == 4; });
  CHECK(outcomes.of("bb").task == TaskId(101));
  CHECK(outcomes.of("ddd").task == TaskId(102));
  CHECK(outcomes.of("c").task == TaskId(900));
  CHECK(outcomes.of("a").confirmed());
}

TEST_CASE("a batch has at most 1,024 tasks and what fits a frame") {
  ClientWorld world;
  world.manager().set_payload_bytes_max(100);
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  for (int i = 0; i < 5; ++i) outcomes.produce("q", std::to_string(i) + std::string(39, 'x'));

  std::size_t items = 0;
  for (int i = 0; i < 3; ++i) {
    const Received produce = world.manager().expect(v1::PRODUCE);
    CHECK(produce.payload.size() <= 100);
    items += static_cast<std::size_t>(produce.as<v1::Produce>().length_size());
    produce.answer(v1::PRODUCED, stored(produce, 1, 1));
  }
  CHECK(items == 5);
  world.run_until([&] { return outcomes.size() == 5; });
}

TEST_CASE("at most 1,024 numbers are without an outcome, and the rest follows") {
  ClientWorld world;
  ProducerOptions options;
  options.batch_items_max = 500;
  const auto producer = world.client().make_producer(options);
  Outcomes outcomes(*producer);
  for (int i = 0; i < 2000; ++i) outcomes.produce("q", std::to_string(i));

  const Received first = world.manager().expect(v1::PRODUCE);
  const Received second = world.manager().expect(v1::PRODUCE);
  const Received third = world.manager().expect(v1::PRODUCE);
  CHECK(third.as<v1::Produce>().length_size() == 24);
  world.run_for(1s);
  CHECK_FALSE(world.manager().has(v1::PRODUCE));

  // The window is about numbers: the oldest one without an outcome holds it up.
  second.answer(v1::PRODUCED, stored(second, 501, 1));
  world.run_for(1s);
  CHECK_FALSE(world.manager().has(v1::PRODUCE));
  first.answer(v1::PRODUCED, stored(first, 1, 1));
  const Received fourth = world.manager().expect(v1::PRODUCE);
  CHECK(fourth.as<v1::Produce>().seq() == 1025);
  CHECK(fourth.as<v1::Produce>().resolved_below() == 1001);
}

TEST_CASE("a request without an answer is repeated as it was at the same shard") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  outcomes.produce("mail", "b");
  const Received first = world.manager().expect(v1::PRODUCE);

  world.manager().drop_connections();

  const Received again = world.manager().expect(v1::PRODUCE);
  CHECK(again.as<v1::Produce>().seq() == 1);
  CHECK(again.as<v1::Produce>().length_size() == 2);
  CHECK_FALSE(again.as<v1::Produce>().moved());
  CHECK(again.as<v1::Produce>().producer().hi() == first.as<v1::Produce>().producer().hi());
  CHECK(outcomes.size() == 0);
  again.answer(v1::PRODUCED, stored(again, 7, 1));
  world.run_until([&] { return outcomes.size() == 2; });
  CHECK(outcomes.of("b").task == TaskId(8));
  CHECK(world.client().metrics().produce_repeats == 2);
}

TEST_CASE(
    "after an unknown outcome another shard is asked with moved, and so is the first one then") {
  ClientWorld world(2);
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  world.manager(1).expect(v1::PRODUCE);
  world.manager(1).stop_listening();
  world.manager(1).drop_connections();

  const Received second = world.manager(2).expect(v1::PRODUCE);
  CHECK(second.as<v1::Produce>().moved());
  CHECK(maybe_at(second) == std::vector<std::uint32_t>{1});

  world.manager(1).listen();
  world.manager(2).stop_listening();
  world.manager(2).drop_connections();
  const Received third = world.manager(1).expect(v1::PRODUCE);
  CHECK(third.as<v1::Produce>().moved());
  CHECK(maybe_at(third) == std::vector<std::uint32_t>{1, 2});

  third.answer(v1::PRODUCED, stored(third, 42, 1));
  world.run_until([&] { return outcomes.has("a"); });
  CHECK(outcomes.of("a").task == TaskId(42));
}

TEST_CASE("what was never sent is plain at the manager that takes over") {
  ClientWorld world(2);
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  world.manager(1).expect(v1::PRODUCE);
  world.manager(1).stop_listening();
  world.manager(1).drop_connections();
  world.manager(2).expect(v1::PRODUCE);

  outcomes.produce("mail", "b");

  const Received fresh = world.manager(2).expect(v1::PRODUCE);
  CHECK(fresh.as<v1::Produce>().seq() == 2);
  CHECK_FALSE(fresh.as<v1::Produce>().moved());
}

TEST_CASE("a manager that may not store yet is passed over") {
  ClientWorld world(2);
  world.manager(1).set_shard(0);
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");

  const Received produce = world.manager(2).expect(v1::PRODUCE);
  CHECK_FALSE(produce.as<v1::Produce>().moved());
  CHECK_FALSE(world.manager(1).has(v1::PRODUCE));
}

TEST_CASE("retry_later stored nothing: the same numbers go again, after the pause, as plain ones") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  const Received first = world.manager().expect(v1::PRODUCE);
  const MonoTime asked = world.now();
  first.answer(v1::PRODUCED, refused(first, v1::RETRY_LATER, 700));

  const Received again = world.manager().expect(v1::PRODUCE);
  CHECK(world.now() - asked >= 700ms);
  CHECK(again.as<v1::Produce>().seq() == 1);
  CHECK_FALSE(again.as<v1::Produce>().moved());
}

TEST_CASE("a manager that keeps asking for patience is left for another, without moved") {
  ClientWorld world(2);
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  for (int i = 0; i < 3; ++i) {
    const Received produce = world.manager(1).expect(v1::PRODUCE);
    produce.answer(v1::PRODUCED, refused(produce, v1::RETRY_LATER));
  }
  CHECK_FALSE(world.manager(2).expect(v1::PRODUCE).as<v1::Produce>().moved());
}

TEST_CASE("a request that a manager answers with an error as a whole may be stored there") {
  ClientWorld world(2);
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  world.manager(1).expect(v1::PRODUCE).refuse(v1::INTERNAL);

  const Received elsewhere = world.manager(2).expect(v1::PRODUCE);
  CHECK(elsewhere.as<v1::Produce>().moved());
  CHECK(maybe_at(elsewhere) == std::vector<std::uint32_t>{1});
}

TEST_CASE("without an answer until the timeout the outcome is unknown, never failed") {
  ClientWorld world;
  ProducerOptions options;
  options.timeout = 5s;
  const auto producer = world.client().make_producer(options);
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  world.manager().expect(v1::PRODUCE);
  world.run_for(6s);
  CHECK(outcomes.of("a").state == ProduceState::kUnknown);
  CHECK(outcomes.of("a").status.code() == ErrorCode::kDeadlineExceeded);

  // Its number counts as resolved.
  outcomes.produce("mail", "b");
  const Received next = world.manager().expect(v1::PRODUCE);
  CHECK(next.as<v1::Produce>().seq() == 2);
  CHECK(next.as<v1::Produce>().resolved_below() == 2);
}

TEST_CASE("an outcome stays unknown when the connection broke and no manager came back") {
  ClientWorld world;
  ProducerOptions options;
  options.timeout = 5s;
  const auto producer = world.client().make_producer(options);
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  world.manager().expect(v1::PRODUCE);
  world.manager().stop_listening();
  world.manager().drop_connections();
  world.run_for(1s);
  outcomes.produce("mail", "never sent");
  world.run_for(6s);

  CHECK(outcomes.of("a").state == ProduceState::kUnknown);
  CHECK(outcomes.of("never sent").state == ProduceState::kFailed);
  CHECK(outcomes.of("never sent").status.code() == ErrorCode::kUnavailable);
}

TEST_CASE("what only ever got retry_later has failed at its timeout, with that error") {
  ClientWorld world;
  ProducerOptions options;
  options.timeout = 2s;
  const auto producer = world.client().make_producer(options);
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  const Received produce = world.manager().expect(v1::PRODUCE);
  produce.answer(v1::PRODUCED, refused(produce, v1::RETRY_LATER, 60'000));
  world.run_for(3s);
  CHECK(outcomes.of("a").state == ProduceState::kFailed);
  CHECK(outcomes.of("a").status.code() == ErrorCode::kRetryLater);
}

TEST_CASE("an item that is refused for good has failed, and its neighbours have not") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  outcomes.produce("mail", "b");
  outcomes.produce("mail", "c");
  const Received produce = world.manager().expect(v1::PRODUCE);
  v1::Produced answer;
  answer.set_shard(1);
  v1::ProducedRun& first = *answer.add_run();
  first.set_count(1);
  first.set_first_task(10);
  v1::ProducedRun& second = *answer.add_run();
  second.set_count(1);
  second.set_code(v1::INVALID_ARGUMENT);
  v1::ProducedRun& third = *answer.add_run();
  third.set_count(1);
  third.set_first_task(11);
  produce.answer(v1::PRODUCED, answer);
  world.run_until([&] { return outcomes.size() == 3; });

  CHECK(outcomes.of("a").task == TaskId(10));
  CHECK(outcomes.of("b").state == ProduceState::kFailed);
  CHECK(outcomes.of("b").status.code() == ErrorCode::kInvalidArgument);
  CHECK(outcomes.of("c").task == TaskId(11));
}

TEST_CASE("a bad queue name and a payload over the manager's limit fail without being sent") {
  ClientWorld world;
  world.manager().set_payload_bytes_max(10);
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("no spaces", "a");
  outcomes.produce("mail", std::string(11, 'x'));
  outcomes.produce("mail", "fits");

  const Received produce = world.manager().expect(v1::PRODUCE);
  CHECK(produce.payload == "fits");
  CHECK(outcomes.of("a").status.code() == ErrorCode::kInvalidArgument);
  CHECK(outcomes.of(std::string(11, 'x')).status.code() == ErrorCode::kTooLarge);
}

TEST_CASE("an idle producer tells that all is resolved, once") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  const Received produce = world.manager().expect(v1::PRODUCE);
  produce.answer(v1::PRODUCED, stored(produce, 1, 1));

  const Received resolved = world.manager().expect(v1::PRODUCER_RESOLVED);
  CHECK(resolved.as<v1::ProducerResolved>().resolved_below() == 2);
  world.run_for(30s);
  CHECK_FALSE(world.manager().has(v1::PRODUCER_RESOLVED));
}

TEST_CASE(
    "closing waits for the outcomes, tells that all is resolved, and refuses what comes later") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  const Received produce = world.manager().expect(v1::PRODUCE);
  bool closed = false;
  producer->close([&] { closed = true; });
  outcomes.produce("mail", "late");
  world.run_for(500ms);
  CHECK_FALSE(closed);
  CHECK(outcomes.of("late").status.code() == ErrorCode::kConflict);

  produce.answer(v1::PRODUCED, stored(produce, 1, 1));
  world.run_until([&] { return closed; });
  CHECK(outcomes.of("a").confirmed());
  CHECK(world.manager().expect(v1::PRODUCER_RESOLVED).as<v1::ProducerResolved>().resolved_below() ==
        2);
  world.run_until([&] { return world.manager().connections() == 0; });
}

TEST_CASE("more than the bound is refused at once with retry_later, and room comes with outcomes") {
  ClientWorld world;
  ProducerOptions options;
  options.unresolved_items_max = 2;
  options.backpressure = Backpressure::kRefuse;
  const auto producer = world.client().make_producer(options);
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  outcomes.produce("mail", "b");
  CHECK_FALSE(producer->has_room(1));
  outcomes.produce("mail", "c");
  const Received produce = world.manager().expect(v1::PRODUCE);
  CHECK(produce.as<v1::Produce>().length_size() == 2);
  CHECK(outcomes.of("c").status.code() == ErrorCode::kRetryLater);

  produce.answer(v1::PRODUCED, stored(produce, 1, 1));
  world.run_until([&] { return outcomes.has("b"); });
  CHECK(producer->has_room(1));
}

TEST_CASE("a manager that says goodbye gets nothing new, but its answers still count") {
  ClientWorld world(2);
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  const Received produce = world.manager(1).expect(v1::PRODUCE);
  world.manager(1).say_goodbye();
  world.run_for(10ms);
  outcomes.produce("mail", "b");
  world.run_for(100ms);
  CHECK_FALSE(world.manager(1).has(v1::PRODUCE));
  produce.answer(v1::PRODUCED, stored(produce, 5, 1));

  const Received next = world.manager(2).expect(v1::PRODUCE);
  CHECK(next.as<v1::Produce>().seq() == 2);
  CHECK_FALSE(next.as<v1::Produce>().moved());
  CHECK(outcomes.of("a").task == TaskId(5));
}

TEST_CASE("a living manager that does not answer is left, and the task goes as moved elsewhere") {
  ClientWorld world(2);
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  world.manager(1).expect(v1::PRODUCE);
  world.run_for(11s);
  CHECK(world.manager(2).expect(v1::PRODUCE).as<v1::Produce>().moved());
}

// ---- options --------------------------------------------------------------------------------

TEST_CASE("a task without options says nothing about them") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  CHECK(world.manager().expect(v1::PRODUCE).as<v1::Produce>().options_size() == 0);
}

TEST_CASE("options that all items share travel once") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  TaskOptions options;
  options.priority = 9;
  options.type = "letter";
  options.time_to_live = Millis(5000);
  outcomes.produce("mail", "a", options);
  outcomes.produce("mail", "b", options);

  const auto message = world.manager().expect(v1::PRODUCE).as<v1::Produce>();
  CHECK(message.length_size() == 2);
  REQUIRE(message.options_size() == 1);
  CHECK(message.options(0).priority() == 9);
  CHECK(message.options(0).type() == "letter");
  CHECK(message.options(0).time_to_live_ms() == 5000);
}

TEST_CASE("options that differ travel one for each item") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  TaskOptions urgent;
  urgent.priority = 10;
  outcomes.produce("mail", "a", urgent);
  outcomes.produce("mail", "b");
  outcomes.produce("mail", "c", urgent);

  const auto message = world.manager().expect(v1::PRODUCE).as<v1::Produce>();
  CHECK(message.length_size() == 3);
  REQUIRE(message.options_size() == 3);
  CHECK(message.options(0).priority() == 10);
  CHECK(message.options(1).priority() == 0);  // the default
  CHECK(message.options(2).priority() == 10);
}

TEST_CASE("many different options are split into requests whose metadata fits a frame") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  for (int i = 0; i < 600; ++i) {
    TaskOptions options;
    options.fair_key = std::to_string(i) + std::string(190, 'k');
    outcomes.produce("mail", std::to_string(i), options);
  }
  int items = 0;
  while (items < 600) {
    const Received produce = world.manager().expect(v1::PRODUCE);
    CHECK(produce.metadata.size() < kFrameMetadataBytesMax);
    const auto message = produce.as<v1::Produce>();
    CHECK(message.options_size() == message.length_size());
    items += message.length_size();
  }
  CHECK(items == 600);
}

TEST_CASE("what waits for the ledger does not share a request with what does not") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  outcomes.produce("mail", "b", with_key("k"));
  CHECK(world.manager().expect(v1::PRODUCE).as<v1::Produce>().length_size() == 1);
  const auto second = world.manager().expect(v1::PRODUCE).as<v1::Produce>();
  CHECK(second.seq() == 2);
  CHECK(second.options(0).key() == "k");
}

TEST_CASE("an option out of its range fails without being sent, and names itself") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  TaskOptions options;
  options.priority = 11;
  outcomes.produce("mail", "a", options);
  TaskOptions copy;
  copy.retry_of = TaskId(ShardId(1), Offset(1));
  outcomes.produce("mail", "payload of a copy", copy);
  world.run_until([&] { return outcomes.size() == 2; });
  CHECK(outcomes.of("a").status.message().find("priority 11") != std::string::npos);
  CHECK(outcomes.of("payload of a copy").status.code() == ErrorCode::kInvalidArgument);
  CHECK_FALSE(world.manager().has(v1::PRODUCE));
}

TEST_CASE("a known key confirms the task that is there, and says where it stands") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a", with_key("k"));
  const Received produce = world.manager().expect(v1::PRODUCE);
  v1::Produced answer = stored(produce, 77, 1);
  answer.mutable_run(0)->set_duplicate(true);
  answer.mutable_run(0)->set_state(v1::DONE);
  produce.answer(v1::PRODUCED, answer);
  world.run_until([&] { return outcomes.has("a"); });
  CHECK(outcomes.of("a").confirmed());
  CHECK(outcomes.of("a").task == TaskId(77));
  CHECK(outcomes.of("a").duplicate);
  CHECK(outcomes.of("a").task_state == TaskState::kDone);
}

TEST_CASE("the ledger's refusal of a key or a parent is final, also of what may be somewhere") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a", with_key("k"));
  world.manager().expect(v1::PRODUCE);
  world.manager().drop_connections();
  const Received again = world.manager().expect(v1::PRODUCE);
  CHECK(again.as<v1::Produce>().moved());
  again.answer(v1::PRODUCED, refused(again, v1::CONFLICT));

  TaskOptions child;
  child.parent = TaskId(ShardId(1), Offset(1));
  child.parent_token = Token(3);
  outcomes.produce("mail", "b", child);
  const Received spawned = world.manager().expect(v1::PRODUCE);
  CHECK(spawned.as<v1::Produce>().options(0).parent_token() == 3);
  spawned.answer(v1::PRODUCED, refused(spawned, v1::CLAIM_SUPERSEDED));
  world.run_until([&] { return outcomes.size() == 2; });
  CHECK(outcomes.of("a").state == ProduceState::kFailed);
  CHECK(outcomes.of("a").status.code() == ErrorCode::kConflict);
  CHECK(outcomes.of("b").state == ProduceState::kFailed);
  CHECK(outcomes.of("b").status.code() == ErrorCode::kClaimSuperseded);
}

TEST_CASE("what waits for the ledger is repeated as moved, also at the same shard") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a", in_order("k"));
  CHECK_FALSE(world.manager().expect(v1::PRODUCE).as<v1::Produce>().moved());
  world.manager().drop_connections();
  const Received again = world.manager().expect(v1::PRODUCE);
  CHECK(again.as<v1::Produce>().moved());
  CHECK(maybe_at(again) == std::vector<std::uint32_t>{1});
  CHECK(again.as<v1::Produce>().options(0).order_key() == "k");
}

TEST_CASE("unavailable says nothing about a task that waits for the ledger") {
  ClientWorld world;
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a", in_order("k"));
  const Received first = world.manager().expect(v1::PRODUCE);
  first.answer(v1::PRODUCED, refused(first, v1::UNAVAILABLE));
  CHECK(world.manager().expect(v1::PRODUCE).as<v1::Produce>().moved());
}

TEST_CASE("unavailable says nothing about any task: its queue may be ordered") {
  ClientWorld world(2);
  ProducerOptions options;
  options.timeout = 2s;
  const auto producer = world.client().make_producer(options);
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  const Received first = world.manager(1).expect(v1::PRODUCE);
  first.answer(v1::PRODUCED, refused(first, v1::UNAVAILABLE));
  const Received again = world.manager(2).expect(v1::PRODUCE);
  CHECK(again.as<v1::Produce>().moved());
  CHECK(maybe_at(again) == std::vector<std::uint32_t>{1});
  again.answer(v1::PRODUCED, refused(again, v1::RETRY_LATER, 3000));
  world.run_until([&] { return outcomes.has("a"); });
  CHECK(outcomes.of("a").state == ProduceState::kUnknown);
}

TEST_CASE("after a refused ordered task it goes first, and nothing new before it") {
  ClientWorld world;
  ProducerOptions options;
  options.batch_items_max = 2;
  const auto producer = world.client().make_producer(options);
  Outcomes outcomes(*producer);
  for (int i = 1; i <= 4; ++i) outcomes.produce("mail", std::to_string(i), in_order("k"));
  const Received first = world.manager().expect(v1::PRODUCE);
  const Received second = world.manager().expect(v1::PRODUCE);
  v1::Produced half = stored(first, 100, 1);  // 1 is stored, 2 and all behind it are refused
  half.mutable_run(0)->set_count(1);
  v1::ProducedRun& rest = *half.add_run();
  rest.set_count(1);
  rest.set_code(v1::RETRY_LATER);
  first.answer(v1::PRODUCED, half);
  world.run_until([&] { return outcomes.has("1"); });
  outcomes.produce("mail", "5", in_order("k"));
  second.answer(v1::PRODUCED, refused(second, v1::RETRY_LATER));

  std::vector<std::uint64_t> order;
  for (int i = 0; i < 3; ++i) {
    const Received again = world.manager().expect(v1::PRODUCE);
    CHECK_FALSE(again.as<v1::Produce>().moved());
    for (int item = 0; item < again.as<v1::Produce>().length_size(); ++item)
      order.push_back(again.as<v1::Produce>().seq() + static_cast<std::uint64_t>(item));
  }
  CHECK(order == std::vector<std::uint64_t>{2, 3, 4, 5});
}

TEST_CASE("when a refused ordered task is given up, resolved_below says so with the next one") {
  ClientWorld world;
  ProducerOptions options;
  options.timeout = 2s;
  const auto producer = world.client().make_producer(options);
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a", in_order("k"));
  const Received first = world.manager().expect(v1::PRODUCE);
  world.run_for(1s);
  outcomes.produce("mail", "b", in_order("k"));
  const Received second = world.manager().expect(v1::PRODUCE);
  first.answer(v1::PRODUCED, refused(first, v1::RETRY_LATER, 1500));
  second.answer(v1::PRODUCED, refused(second, v1::RETRY_LATER));
  world.run_until([&] { return outcomes.has("a"); });
  CHECK(outcomes.of("a").state == ProduceState::kFailed);

  const Received again = world.manager().expect(v1::PRODUCE);
  CHECK(again.as<v1::Produce>().seq() == 2);
  CHECK(again.as<v1::Produce>().resolved_below() == 2);
}

TEST_CASE("an answer that names another number of items counts as none") {
  ClientWorld world(2);
  const auto producer = world.client().make_producer();
  Outcomes outcomes(*producer);
  outcomes.produce("mail", "a");
  const Received produce = world.manager(1).expect(v1::PRODUCE);
  v1::Produced wrong = stored(produce, 1, 1);
  wrong.mutable_run(0)->set_count(2);
  produce.answer(v1::PRODUCED, wrong);
  CHECK(world.manager(2).expect(v1::PRODUCE).as<v1::Produce>().moved());
  CHECK(outcomes.size() == 0);
}

}  // namespace
}  // namespace baton::client
