#include "common/base/content_hash.h"
#include "tests/unit/manager/service/node_world.h"

namespace baton::manager {
namespace {

TEST_CASE_METHOD(NodeWorld,
                 "a produce is confirmed when it is durable, then reported to the ledger") {
  center.start();
  start_registered();
  const auto producer = client();
  CHECK(producer->hello_ok.shard() == kShard);
  CHECK(producer->hello_ok.name() == "m1");

  const v1::Produced produced = produce(*producer, 1, {"hello", "world"});

  CHECK(produced.shard() == kShard);
  REQUIRE(produced.run_size() == 1);
  CHECK(produced.run(0).code() == v1::OK);
  CHECK(produced.run(0).count() == 2);
  CHECK(produced.run(0).first_task() == task(1).value());
  until([&] { return center.created_hi == 3; });
  const v1::Created& created = center.last(v1::Command::kCreated).created();
  CHECK(created.from() == 1);
  CHECK(created.run(0).queue() == "mail");
  CHECK(created.run(0).seq() == 1);
  CHECK(created.crc_last() != 0);
}

TEST_CASE_METHOD(NodeWorld,
                 "what was confirmed survives a power cut and is reported by the next life") {
  center.start();
  start_registered();
  const auto producer = client();
  center.silent = {v1::Command::kCreated};
  produce(*producer, 1, {"hello"});
  cut_power();

  center.silent.clear();
  start_registered();
  until([&] { return center.created_hi == 2; });
  CHECK_FALSE(center.last(v1::Command::kCreated).created().run(0).is_void());
}

TEST_CASE_METHOD(NodeWorld,
                 "what is damaged before it was reported is quarantined, and the rest reported") {
  options.stretch_bytes = 16 << 10;
  center.start();
  start_registered();
  const auto producer = client();
  center.silent = {v1::Command::kCreated};
  for (std::uint64_t seq = 1; seq <= 10; ++seq) {
    produce(*producer, seq, {std::string(8 << 10, 'x')});
  }
  kill();
  spoil_batch(Lsn(3), "xxx");

  center.silent.clear();
  start_registered();
  until([&] { return center.created_hi == 11; });

  std::map<std::uint64_t, v1::CreatedRun> runs;  // by offset of the first
  for (const v1::Command& command : center.commands) {
    if (!command.has_created()) continue;
    std::uint64_t at = command.created().from();
    for (const v1::CreatedRun& run : command.created().run()) {
      runs[at] = run;
      at += run.count();
    }
  }
  REQUIRE(runs.contains(3));
  CHECK(runs[3].unreadable());
  CHECK(runs[3].count() == 1);
  CHECK(runs[3].queue() == "lost+found");
  CHECK_FALSE(runs[4].unreadable());
  CHECK(logger.has("records damaged before they were reported"));
}

TEST_CASE_METHOD(NodeWorld, "a repeated produce gives the same task, also after a restart") {
  center.start();
  start_registered();
  auto producer = client();
  const v1::Produced first = produce(*producer, 1, {"a", "b"});
  CHECK(produce(*producer, 1, {"a", "b"}).run(0).first_task() == first.run(0).first_task());
  kill();

  start_registered();
  producer = client();
  const v1::Produced again = produce(*producer, 1, {"a", "b", "c"});
  REQUIRE(again.run_size() == 2);
  CHECK(again.run(0).count() == 2);
  CHECK(again.run(0).first_task() == first.run(0).first_task());
  CHECK(again.run(1).first_task() == task(3).value());
}

TEST_CASE_METHOD(NodeWorld, "the same number with another payload is a conflict") {
  center.start();
  start_registered();
  const auto producer = client();
  produce(*producer, 1, {"a"});
  CHECK(produce(*producer, 1, {"other"}).run(0).code() == v1::CONFLICT);
}

// A produce of one task that may be stored elsewhere; request 50.
void say_moved(FakePeer& producer, std::uint32_t timeout_ms = 0) {
  v1::Produce request = NodeWorld::produce_request(1, {"a"});
  request.set_moved(true);
  if (timeout_ms > 0) request.set_timeout_ms(timeout_ms);
  const std::string_view pieces[] = {"a"};
  producer.say(v1::PRODUCE, 50, request, pieces);
}

TEST_CASE_METHOD(NodeWorld, "a moved produce is answered with the winner that the ledger names") {
  center.start();
  start_registered();
  const auto producer = client();
  produce(*producer, 1, {"a"});
  const std::uint64_t winner = TaskId(ShardId(9), Offset(4)).value();
  center.winners[3] = winner;

  v1::Produce request = produce_request(1, {"a", "b"});
  request.set_moved(true);
  request.add_maybe_at(9);
  const std::string_view pieces[] = {"a", "b"};
  producer->say(v1::PRODUCE, 50, request, pieces);
  const auto produced = producer->await_message<v1::Produced>(v1::PRODUCED, 50);

  REQUIRE(produced.run_size() == 2);
  CHECK(produced.run(0).first_task() == task(2).value());
  CHECK(produced.run(1).first_task() == winner);
  const v1::CreatedRun& run = center.last(v1::Command::kCreated).created().run(0);
  CHECK(run.waits());
  CHECK(run.maybe_at(0) == 9);
  CHECK(run.content_hash(0) == content_hash("a"));
}

TEST_CASE_METHOD(NodeWorld,
                 "a moved produce that no ledger answers ends with deadline_exceeded, and is void "
                 "in the next life") {
  center.start();
  start_registered();
  const auto producer = client();
  center.silent = {v1::Command::kCreated};
  say_moved(*producer, 500);
  CHECK(producer->await_message<v1::Produced>(v1::PRODUCED, 50).run(0).code() ==
        v1::DEADLINE_EXCEEDED);

  kill();
  center.silent.clear();
  start_registered();
  until([&] { return center.created_hi == 2; });
  CHECK(center.last(v1::Command::kCreated).created().run(0).is_void());
}

TEST_CASE_METHOD(NodeWorld,
                 "a moved produce whose answer was lost is told to come again, not its own id") {
  center.start();
  start_registered();
  const auto producer = client();
  center.answers_lost = {v1::Command::kCreated};
  say_moved(*producer);
  until([&] { return center.created_hi == 2; });
  run_for(std::chrono::milliseconds(100));

  center.answers_lost.clear();
  center.drop_connections();

  // The winner may be at another shard.
  CHECK(producer->await_message<v1::Produced>(v1::PRODUCED, 50).run(0).code() == v1::UNAVAILABLE);
}

TEST_CASE_METHOD(NodeWorld,
                 "producing goes on while the center is away, and is reported when it is back") {
  center.start();
  start_registered();
  const auto producer = client();
  center.stop();
  CHECK(produce(*producer, 1, {"a"}).run(0).code() == v1::OK);
  run_for(std::chrono::seconds(2));
  CHECK(produce(*producer, 2, {"b"}).run(0).code() == v1::OK);

  center.start();
  until([&] { return center.created_hi == 3; }, std::chrono::seconds(20));
}

TEST_CASE_METHOD(NodeWorld, "a restart while the center is away answers produce with unavailable") {
  center.start();
  start_registered();
  kill();
  center.stop();
  REQUIRE(start().ok());
  const auto producer = client();
  CHECK(producer->hello_ok.shard() == 0);
  CHECK(produce(*producer, 1, {"a"}).run(0).code() == v1::UNAVAILABLE);

  center.start();
  until([&] { return !center.beats.empty(); }, std::chrono::seconds(20));
  CHECK(produce(*producer, 1, {"a"}).run(0).code() == v1::OK);
}

TEST_CASE_METHOD(NodeWorld, "an item over the payload limit is refused alone") {
  options.payload_bytes_max = 10;
  center.start();
  start_registered();
  const auto producer = client();
  const v1::Produced produced = produce(*producer, 1, {"a", "01234567890", "c"});
  REQUIRE(produced.run_size() == 3);
  CHECK(produced.run(0).code() == v1::OK);
  CHECK(produced.run(1).code() == v1::TOO_LARGE);
  CHECK(produced.run(2).first_task() == task(2).value());
}

TEST_CASE_METHOD(NodeWorld,
                 "a center that postpones reports keeps its channel, and hears them later") {
  center.start();
  start_registered();
  const auto producer = client();
  const auto hellos = [&] {
    return center.count([](const v1::Command& c) { return c.has_register_(); });
  };
  const std::size_t before = hellos();
  center.disk_low = true;

  for (std::uint64_t i = 1; i <= 5; ++i) produce(*producer, i, {"x"});
  run_for(std::chrono::seconds(3));
  CHECK(hellos() == before);
  CHECK(center.created_hi == 1);

  center.disk_low = false;
  run_for(std::chrono::seconds(1));
  CHECK(center.created_hi == 6);
  CHECK(hellos() == before);
}

TEST_CASE_METHOD(NodeWorld, "below the disk floor produces are postponed while acks go on") {
  center.start();
  start_registered();
  const auto producer = client();
  produce(*producer, 1, {"a"});
  env.set_capacity(std::uint64_t{64} << 20);
  run_for(std::chrono::seconds(1));
  const v1::Produced refused = produce(*producer, 2, {"b"});
  CHECK(refused.run(0).code() == v1::RETRY_LATER);
  CHECK(refused.run(0).retry_after_ms() > 0);

  consume(*producer);
  v1::Operations operations;
  v1::Operation& ack = *operations.add_operation();
  ack.set_seq(1);
  ack.set_kind(v1::ACK);
  ack.set_task(task(1).value());
  ack.set_token(9);
  ack.set_length(2);
  const std::string_view result[] = {"ok"};
  producer->say(v1::OPERATIONS, 60, operations, result);
  CHECK(producer->await_message<v1::OperationsDone>(v1::OPERATIONS_DONE, 60).outcome(0).code() ==
        v1::OK);
}

TEST_CASE_METHOD(NodeWorld,
                 "wrong produce requests are refused with a reason, the connection stays") {
  center.start();
  start_registered();
  const auto producer = client();
  const std::string_view pieces[] = {"a"};
  const auto refused = [&](const v1::Produce& request) {
    producer->say(v1::PRODUCE, 70, request, pieces);
    return producer->await_message<v1::Error>(v1::ERROR, 70).code();
  };
  v1::Produce bad_queue = produce_request(1, {"a"});
  bad_queue.set_queue("no spaces");
  CHECK(refused(bad_queue) == v1::INVALID_ARGUMENT);
  CHECK(refused(produce_request(0, {"a"})) == v1::INVALID_ARGUMENT);
  CHECK(refused(produce_request(5000, {"a"})) == v1::INVALID_ARGUMENT);
  v1::Produce nobody = produce_request(1, {"a"});
  nobody.clear_producer();
  nobody.set_moved(true);
  CHECK(refused(nobody) == v1::INVALID_ARGUMENT);
  CHECK(produce(*producer, 1, {"a"}).run(0).code() == v1::OK);
}

TEST_CASE_METHOD(NodeWorld, "a failed write confirms nothing and ends the node") {
  center.start();
  start_registered();
  const auto producer = client();
  env.fail_at(env.operations() + 1, sim::Fault::kError, true);
  const std::string_view pieces[] = {"a"};
  producer->say(v1::PRODUCE, 80, produce_request(1, {"a"}), pieces);
  until([&] { return !failure.ok(); });
  run_for(std::chrono::milliseconds(100));
  CHECK_FALSE(producer->has(v1::PRODUCED));
  CHECK(metrics().tasks_confirmed == 0);
}

TEST_CASE_METHOD(NodeWorld, "a repetition is not confirmed before what it repeats is durable") {
  center.start();
  start_registered();
  const auto producer = client();
  env.fail_at(env.operations() + 1, sim::Fault::kError, true);
  const std::string_view pieces[] = {"a"};
  producer->say(v1::PRODUCE, 80, produce_request(1, {"a"}), pieces);
  producer->say(v1::PRODUCE, 81, produce_request(1, {"a"}), pieces);
  until([&] { return !failure.ok(); });
  run_for(std::chrono::milliseconds(100));
  CHECK_FALSE(producer->has(v1::PRODUCED));
  CHECK(metrics().tasks_confirmed == 0);
}

TEST_CASE_METHOD(NodeWorld, "what counts as confirmed is what a producer was told to be") {
  center.start();
  start_registered();
  const auto producer = client();
  produce(*producer, 1, {"a", "b"});
  produce(*producer, 1, {"a", "b"});
  produce(*producer, 1, {"other"});
  CHECK(metrics().tasks_confirmed == 4);
  CHECK(metrics().tasks_repeated == 2);
  CHECK(metrics().tasks_refused == 1);
  until([&] { return metrics().tasks_reported == 2; });
}

}  // namespace
}  // namespace baton::manager
