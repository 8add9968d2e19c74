#include "tests/unit/manager/service/node_world.h"

namespace baton::manager {
namespace {

v1::Operations one(v1::OperationKind kind, std::uint64_t seq, TaskId task, std::uint64_t token,
                   std::uint32_t length = 0) {
  v1::Operations operations;
  v1::Operation& operation = *operations.add_operation();
  operation.set_seq(seq);
  operation.set_kind(kind);
  operation.set_task(task.value());
  operation.set_token(token);
  operation.set_length(length);
  return operations;
}

class ConsumeWorld : public NodeWorld {
 public:
  ConsumeWorld() {
    center.start();
    start_registered();
    consumer = client();
    produce(*consumer, 1, {"first", "second"});
  }
  v1::GiveBackReason given_back() {
    until([&] { return center.count(v1::Command::kGiveBack) > 0; });
    return center.last(v1::Command::kGiveBack).give_back().reason();
  }

  void add_peer_member() {
    enroll_peer();
    run_for(std::chrono::milliseconds(1500));
  }
  // The ledger says that the peer keeps the result of its task.
  void result_at_peer() {
    center.on_query = [this](const v1::Query&) {
      v1::ChannelAnswer answer;
      v1::ResultPlace& place = *answer.mutable_result();
      place.set_task(at_peer.value());
      place.set_token(1001);
      place.set_shard(at_peer.shard().value());
      place.set_lsn(7);
      return answer;
    };
  }
  v1::Query result_query() const {
    v1::Query query;
    query.mutable_task_result()->set_task(at_peer.value());
    return query;
  }

  std::unique_ptr<FakePeer> consumer;
  const TaskId at_peer{ShardId(9), Offset(3)};
};

TEST_CASE_METHOD(ConsumeWorld, "a grant is delivered with its payload from the local log") {
  consume(*consumer);
  center.grant(grant(1, task(2)));
  const FakePeer::Heard heard = consumer->await(v1::TASKS);
  v1::Tasks tasks;
  REQUIRE(parse_metadata(heard.metadata, tasks).ok());
  REQUIRE(tasks.delivery_size() == 1);
  CHECK(tasks.conn_epoch() == 1);
  CHECK(tasks.delivery(0).task() == task(2).value());
  CHECK(tasks.delivery(0).token() == 1001);
  CHECK(tasks.delivery(0).number() == 1);
  CHECK(heard.payload == "second");
}

TEST_CASE_METHOD(ConsumeWorld,
                 "a grant whose payload is at another manager is fetched from there") {
  FakeManager peer(scheduler, network, logger, center.cluster);
  peer.payloads[at_peer.value()] = "far";
  add_peer_member();
  consume(*consumer);
  center.grant(grant(1, at_peer));
  CHECK(consumer->await(v1::TASKS).payload == "far");
  CHECK(peer.fetches == 1);
}

TEST_CASE_METHOD(ConsumeWorld,
                 "a grant or a result at a manager that this one has not heard of is fetched all "
                 "the same") {
  FakeManager peer(scheduler, network, logger, center.cluster);
  peer.payloads[at_peer.value()] = "far";
  peer.results[at_peer.value()] = "done";
  result_at_peer();
  consume(*consumer);
  enroll_peer();
  SECTION("a grant") {
    center.grant(grant(1, at_peer));
    CHECK(consumer->await(v1::TASKS).payload == "far");
  }
  SECTION("a result") {
    consumer->say(v1::QUERY, 68, result_query());
    CHECK(consumer->await(v1::ANSWER, 68).payload == "done");
  }
  CHECK(center.count(v1::Command::kGiveBack) == 0);
}

TEST_CASE_METHOD(ConsumeWorld, "a result whose shard nobody knows is unavailable before long") {
  result_at_peer();
  consumer->say(v1::QUERY, 68, result_query());
  const auto begun = scheduler.now();
  CHECK(consumer->await_message<v1::Answer>(v1::ANSWER, 68).code() == v1::UNAVAILABLE);
  CHECK(scheduler.now() - begun < std::chrono::seconds(1));
}

TEST_CASE_METHOD(ConsumeWorld, "a result is waited for no longer than the question allows") {
  FakeManager peer(scheduler, network, logger, center.cluster);
  peer.answers = false;
  add_peer_member();
  result_at_peer();
  v1::Query query = result_query();
  query.set_timeout_ms(300);
  const auto begun = scheduler.now();
  consumer->say(v1::QUERY, 68, query);
  CHECK(consumer->await_message<v1::Answer>(v1::ANSWER, 68).code() == v1::DEADLINE_EXCEEDED);
  CHECK(scheduler.now() - begun < std::chrono::milliseconds(400));
  run_for(std::chrono::seconds(3));
  CHECK_FALSE(consumer->has(v1::ANSWER));  // one question, one answer
}

TEST_CASE_METHOD(ConsumeWorld, "a manager tells its peers how far it is durable") {
  FakeManager peer(scheduler, network, logger, center.cluster);
  add_peer_member();
  REQUIRE_FALSE(peer.beats.empty());
  CHECK(peer.beats.back().end(0).shard() == kShard);
  CHECK(peer.beats.back().end(0).durable_end() == 3);
}

TEST_CASE_METHOD(
    ConsumeWorld,
    "a payload whose manager does not answer is given back as unreachable and its number dies") {
  add_peer_member();  // nobody listens there
  consume(*consumer);
  center.grant(grant(1, at_peer));
  CHECK(given_back() == v1::UNREACHABLE);
  CHECK(consumer->await_message<v1::Tasks>(v1::TASKS).died(0) == 1);
}

TEST_CASE_METHOD(ConsumeWorld, "a damaged payload is quarantined and its number dies") {
  FakeManager peer(scheduler, network, logger, center.cluster);
  peer.codes[at_peer.value()] = v1::DATA_LOSS;
  add_peer_member();
  consume(*consumer);
  center.grant(grant(1, at_peer));
  CHECK(given_back() == v1::DAMAGED);
  CHECK(consumer->await_message<v1::Tasks>(v1::TASKS).died(0) == 1);
  CHECK(logger.has("payload damaged"));
}

TEST_CASE_METHOD(ConsumeWorld, "a missing local payload is quarantined, never delivered empty") {
  consume(*consumer);
  center.grant(grant(1, task(77)));
  CHECK(given_back() == v1::DAMAGED);
  CHECK(consumer->await_message<v1::Tasks>(v1::TASKS).delivery_size() == 0);
}

TEST_CASE_METHOD(ConsumeWorld, "a grant for a connection that is gone is given back undelivered") {
  consume(*consumer);
  consumer->hang_up();
  until([&] { return center.count(v1::Command::kSessionClosed) == 1; });
  center.grant(grant(1, task(1)));
  CHECK(given_back() == v1::UNDELIVERED);
}

TEST_CASE_METHOD(
    ConsumeWorld,
    "an ack with a result is proposed after the result is durable, and the result can be read") {
  consume(*consumer);
  const std::string_view result[] = {"done"};
  consumer->say(v1::OPERATIONS, 60, one(v1::ACK, 1, task(1), 1001, 4), result);
  const auto done = consumer->await_message<v1::OperationsDone>(v1::OPERATIONS_DONE, 60);
  REQUIRE(done.outcome_size() == 1);
  CHECK(done.outcome(0).code() == v1::OK);
  const v1::LedgerOperation operation =
      center.last(v1::Command::kOperations).operations().operation(0);
  CHECK(operation.result_shard() == kShard);
  CHECK(operation.result_bytes() == 4);
  REQUIRE(operation.result_lsn() > 0);

  center.on_query = [&](const v1::Query& query) {
    v1::ChannelAnswer answer;
    v1::ResultPlace& place = *answer.mutable_result();
    place.set_task(query.task_result().task());
    place.set_token(1001);
    place.set_kind(v1::RECORD_RESULT);
    place.set_shard(kShard);
    place.set_lsn(operation.result_lsn());
    place.set_length(4);
    return answer;
  };
  v1::Query query;
  query.mutable_task_result()->set_task(task(1).value());
  consumer->say(v1::QUERY, 61, query);
  const FakePeer::Heard answer = consumer->await(v1::ANSWER, 61);
  CHECK(answer.payload == "done");
}

TEST_CASE_METHOD(ConsumeWorld,
                 "operations that are wrong are refused one by one beside those that go on") {
  consume(*consumer);
  v1::Operations operations = one(v1::ACK, 1, task(1), 1001);
  *operations.add_operation() = one(v1::EXTEND, 2, task(1), 1001).operation(0);  // a lease of 0
  *operations.add_operation() = one(v1::OPERATION_NONE, 3, task(1), 1001).operation(0);
  consumer->say(v1::OPERATIONS, 60, operations);
  const auto done = consumer->await_message<v1::OperationsDone>(v1::OPERATIONS_DONE, 60);
  REQUIRE(done.outcome_size() == 3);
  std::map<std::uint64_t, v1::ErrorCode> codes;
  for (const v1::OperationOutcome& outcome : done.outcome()) codes[outcome.seq()] = outcome.code();
  CHECK(codes[1] == v1::OK);
  CHECK(codes[2] == v1::INVALID_ARGUMENT);
  CHECK(codes[3] == v1::INVALID_ARGUMENT);
}

TEST_CASE_METHOD(ConsumeWorld,
                 "heartbeats are answered after the ledger, and fail at once without it") {
  consume(*consumer);
  v1::Heartbeat heartbeat;
  heartbeat.add_token(1001);
  consumer->say(v1::HEARTBEAT, 62, heartbeat);
  CHECK(consumer->await_message<v1::HeartbeatDone>(v1::HEARTBEAT_DONE, 62).code() == v1::OK);
  CHECK(center.last(v1::Command::kHeartbeat).heartbeat().token(0) == 1001);

  center.stop();
  run_for(std::chrono::milliseconds(100));
  consumer->say(v1::HEARTBEAT, 63, heartbeat);
  CHECK(consumer->await_message<v1::HeartbeatDone>(v1::HEARTBEAT_DONE, 63).code() ==
        v1::UNAVAILABLE);
}

TEST_CASE_METHOD(ConsumeWorld, "a refused attach or heartbeat carries the ledger's own sentence") {
  v1::AttachOutcome full;
  full.set_code(v1::RETRY_LATER);
  full.set_message("too many sessions");
  center.attach_script = {full};
  const v1::Attached refused = attach(*consumer);
  CHECK(refused.code() == v1::RETRY_LATER);
  CHECK(refused.message() == "too many sessions");

  consume(*consumer);
  v1::SessionHeartbeatOutcome large;
  large.set_code(v1::TOO_LARGE);
  large.set_message("more than 1,024 tokens");
  center.heartbeat_script = {large};
  v1::Heartbeat heartbeat;
  heartbeat.add_token(1001);
  consumer->say(v1::HEARTBEAT, 62, heartbeat);
  const auto done = consumer->await_message<v1::HeartbeatDone>(v1::HEARTBEAT_DONE, 62);
  CHECK(done.code() == v1::TOO_LARGE);
  CHECK(done.message() == "more than 1,024 tokens");
}

TEST_CASE_METHOD(ConsumeWorld,
                 "a session that moved away is closed with the ledger's own sentence") {
  consume(*consumer);
  v1::ResyncState moved;
  moved.set_code(v1::CONFLICT);
  moved.set_message("the session is attached by another connection");
  center.resyncs[6] = moved;
  center.drop_connections();
  const auto error = consumer->await_message<v1::Error>(v1::ERROR);
  CHECK(error.code() == v1::CONFLICT);
  CHECK(error.message() == "the session is attached by another connection");
}

TEST_CASE_METHOD(ConsumeWorld,
                 "an ack that was sent when the channel broke is sent again and answered") {
  consume(*consumer);
  center.silent = {v1::Command::kOperations};
  consumer->say(v1::OPERATIONS, 60, one(v1::ACK, 1, task(1), 1001));
  until([&] { return center.count(v1::Command::kOperations) == 1; });
  center.silent.clear();
  center.drop_connections();
  CHECK(consumer->await_message<v1::OperationsDone>(v1::OPERATIONS_DONE, 60).outcome(0).code() ==
        v1::OK);
  CHECK(center.count(v1::Command::kOperations) == 2);
}

TEST_CASE_METHOD(ConsumeWorld,
                 "grants lost with the channel come with the resync, numbers without a claim die") {
  consume(*consumer);
  v1::ResyncState state;
  state.set_grants(3);
  *state.add_claim() = grant(2, task(1));
  center.resyncs[6] = state;
  center.drop_connections();

  std::vector<std::uint64_t> died;
  std::string payload;
  while (died.size() < 2 || payload.empty()) {
    const FakePeer::Heard heard = consumer->await(v1::TASKS);
    v1::Tasks tasks;
    REQUIRE(parse_metadata(heard.metadata, tasks).ok());
    died.insert(died.end(), tasks.died().begin(), tasks.died().end());
    payload += heard.payload;
  }
  CHECK(died == std::vector<std::uint64_t>{1, 3});
  CHECK(payload == "first");
  CHECK(center.last(v1::Command::kDemand).demand().total() == 8);
}

TEST_CASE_METHOD(ConsumeWorld,
                 "a client that reads slowly gets every payload and stays connected") {
  const std::string large(400'000, 'L');
  for (std::uint64_t seq = 3; seq < 33; ++seq) produce(*consumer, seq, {large});
  consume(*consumer);
  consumer->stop_reading();
  for (std::uint64_t n = 1; n <= 30; ++n) center.grant(grant(n, task(n + 2)));
  run_for(std::chrono::seconds(3));
  CHECK_FALSE(consumer->closed());
  // Who waits for the client to read does nothing meanwhile: what happens is beats and pings.
  const std::uint64_t before = scheduler.events();
  run_for(std::chrono::seconds(1));
  CHECK(scheduler.events() - before < 150);

  consumer->go_on_reading();
  const auto begun = scheduler.now();
  std::size_t delivered = 0;
  std::size_t bytes = 0;
  while (delivered < 30) {
    const FakePeer::Heard heard = consumer->await(v1::TASKS);
    v1::Tasks tasks;
    REQUIRE(parse_metadata(heard.metadata, tasks).ok());
    REQUIRE(tasks.died_size() == 0);
    delivered += static_cast<std::size_t>(tasks.delivery_size());
    bytes += heard.payload.size();
  }
  CHECK(bytes == 30 * large.size());
  CHECK(scheduler.now() - begun < std::chrono::milliseconds(500));  // no sweep had to help
}

TEST_CASE_METHOD(ConsumeWorld,
                 "what waits for a client that reads slowly is given back when it hangs up") {
  const std::string large(400'000, 'L');
  for (std::uint64_t seq = 3; seq < 13; ++seq) produce(*consumer, seq, {large});
  consume(*consumer);
  consumer->stop_reading();
  for (std::uint64_t n = 1; n <= 10; ++n) center.grant(grant(n, task(n + 2)));
  run_for(std::chrono::milliseconds(300));
  CHECK(center.count(v1::Command::kGiveBack) == 0);
  consumer->hang_up();
  until([&] { return center.count(v1::Command::kGiveBack) > 0; });
  run_for(std::chrono::milliseconds(300));
  CHECK(center.count(v1::Command::kGiveBack) < 10);  // some were sent
  bool done = false;
  drain(&done);
  until([&] { return done; }, std::chrono::seconds(1));  // nothing waits any more
}

TEST_CASE_METHOD(ConsumeWorld, "the end of a wait is confirmed by the ledger") {
  consume(*consumer);
  v1::EndWait end_wait;
  end_wait.set_line(1);
  consumer->say(v1::END_WAIT, 64, end_wait);
  CHECK(consumer->await_message<v1::WaitEnded>(v1::WAIT_ENDED, 64).line() == 1);
  CHECK(center.count(v1::Command::kEndWait) == 1);
}

TEST_CASE_METHOD(ConsumeWorld, "a manager serves its payloads to peers of its own cluster only") {
  const auto peer = client(v1::ROLE_MANAGER);
  v1::PeerFetch fetch;
  fetch.add_task(task(2).value());
  fetch.add_task(task(99).value());
  fetch.add_task(at_peer.value());
  peer->say(v1::PEER_FETCH, 65, fetch);
  const FakePeer::Heard heard = peer->await(v1::PEER_FETCHED, 65);
  v1::PeerFetched fetched;
  REQUIRE(parse_metadata(heard.metadata, fetched).ok());
  REQUIRE(fetched.item_size() == 3);
  CHECK(fetched.item(0).code() == v1::OK);
  CHECK(heard.payload == "second");
  CHECK(fetched.item(1).code() == v1::NOT_FOUND);
  CHECK(fetched.item(2).code() == v1::RETRY_LATER);

  FakePeer stranger(scheduler, network, "stranger");
  stranger.connect({"m1", 7101});
  v1::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  hello.set_role(v1::ROLE_MANAGER);
  hello.mutable_cluster()->set_lo(1);
  stranger.say(v1::HELLO, 1, hello);
  CHECK(stranger.await_message<v1::Error>(v1::ERROR).code() == v1::DENIED);
}

TEST_CASE_METHOD(ConsumeWorld,
                 "durable ends that peers told are reported when the center is found") {
  const auto peer = client(v1::ROLE_MANAGER);
  v1::PeerBeat beat;
  v1::ShardEnd& end = *beat.add_end();
  end.set_shard(9);
  end.set_durable_end(123);
  peer->say(v1::PEER_BEAT, 0, beat);
  run_for(std::chrono::milliseconds(100));
  center.drop_connections();
  until([&] { return center.count(v1::Command::kReport) == 1; });
  CHECK(center.last(v1::Command::kReport).report().durable_end() == 123);
}

TEST_CASE_METHOD(
    ConsumeWorld,
    "a drained manager says goodbye, ends waits, answers what is in flight and closes") {
  consume(*consumer);
  bool done = false;
  const std::string_view result[] = {"done"};
  consumer->say(v1::OPERATIONS, 60, one(v1::ACK, 1, task(1), 1001, 4), result);
  run_for(std::chrono::milliseconds(1));
  const auto begun = scheduler.now();
  drain(&done);
  consumer->await(v1::GOODBYE);
  CHECK(consumer->await_message<v1::OperationsDone>(v1::OPERATIONS_DONE, 60).outcome(0).code() ==
        v1::OK);
  until([&] { return done; }, std::chrono::seconds(10));
  CHECK(scheduler.now() - begun < std::chrono::seconds(10));
  CHECK(consumer->await_close());
  CHECK(center.count(v1::Command::kSessionClosed) >= 1);
}

TEST_CASE_METHOD(ConsumeWorld, "a manager drains within its time when the center is away") {
  consume(*consumer);
  center.stop();
  run_for(std::chrono::milliseconds(100));
  consumer->say(v1::OPERATIONS, 60, one(v1::ACK, 1, task(1), 1001));
  run_for(std::chrono::milliseconds(10));
  bool done = false;
  drain(&done);
  until([&] { return done; }, std::chrono::seconds(10));
}

TEST_CASE_METHOD(ConsumeWorld,
                 "a question about a task that is nowhere yet is answered when the ledger knows "
                 "it, or not found here") {
  int asked = 0;
  center.on_query = [&asked](const v1::Query& query) {
    v1::ChannelAnswer answer;
    if (++asked < 3) {
      answer.set_code(v1::UNAVAILABLE);
      return answer;
    }
    answer.mutable_answer()->mutable_task()->set_task(query.task_show().task());
    return answer;
  };
  v1::Query query;
  query.mutable_task_show()->set_task(at_peer.value());
  consumer->say(v1::QUERY, 66, query);
  CHECK(consumer->await_message<v1::Answer>(v1::ANSWER, 66).task().task() == at_peer.value());
  CHECK(asked == 3);

  // The ledger does not know it, and the shard that would have it says that there is none.
  asked = 0;
  query.mutable_task_show()->set_task(task(99).value());
  consumer->say(v1::QUERY, 67, query);
  CHECK(consumer->await_message<v1::Answer>(v1::ANSWER, 67).code() == v1::NOT_FOUND);
  CHECK(asked == 1);
}

}  // namespace
}  // namespace baton::manager
