// What a consumer may say with its operations, and what a delivery tells it.
#include <set>

#include <catch2/catch.hpp>

#include "tests/unit/manager/service/node_world.h"

namespace baton::manager {
namespace {

class OperationsWorld : public NodeWorld {
 public:
  explicit OperationsWorld(SyncMode sync = SyncMode::kAdaptive) {
    options.sync_mode = sync;
    center.start();
    start_registered();
    consumer = client();
    produce(*consumer, 1, {"first", "second"});
    consume(*consumer);
  }

  // The news that the claim of this grant is lost.
  static void lose(v1::ChannelGrants& news, const v1::Grant& given,
                   v1::LostCause cause = v1::LOST_CANCELLED) {
    v1::SessionLostClaim& lost = *news.add_lost();
    *lost.mutable_session() = given.session();
    lost.set_conn_epoch(1);
    lost.mutable_claim()->set_task(given.task());
    lost.mutable_claim()->set_token(given.token());
    lost.mutable_claim()->set_cause(cause);
  }

  v1::Operation operation(v1::OperationKind kind, std::string_view payload = {}) {
    v1::Operation operation;
    operation.set_seq(++seq_);
    operation.set_kind(kind);
    operation.set_task(task(1).value());
    operation.set_token(1001);
    operation.set_length(static_cast<std::uint32_t>(payload.size()));
    return operation;
  }
  v1::OperationOutcome say(const v1::Operation& operation, std::string_view payload = {}) {
    v1::Operations operations;
    *operations.add_operation() = operation;
    consumer->say(v1::OPERATIONS, 60 + operation.seq(), operations, {&payload, 1});
    const auto done =
        consumer->await_message<v1::OperationsDone>(v1::OPERATIONS_DONE, 60 + operation.seq());
    REQUIRE(done.outcome_size() == 1);
    return done.outcome(0);
  }
  // What the ledger got of the last operation.
  [[nodiscard]] v1::LedgerOperation forwarded() const {
    return center.last(v1::Command::kOperations).operations().operation(0);
  }
  v1::ResultPlace place(const v1::LedgerOperation& operation, v1::RecordKind kind) const {
    v1::ResultPlace place;
    place.set_task(operation.task());
    place.set_token(operation.token());
    place.set_shard(operation.result_shard());
    place.set_lsn(operation.result_lsn());
    place.set_length(operation.result_bytes());
    place.set_kind(kind);
    return place;
  }
  FakePeer::Heard delivered(const v1::Grant& grant) {
    center.grant(grant);
    return consumer->await(v1::TASKS);
  }
  static v1::Delivery delivery_of(const FakePeer::Heard& heard) {
    v1::Tasks tasks;
    REQUIRE(parse_metadata(heard.metadata, tasks).ok());
    REQUIRE(tasks.delivery_size() == 1);
    return tasks.delivery(0);
  }
  std::unique_ptr<FakePeer> consumer;

 private:
  std::uint64_t seq_ = 0;
};

class LateSyncs : public OperationsWorld {
 public:
  LateSyncs() : OperationsWorld(SyncMode::kWorker) {}
};

// ---- operations ----

TEST_CASE_METHOD(OperationsWorld, "a nack may name its delay, or make the task dead") {
  v1::Operation nack = operation(v1::NACK, "why");
  nack.set_delay_ms(0);
  CHECK(say(nack, "why").code() == v1::OK);
  CHECK(forwarded().has_delay_ms());
  CHECK(forwarded().delay_ms() == 0);
  CHECK(forwarded().reason() == "why");

  nack = operation(v1::NACK);
  nack.set_dead(true);
  CHECK(say(nack).code() == v1::OK);
  CHECK(forwarded().dead());
  CHECK_FALSE(forwarded().has_delay_ms());
}

TEST_CASE_METHOD(OperationsWorld, "an ack may say what a failed child means") {
  v1::Operation ack = operation(v1::ACK);
  ack.set_on_failed_child(v1::WAIT);
  CHECK(say(ack).code() == v1::OK);
  CHECK(forwarded().on_failed_child() == v1::WAIT);
}

TEST_CASE_METHOD(OperationsWorld, "a result comes back with the content type that its ack said") {
  v1::Operation ack = operation(v1::ACK, "{}");
  ack.set_content_type("application/json");
  say(ack, "{}");
  const v1::LedgerOperation told = forwarded();
  center.on_query = [&](const v1::Query&) {
    v1::ChannelAnswer answer;
    *answer.mutable_result() = place(told, v1::RECORD_RESULT);
    return answer;
  };

  v1::Query query;
  query.mutable_task_result()->set_task(task(1).value());
  consumer->say(v1::QUERY, 5, query);
  const FakePeer::Heard heard = consumer->await(v1::ANSWER, 5);
  v1::Answer answer;
  REQUIRE(parse_metadata(heard.metadata, answer).ok());
  CHECK(answer.result().content_type() == "application/json");
  CHECK(heard.payload == "{}");
}

TEST_CASE_METHOD(OperationsWorld, "progress is passed on without a record") {
  v1::Operation save = operation(v1::SAVE);
  save.set_percent(40);
  save.set_progress("page 4 of 10");
  CHECK(say(save).code() == v1::OK);
  CHECK(forwarded().kind() == v1::SAVE);
  CHECK(forwarded().percent() == 40);
  CHECK(forwarded().progress() == "page 4 of 10");
  CHECK_FALSE(forwarded().checkpoint());
  CHECK(forwarded().result_lsn() == 0);
}

TEST_CASE_METHOD(LateSyncs, "nothing overtakes a checkpoint that is being synced") {
  const auto say_save = [this](std::string_view checkpoint) {
    v1::Operations operations;
    *operations.add_operation() = operation(v1::SAVE, checkpoint);
    operations.mutable_operation(0)->set_checkpoint(true);
    consumer->say(v1::OPERATIONS, 60 + operations.operation(0).seq(), operations, {&checkpoint, 1});
  };
  say_save("half");
  say_save("");  // there is none any more: nothing to sync
  consumer->await(v1::OPERATIONS_DONE, 61);
  consumer->await(v1::OPERATIONS_DONE, 62);

  std::vector<std::uint64_t> order;
  for (const v1::Command& command : center.commands) {
    if (command.kind_case() == v1::Command::kOperations)
      order.push_back(command.operations().operation(0).seq());
  }
  CHECK(order == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE_METHOD(OperationsWorld, "a checkpoint is a record before the ledger hears of it") {
  v1::Operation save = operation(v1::SAVE, "half");
  save.set_checkpoint(true);
  CHECK(say(save, "half").code() == v1::OK);
  const v1::LedgerOperation told = forwarded();
  CHECK(told.checkpoint());
  CHECK(told.result_shard() == kShard);
  CHECK(told.result_lsn() > 0);
  CHECK(told.result_bytes() == 4);

  // And none: the next attempt begins anew.
  save = operation(v1::SAVE);
  save.set_checkpoint(true);
  CHECK(say(save).code() == v1::OK);
  CHECK(forwarded().checkpoint());
  CHECK(forwarded().result_lsn() == 0);
}

TEST_CASE_METHOD(OperationsWorld, "a checkpoint whose save got no answer is settled as one") {
  center.answers_lost = {v1::Command::kOperations};
  v1::Operations operations;
  *operations.add_operation() = operation(v1::SAVE, "half");
  operations.mutable_operation(0)->set_checkpoint(true);
  const std::string_view piece = "half";
  consumer->say(v1::OPERATIONS, 99, operations, {&piece, 1});
  until([&] { return center.count(v1::Command::kOperations) > 0; });
  center.silent = {v1::Command::kAttach};
  center.stop();
  run_for(std::chrono::seconds(1));
  consumer->hang_up();
  run_for(std::chrono::seconds(1));
  center.start();
  until([&] { return !center.settled.empty(); }, std::chrono::seconds(90));
  CHECK(center.settled[0].kind() == v1::RECORD_CHECKPOINT);
  CHECK(center.settled[0].task() == task(1).value());
}

TEST_CASE_METHOD(OperationsWorld, "wrong operations are refused alone, with a sentence") {
  struct Wrong {
    const char* named;
    v1::OperationKind kind;
    std::function<void(v1::Operation&)> set;
  };
  const std::vector<Wrong> wrongs = {
      {"numbered from 1", v1::ACK, [](auto& o) { o.set_seq(0); }},
      {"no task", v1::ACK, [](auto& o) { o.set_task(1); }},
      {"kind", v1::OPERATION_NONE, [](auto&) {}},
      {"kind", static_cast<v1::OperationKind>(77), [](auto&) {}},
      {"content type", v1::ACK, [](auto& o) { o.set_content_type(std::string(201, 'x')); }},
      {"policy", v1::ACK,
       [](auto& o) { o.set_on_failed_child(static_cast<v1::FailurePolicy>(9)); }},
      {"delay", v1::NACK, [](auto& o) { o.set_delay_ms(UINT64_MAX); }},
      {"not both", v1::NACK,
       [](auto& o) {
         o.set_delay_ms(5);
         o.set_dead(true);
       }},
      {"lease", v1::EXTEND, [](auto& o) { o.set_lease_ms(UINT32_MAX); }},
      {"percent", v1::SAVE, [](auto& o) { o.set_percent(101); }},
      {"progress", v1::SAVE, [](auto& o) { o.set_progress(std::string(201, 'x')); }},
      {"a save has", v1::SAVE, [](auto&) {}},
  };
  for (const Wrong& wrong : wrongs) {
    v1::Operation bad = operation(wrong.kind);
    wrong.set(bad);
    const v1::OperationOutcome outcome = say(bad);
    INFO(wrong.named << ": " << outcome.message());
    CHECK(outcome.code() == v1::INVALID_ARGUMENT);
    CHECK(outcome.message().find(wrong.named) != std::string::npos);
  }
  CHECK(say(operation(v1::SAVE, "bytes"), "bytes").code() == v1::INVALID_ARGUMENT);
  const std::string large(kReasonBytesMax + 1, 'r');
  CHECK(say(operation(v1::NACK, large), large).code() == v1::INVALID_ARGUMENT);
  CHECK(center.count(v1::Command::kOperations) == 0);
}

TEST_CASE_METHOD(OperationsWorld, "a checkpoint or result over a MiB is too large") {
  const std::string large(kResultBytesMax + 1, 'c');
  v1::Operation save = operation(v1::SAVE, large);
  save.set_checkpoint(true);
  CHECK(say(save, large).code() == v1::TOO_LARGE);
  CHECK(say(operation(v1::ACK, large), large).code() == v1::TOO_LARGE);
}

// ---- deliveries ----

TEST_CASE_METHOD(OperationsWorld,
                 "a delivery says what its producer asked for, where that is any") {
  v1::Produce request = produce_request(3, {"third"});
  v1::TaskOptions& options = *request.add_options();
  options.set_priority(8);
  options.set_type("resize");
  options.set_key("k");
  options.set_order_key("o");
  options.set_fair_key("f");
  options.set_max_attempts(4);
  produce(*consumer, request, {"third"});

  const v1::Delivery told = delivery_of(delivered(grant(1, task(3))));
  CHECK(told.options().priority() == 8);
  CHECK(told.options().type() == "resize");
  CHECK(told.options().key() == "k");
  CHECK(told.options().order_key() == "o");
  CHECK(told.options().fair_key() == "f");
  CHECK(told.options().max_attempts() == 0);
  CHECK_FALSE(delivery_of(delivered(grant(2, task(1)))).has_options());
}

TEST_CASE_METHOD(OperationsWorld,
                 "a delivery tells the real lease and the attempts that were cut off") {
  v1::Grant given = grant(1, task(1));
  given.set_lease_ms(45'000);
  given.set_expiries(2);
  const v1::Delivery told = delivery_of(delivered(given));
  CHECK(told.lease_ms() == 45'000);
  CHECK(told.expiries() == 2);
}

TEST_CASE_METHOD(OperationsWorld, "the checkpoint of an earlier attempt follows the payload") {
  v1::Operation save = operation(v1::SAVE, "half");
  save.set_checkpoint(true);
  say(save, "half");
  v1::Grant given = grant(1, task(1));
  *given.mutable_checkpoint() = place(forwarded(), v1::RECORD_CHECKPOINT);

  const FakePeer::Heard heard = delivered(given);

  CHECK(heard.payload == "firsthalf");
  CHECK(delivery_of(heard).length() == 5);
  CHECK(delivery_of(heard).checkpoint_length() == 4);
}

TEST_CASE_METHOD(OperationsWorld, "a payload and a checkpoint of the largest sizes fit a frame") {
  const std::string payload(kPayloadBytesDefaultMax, 'p');
  const std::string checkpoint(kResultBytesMax, 'c');
  produce(*consumer, produce_request(3, {payload}), {payload});
  v1::Operation save = operation(v1::SAVE, checkpoint);
  save.set_checkpoint(true);
  save.set_task(task(3).value());
  say(save, checkpoint);
  v1::Grant given = grant(1, task(3));
  *given.mutable_checkpoint() = place(forwarded(), v1::RECORD_CHECKPOINT);

  const FakePeer::Heard heard = delivered(given);

  CHECK(heard.payload == payload + checkpoint);
  CHECK(heard.payload.size() + heard.metadata.size() <= consumer->hello_ok.frame_bytes_max());
}

TEST_CASE_METHOD(OperationsWorld, "a checkpoint at another manager is fetched from there") {
  FakeManager peer(scheduler, network, logger, center.cluster);
  peer.results[task(1).value()] = "elsewhere";
  enroll_peer();
  v1::Grant given = grant(1, task(1));
  v1::ResultPlace& place = *given.mutable_checkpoint();
  place.set_task(task(1).value());
  place.set_token(7);
  place.set_shard(9);
  place.set_lsn(3);

  CHECK(delivered(given).payload == "firstelsewhere");
}

TEST_CASE_METHOD(OperationsWorld, "a checkpoint out of reach: the grant is given back") {
  v1::Grant given = grant(1, task(1));
  v1::ResultPlace& place = *given.mutable_checkpoint();
  place.set_task(task(1).value());
  place.set_token(7);
  place.set_shard(9);  // nobody knows it
  place.set_lsn(3);
  center.grant(given);

  until([&] { return center.count(v1::Command::kGiveBack) > 0; });
  CHECK(center.last(v1::Command::kGiveBack).give_back().reason() == v1::UNREACHABLE);
  CHECK(consumer->await_message<v1::Tasks>(v1::TASKS).died(0) == 1);
}

TEST_CASE_METHOD(OperationsWorld,
                 "a lost checkpoint is told to the log, the task comes without it") {
  v1::Grant given = grant(1, task(1));
  v1::ResultPlace& place = *given.mutable_checkpoint();
  place.set_task(task(1).value());
  place.set_token(7);
  place.set_shard(kShard);
  place.set_lsn(1);

  const FakePeer::Heard heard = delivered(given);

  CHECK(heard.payload == "first");
  CHECK(delivery_of(heard).checkpoint_length() == 0);
  CHECK(logger.has("checkpoint lost"));
}

TEST_CASE_METHOD(OperationsWorld, "claims that end without the consumer are told to it") {
  v1::ChannelGrants news;
  for (const std::uint64_t number : {1U, 2U})
    lose(news, grant(number, task(number)), v1::LOST_TIMEOUT);
  center.push(news);

  const auto lost = consumer->await_message<v1::ClaimsLost>(v1::CLAIMS_LOST);
  REQUIRE(lost.claim_size() == 2);
  CHECK(lost.claim(1).token() == 1002);
  CHECK(lost.claim(1).cause() == v1::LOST_TIMEOUT);
}

TEST_CASE_METHOD(OperationsWorld,
                 "a claim that is lost before its delivery was sent is not delivered") {
  v1::ChannelGrants news;
  for (const std::uint64_t number : {1U, 2U}) {
    *news.add_grant() = grant(number, task(number));
  }
  lose(news, news.grant(0));
  center.push(news);

  // Its number has died, so that the slot is free; the ledger needs no telling.
  std::set<std::uint64_t> delivered;
  std::set<std::uint64_t> died;
  while (delivered.size() + died.size() < 2) {
    const auto tasks = consumer->await_message<v1::Tasks>(v1::TASKS);
    for (const v1::Delivery& delivery : tasks.delivery()) delivered.insert(delivery.number());
    died.insert(tasks.died().begin(), tasks.died().end());
  }
  CHECK(delivered == std::set<std::uint64_t>{2});
  CHECK(died == std::set<std::uint64_t>{1});
  CHECK(center.count(v1::Command::kGiveBack) == 0);
}

TEST_CASE_METHOD(OperationsWorld,
                 "a payload that is gone is no damage when the claim was lost meanwhile") {
  v1::ChannelGrants news;
  *news.add_grant() = grant(1, task(77));  // ended elsewhere, and collected
  lose(news, news.grant(0));
  center.push(news);
  CHECK(consumer->await_message<v1::Tasks>(v1::TASKS).died(0) == 1);
  CHECK(center.count(v1::Command::kGiveBack) == 0);
  CHECK_FALSE(logger.has("payload damaged"));
}

TEST_CASE_METHOD(OperationsWorld,
                 "a claim that is lost while its checkpoint is fetched is not delivered") {
  FakeManager peer(scheduler, network, logger, center.cluster);
  peer.answers = false;
  enroll_peer();
  run_for(std::chrono::milliseconds(1500));
  v1::Grant given = grant(1, task(1));
  v1::ResultPlace& place = *given.mutable_checkpoint();
  place.set_task(task(1).value());
  place.set_token(7);
  place.set_shard(9);
  place.set_lsn(1);
  center.grant(given);
  run_for(std::chrono::milliseconds(20));
  v1::ChannelGrants news;
  lose(news, given);
  center.push(news);
  const auto tasks = consumer->await_message<v1::Tasks>(v1::TASKS);
  CHECK(tasks.delivery_size() == 0);
  REQUIRE(tasks.died_size() == 1);
  CHECK(tasks.died(0) == 1);
}

TEST_CASE_METHOD(OperationsWorld, "claims of an earlier connection are told to nobody") {
  v1::ChannelGrants news;
  v1::SessionLostClaim& lost = *news.add_lost();
  *lost.mutable_session() = grant(1, task(1)).session();
  lost.set_conn_epoch(7);
  center.push(news);
  run_for(std::chrono::milliseconds(100));
  CHECK_FALSE(consumer->has(v1::CLAIMS_LOST));
}

TEST_CASE_METHOD(OperationsWorld, "a demand without a lease asks for the queue's") {
  v1::Demand demand;
  demand.set_line(2);
  demand.set_queue("other");
  demand.set_total(9);
  const std::size_t before = center.count(v1::Command::kDemand);
  consumer->say(v1::DEMAND, 70, demand);
  until([&] { return center.count(v1::Command::kDemand) > before; });
  CHECK(center.last(v1::Command::kDemand).demand().lease_ms() == 0);

  demand.set_line(3);
  demand.set_lease_ms(10);
  consumer->say(v1::DEMAND, 71, demand);
  CHECK(consumer->await_message<v1::Error>(v1::ERROR, 71).code() == v1::INVALID_ARGUMENT);
}

TEST_CASE_METHOD(OperationsWorld, "peers are given options and content types with the bytes") {
  v1::Produce request = produce_request(3, {"third"});
  request.add_options()->set_type("resize");
  produce(*consumer, request, {"third"});
  v1::Operation ack = operation(v1::ACK, "{}");
  ack.set_content_type("application/json");
  say(ack, "{}");
  const v1::LedgerOperation told = forwarded();

  const auto peer = client(v1::ROLE_MANAGER);
  v1::PeerFetch fetch;
  fetch.add_task(task(3).value());
  fetch.add_task(task(1).value());
  v1::FetchResult& result = *fetch.add_result();
  result.set_task(told.task());
  result.set_token(told.token());
  result.set_shard(told.result_shard());
  result.set_lsn(told.result_lsn());
  result.set_kind(v1::RECORD_RESULT);
  peer->say(v1::PEER_FETCH, 4, fetch);

  const FakePeer::Heard heard = peer->await(v1::PEER_FETCHED, 4);
  v1::PeerFetched fetched;
  REQUIRE(parse_metadata(heard.metadata, fetched).ok());
  REQUIRE(fetched.item_size() == 3);
  CHECK(fetched.item(0).options().type() == "resize");
  CHECK_FALSE(fetched.item(1).has_options());
  CHECK(fetched.item(2).content_type() == "application/json");
  CHECK(heard.payload == "thirdfirst{}");
}

}  // namespace
}  // namespace baton::manager
