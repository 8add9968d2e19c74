#include "tests/unit/manager/service/node_world.h"

namespace baton::manager {
namespace {

class GarbageWorld : public NodeWorld {
 public:
  GarbageWorld() {
    center.start();
    start_registered();
    worker = client();
  }

  // More than one stretch of the log, so that the first is closed.
  void fill() {
    const std::vector<std::string> payloads(800, std::string(256, 'x'));
    for (std::uint64_t i = 0; i < 26; ++i) {
      v1::Produce request = produce_request(1 + i * 800, payloads);
      request.set_resolved_below(1 + i * 800);
      const std::vector<std::string_view> pieces(payloads.begin(), payloads.end());
      worker->say(v1::PRODUCE, 100 + i, request, pieces);
      REQUIRE(worker->await_message<v1::Produced>(v1::PRODUCED, 100 + i).run(0).code() == v1::OK);
    }
    until([this] { return center.created_hi == 26 * 800 + 1; });
  }
  // Only the first offset of whatever is asked about lives.
  void only_first_lives() {
    center.on_live = [this](const v1::Live& asked) {
      v1::LiveAnswer answer;
      answer.set_created_hi(center.created_hi);
      if (asked.from() < asked.to()) {
        answer.add_first(asked.from());
        answer.add_count(1);
      }
      for (int i = 0; i < asked.result_size(); ++i) answer.add_result_live(false);
      return answer;
    };
  }
  // What a grant of the task brings: its payload, or nothing when it is given back.
  std::string payload_of(std::uint64_t number, TaskId task) {
    center.grant(grant(number, task));
    return worker->await(v1::TASKS).payload;
  }

  std::unique_ptr<FakePeer> worker;
};

TEST_CASE_METHOD(GarbageWorld,
                 "a stretch of finished tasks is collected, and what lives in it is still served") {
  only_first_lives();
  fill();
  until([this] { return !center.lives.empty(); });
  run_for(std::chrono::seconds(5));
  CHECK(center.lives.front().from() == 1);
  // Judged once, and never what the next registration needs.
  for (std::size_t i = 1; i < center.lives.size(); ++i) {
    CHECK(center.lives[i].from() != center.lives[0].from());
  }
  for (const v1::Live& asked : center.lives) CHECK(asked.to() < center.created_hi);

  consume(*worker);
  CHECK(payload_of(1, task(1)) == std::string(256, 'x'));
  CHECK(payload_of(2, task(2)).empty());
  until([this] { return center.count(v1::Command::kGiveBack) > 0; });
  CHECK(center.last(v1::Command::kGiveBack).give_back().reason() == v1::DAMAGED);

  kill();
  start_registered();
  CHECK(center.last(v1::Command::kRegister).register_().crc_below() != 0);
}

TEST_CASE_METHOD(GarbageWorld,
                 "a task that the ledger calls live and a collection dropped is told") {
  std::uint64_t live_task = 0;
  center.on_live = [&](const v1::Live& asked) {
    v1::LiveAnswer answer;
    answer.set_created_hi(center.created_hi);
    if (asked.from() <= live_task && live_task < asked.to()) {
      answer.add_first(live_task);
      answer.add_count(1);
    }
    return answer;
  };
  fill();
  until([this] { return !center.lives.empty(); });
  run_for(std::chrono::seconds(5));
  live_task = 2;  // in a stretch of which nothing is left, and about which no collection asks again

  until([this] { return center.count(v1::Command::kQuarantine) > 0; }, std::chrono::minutes(2));

  CHECK(center.last(v1::Command::kQuarantine).quarantine().offset(0) == 2);
  const std::size_t asked = center.lives.size();
  run_for(std::chrono::minutes(2));
  CHECK(center.lives.size() == asked);
}

TEST_CASE_METHOD(GarbageWorld, "an answer from before something that was heard collects nothing") {
  only_first_lives();
  center.answers_behind = 1;
  fill();
  until([this] { return !center.lives.empty(); });
  run_for(std::chrono::seconds(3));
  consume(*worker);
  CHECK(payload_of(1, task(2)) == std::string(256, 'x'));
}

TEST_CASE_METHOD(GarbageWorld, "a stretch in which much lives is left alone") {
  center.on_live = [this](const v1::Live& asked) {
    v1::LiveAnswer answer;
    answer.set_created_hi(center.created_hi);
    answer.add_first(asked.from());
    answer.add_count((asked.to() - asked.from()) / 2);
    return answer;
  };
  fill();
  until([this] { return !center.lives.empty(); });
  run_for(std::chrono::seconds(3));
  consume(*worker);
  CHECK(payload_of(1, TaskId(ShardId(kShard), Offset(center.lives[0].to() - 1))) ==
        std::string(256, 'x'));
}

TEST_CASE_METHOD(GarbageWorld,
                 "a result whose ack was given up is settled a minute later, not before") {
  produce(*worker, 1, {"a"});
  consume(*worker);
  center.stop();
  run_for(std::chrono::milliseconds(100));
  v1::Operations operations;
  v1::Operation& ack = *operations.add_operation();
  ack.set_seq(1);
  ack.set_kind(v1::ACK);
  ack.set_task(task(1).value());
  ack.set_token(1001);
  ack.set_length(4);
  const std::string_view result[] = {"done"};
  worker->say(v1::OPERATIONS, 60, operations, result);
  run_for(std::chrono::milliseconds(100));
  worker->hang_up();
  run_for(std::chrono::seconds(1));
  center.start();

  run_for(std::chrono::seconds(50));
  CHECK(center.settled.empty());
  run_for(std::chrono::seconds(15));
  REQUIRE(center.settled.size() == 1);
  CHECK(center.settled[0].task() == task(1).value());
  CHECK(center.settled[0].token() == 1001);
  CHECK(center.settled[0].kind() == v1::RECORD_RESULT);
  CHECK(center.settled[0].shard() == kShard);
}

}  // namespace
}  // namespace baton::manager
