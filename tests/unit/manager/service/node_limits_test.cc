// Rules of queues at a manager: order and limits (R7, R22).
#include <catch2/catch.hpp>

#include "tests/unit/manager/service/node_world.h"

namespace baton::manager {
namespace {

class LimitsWorld : public NodeWorld {
 public:
  void begin() {
    center.start();
    start_registered();
    producer = client();
  }
  void limit_tasks(std::uint64_t room) {
    v1::QueueRule rule;
    rule.set_queue("mail");
    rule.set_limits_tasks(true);
    center.rules = {rule};
    center.room_tasks["mail"] = room;
  }
  static v1::QueueRule ordered(bool yes = true) {
    v1::QueueRule rule;
    rule.set_queue("mail");
    rule.set_ordered(yes);
    return rule;
  }
  static v1::Produce ordered_request(std::uint64_t seq, const std::vector<std::string>& payloads) {
    v1::Produce request = produce_request(seq, payloads);
    request.add_options()->set_order_key("o");
    return request;
  }
  v1::Produced produce_ordered(std::uint64_t seq, const std::vector<std::string>& payloads) {
    return produce(*producer, ordered_request(seq, payloads), payloads);
  }
  using NodeWorld::produce;
  v1::Produced produce(std::uint64_t seq, const std::vector<std::string>& payloads) {
    return produce(*producer, seq, payloads);
  }
  void borrowed(std::size_t times) {
    until([&] { return center.count(v1::Command::kBorrow) >= times; });
    run_for(std::chrono::milliseconds(50));
  }

  std::unique_ptr<FakePeer> producer;
};

// ---- limits ----

TEST_CASE_METHOD(LimitsWorld,
                 "a limited queue takes what was lent, and says why it takes no more") {
  limit_tasks(3);
  begin();
  const v1::Produced first = produce(1, {"a"});
  CHECK(first.run(0).code() == v1::RETRY_LATER);
  CHECK(first.run(0).message().find("mail") != std::string::npos);
  CHECK(first.run(0).message().find("max_tasks") != std::string::npos);
  CHECK(first.run(0).retry_after_ms() > 0);
  borrowed(1);
  const v1::Borrow& borrow = center.last(v1::Command::kBorrow).borrow();
  CHECK(borrow.queue() == "mail");
  CHECK(borrow.have_tasks() == 0);
  CHECK(borrow.want_tasks() == 1024);

  const v1::Produced second = produce(1, {"a", "b", "c", "d", "e"});
  REQUIRE(second.run_size() == 2);
  CHECK(second.run(0).count() == 3);
  CHECK(second.run(0).code() == v1::OK);
  CHECK(second.run(1).count() == 2);
  CHECK(second.run(1).code() == v1::RETRY_LATER);
}

TEST_CASE_METHOD(LimitsWorld, "a queue without a rule is not asked about") {
  limit_tasks(3);
  center.rules[0].set_queue("other");
  begin();
  CHECK(produce(1, {"a"}).run(0).code() == v1::OK);
  run_for(std::chrono::seconds(1));
  CHECK(center.count(v1::Command::kBorrow) == 0);
}

TEST_CASE_METHOD(LimitsWorld, "a repeated task needs no credit") {
  limit_tasks(1);
  begin();
  produce(1, {"a"});
  borrowed(1);
  const v1::Produced stored = produce(1, {"a"});
  CHECK(stored.run(0).code() == v1::OK);
  CHECK(produce(2, {"b"}).run(0).code() == v1::RETRY_LATER);
  CHECK(produce(1, {"a"}).run(0).first_task() == stored.run(0).first_task());
}

TEST_CASE_METHOD(LimitsWorld, "rules come in pages, and changes are pushed") {
  limit_tasks(3);
  center.rules.push_back(ordered());
  center.rules.back().set_queue("b");
  begin();
  CHECK(produce(1, {"a"}).run(0).code() == v1::RETRY_LATER);

  v1::ChannelGrants change;
  v1::QueueRule none;
  none.set_queue("mail");
  *change.add_rule() = none;
  center.push(change);
  run_for(std::chrono::milliseconds(50));
  CHECK(produce(1, {"a"}).run(0).code() == v1::OK);
}

TEST_CASE_METHOD(LimitsWorld, "bytes are limited, too") {
  v1::QueueRule rule;
  rule.set_queue("mail");
  rule.set_max_bytes(100'000);
  center.rules = {rule};
  begin();
  const v1::Produced first = produce(1, {std::string(1000, 'x')});
  CHECK(first.run(0).code() == v1::RETRY_LATER);
  CHECK(first.run(0).message().find("max_bytes") != std::string::npos);
  borrowed(1);
  CHECK(center.last(v1::Command::kBorrow).borrow().want_bytes() >= 1000);
  CHECK(produce(1, {std::string(1000, 'x')}).run(0).code() == v1::OK);
}

TEST_CASE_METHOD(LimitsWorld,
                 "a payload that no queue of that limit ever takes is refused for good") {
  v1::QueueRule rule;
  rule.set_queue("mail");
  rule.set_max_bytes(10);
  center.rules = {rule};
  begin();
  const std::string large(11, 'x');
  const v1::Produced first = produce(1, {large, "short"});
  REQUIRE(first.run_size() == 2);
  CHECK(first.run(0).code() == v1::TOO_LARGE);
  CHECK(first.run(0).message().find("mail") != std::string::npos);
  CHECK(first.run(0).message().find("max_bytes is 10") != std::string::npos);
  CHECK(first.run(1).code() == v1::RETRY_LATER);  // it would fit, and credit is only asked for now
  borrowed(1);

  // Somebody raises the limit. What was borrowed under the old one stays.
  const std::size_t asked = center.count(v1::Command::kBorrow);
  rule.set_max_bytes(20);
  v1::ChannelGrants news;
  *news.add_rule() = rule;
  center.push(news);
  run_for(std::chrono::milliseconds(50));
  CHECK(produce(3, {"short"}).run(0).code() == v1::OK);
  CHECK(center.count(v1::Command::kBorrow) == asked);
  CHECK(produce(4, {large}).run(0).code() == v1::OK);
}

TEST_CASE_METHOD(LimitsWorld, "a payload that would fit waits for room, however little there is") {
  v1::QueueRule rule;
  rule.set_queue("mail");
  rule.set_limits_tasks(true);
  rule.set_max_bytes(10);
  center.rules = {rule};
  center.room_tasks["mail"] = 0;
  begin();
  for (int i = 0; i < 3; ++i) {
    CHECK(produce(1, {"just right"}).run(0).code() == v1::RETRY_LATER);
    run_for(std::chrono::milliseconds(300));
  }
}

TEST_CASE_METHOD(LimitsWorld, "credit is spent on without the center, and asked for anew with it") {
  limit_tasks(10);
  begin();
  produce(1, {"a"});
  borrowed(1);
  CHECK(produce(1, {"a"}).run(0).code() == v1::OK);
  until([&] { return center.created_hi == 2; });
  center.stop();
  run_for(std::chrono::seconds(1));
  CHECK(produce(2, {"b"}).run(0).code() == v1::OK);

  const std::size_t before = center.count(v1::Command::kBorrow);
  center.start();
  until([&] { return center.count(v1::Command::kBorrow) > before; });
  CHECK(center.last(v1::Command::kBorrow).borrow().have_tasks() <= 1);
}

TEST_CASE_METHOD(LimitsWorld, "credit that nobody uses is given back") {
  limit_tasks(10);
  begin();
  produce(1, {"a"});
  borrowed(1);
  until([&] { return center.last(v1::Command::kBorrow).borrow().want_tasks() == 0; },
        std::chrono::seconds(10));
  CHECK(center.last(v1::Command::kBorrow).borrow().have_tasks() == 10);
}

// ---- order ----

TEST_CASE_METHOD(LimitsWorld, "every task of an ordered queue waits for the ledger") {
  center.rules = {ordered()};
  begin();
  CHECK(produce(1, {"a"}).run(0).code() == v1::OK);
  CHECK(center.last(v1::Command::kCreated).created().run(0).only_waits());

  v1::ChannelGrants change;
  *change.add_rule() = ordered(false);
  center.push(change);
  run_for(std::chrono::milliseconds(50));
  produce(2, {"b"});
  until([&] { return center.created_hi == 3; });
  CHECK_FALSE(center.last(v1::Command::kCreated).created().run(0).waits());
}

TEST_CASE_METHOD(
    LimitsWorld,
    "after a refusal no later ordered task of the connection is taken, until the client "
    "produces again from there") {
  limit_tasks(3);
  begin();
  // Without credit: refused, and all behind it, in the same request and in later ones.
  CHECK(produce_ordered(1, {"a", "b"}).run(0).code() == v1::RETRY_LATER);
  borrowed(1);
  const v1::Produced later = produce_ordered(3, {"c"});
  CHECK(later.run(0).code() == v1::RETRY_LATER);
  CHECK(later.run(0).message().find("number 1") != std::string::npos);
  CHECK(produce(4, {"unordered"}).run(0).code() == v1::OK);

  const v1::Produced again = produce_ordered(1, {"a", "b"});
  REQUIRE(again.run_size() == 2);
  CHECK(again.run(0).first_task() == task(2).value());
  CHECK(again.run(1).first_task() == task(3).value());
}

TEST_CASE_METHOD(LimitsWorld,
                 "a lower number that is produced meanwhile does not let later ones by") {
  limit_tasks(5);
  begin();
  CHECK(produce_ordered(3, {"c"}).run(0).code() == v1::RETRY_LATER);
  borrowed(1);
  CHECK(produce_ordered(1, {"a"}).run(0).code() == v1::OK);
  CHECK(produce_ordered(4, {"d"}).run(0).code() == v1::RETRY_LATER);
  CHECK(produce_ordered(3, {"c"}).run(0).code() == v1::OK);
  CHECK(produce_ordered(4, {"d"}).run(0).code() == v1::OK);
}

TEST_CASE_METHOD(LimitsWorld,
                 "a number that waited waits again when its queue is not ordered any more") {
  center.rules = {ordered()};
  center.silent = {v1::Command::kCreated};
  begin();
  v1::Produce request = produce_request(1, {"a"});
  request.set_timeout_ms(100);
  CHECK(produce(*producer, request, {"a"}).run(0).code() == v1::DEADLINE_EXCEEDED);

  v1::ChannelGrants change;
  *change.add_rule() = ordered(false);
  center.push(change);
  run_for(std::chrono::milliseconds(50));
  center.silent.clear();
  center.drop_connections();
  // The ledger has made a task of the first one meanwhile, and names that.
  center.winners[2] = task(1).value();
  const v1::Produced again = produce(*producer, produce_request(1, {"a", "b"}), {"a", "b"});
  REQUIRE(again.run_size() == 2);
  CHECK(again.run(0).first_task() == task(1).value());
  CHECK(again.run(1).first_task() == task(3).value());
  until([&] { return center.created_hi == 4; });
  CHECK(created_runs().at(2).only_waits());
  CHECK_FALSE(created_runs().at(3).waits());
}

TEST_CASE_METHOD(LimitsWorld,
                 "an ordered task that was refused with its whole request is not overtaken") {
  options.producers_max = 1;
  begin();
  CHECK(produce(1, {"a"}).run(0).code() == v1::OK);  // this producer is active
  v1::Produce other = ordered_request(1, {"x"});
  other.mutable_producer()->set_lo(4711);
  const std::string_view payload = "x";
  producer->say(v1::PRODUCE, 77, other, {&payload, 1});
  CHECK(producer->await_message<v1::Error>(v1::ERROR, 77).code() == v1::RETRY_LATER);

  run_for(std::chrono::seconds(61));  // the first one is silent, and forgotten: there is room
  v1::Produce later = ordered_request(2, {"y"});
  later.mutable_producer()->set_lo(4711);
  const v1::Produced produced = produce(*producer, later, {"y"});
  CHECK(produced.run(0).code() == v1::RETRY_LATER);
  CHECK(produced.run(0).message().find("number 1") != std::string::npos);
  CHECK(produce(*producer, other, {"x"}).run(0).code() == v1::OK);
  CHECK(produce(*producer, later, {"y"}).run(0).code() == v1::OK);
}

TEST_CASE_METHOD(LimitsWorld, "another connection is not held up by a refusal") {
  limit_tasks(3);
  begin();
  CHECK(produce_ordered(1, {"a"}).run(0).code() == v1::RETRY_LATER);
  borrowed(1);
  const auto other = client();
  CHECK(produce(*other, ordered_request(2, {"b"}), {"b"}).run(0).code() == v1::OK);
}

TEST_CASE_METHOD(LimitsWorld, "an ordered task that is refused for good holds nothing up") {
  begin();
  v1::Produce wrong = ordered_request(1, {"a", "b"});
  *wrong.add_options() = wrong.options(0);
  wrong.mutable_options(0)->set_priority(11);
  const v1::Produced produced = produce(*producer, wrong, {"a", "b"});
  REQUIRE(produced.run_size() == 2);
  CHECK(produced.run(0).code() == v1::INVALID_ARGUMENT);
  CHECK(produced.run(1).code() == v1::OK);
}

TEST_CASE_METHOD(LimitsWorld, "a number that its producer gave up holds nothing up") {
  limit_tasks(3);
  begin();
  CHECK(produce_ordered(1, {"a"}).run(0).code() == v1::RETRY_LATER);
  borrowed(1);
  v1::ProducerResolved resolved;
  *resolved.mutable_producer() = produce_request(1, {}).producer();
  resolved.set_resolved_below(2);
  producer->say(v1::PRODUCER_RESOLVED, 0, resolved);
  v1::Produce next = ordered_request(2, {"b"});
  next.set_resolved_below(2);
  CHECK(produce(*producer, next, {"b"}).run(0).code() == v1::OK);
}

}  // namespace
}  // namespace baton::manager
