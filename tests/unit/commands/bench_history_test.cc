#include "client/commands/bench_history.h"

#include <catch2/catch.hpp>

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

namespace {

constexpr MonoTime kStart{};

client::ProduceOutcome confirmed(std::uint64_t task) {
  return {client::ProduceState::kConfirmed, TaskId(task), Status()};
}

client::Delivery delivery(std::uint64_t task, std::uint64_t token) {
  client::Delivery delivery;
  delivery.task = TaskId(task);
  delivery.token = Token(token);
  delivery.attempt = 1;
  delivery.lease = 30s;
  return delivery;
}

// Item 0, confirmed as task 11, delivered and completed.
void complete_one(BenchHistory& history) {
  history.produced(history.produce(0, kStart), confirmed(11), kStart + 1ms);
  const client::Delivery claim = delivery(11, 5);
  history.delivered(claim, 0, 0, kStart + 2ms);
  history.answered(history.ack(claim, 0, kStart + 3ms), {Status(), false}, kStart + 4ms);
}

}  // namespace

TEST_CASE("a run in which every task is completed once is good") {
  BenchHistory history;
  complete_one(history);

  const check::Judgement judgement = history.judge(true);

  CHECK(judgement.good());
  CHECK(judgement.totals.completed == 1);
  CHECK(judgement.order.tasks == 1);
}

TEST_CASE("a confirmed task that is not completed is lost, once it should have been") {
  BenchHistory history;
  complete_one(history);
  history.produced(history.produce(1, kStart), confirmed(12), kStart + 5ms);

  CHECK(history.judge(false).good());
  CHECK(history.judge(true).count("C1") == 1);
}

TEST_CASE("a second completion, by another claim, is a duplicate") {
  BenchHistory history;
  complete_one(history);
  const client::Delivery again = delivery(11, 6);
  history.delivered(again, 1, 0, kStart + 5ms);
  history.answered(history.ack(again, 1, kStart + 5ms), {Status(), false}, kStart + 6ms);

  const check::Judgement judgement = history.judge(true);

  CHECK(judgement.count("C3") == 1);
  CHECK(judgement.count("C5") == 1);
}

TEST_CASE("an item that was stored twice is two tasks of one number") {
  BenchHistory history;
  complete_one(history);
  const client::Delivery other = delivery(12, 6);
  history.delivered(other, 1, 0, kStart + 5ms);

  CHECK(history.judge(false).count("C6") == 1);
}

TEST_CASE("a payload that is not what was sent is told") {
  BenchHistory history;
  complete_one(history);
  history.delivered(delivery(12, 6), 0, std::nullopt, kStart + 3ms);

  CHECK(history.judge(false).count("C1") == 1);
  CHECK(history.judge(false).count("C7") == 1);
}

TEST_CASE("a claim that was taken away long before its lease ended is told") {
  BenchHistory history;
  history.produced(history.produce(0, kStart), confirmed(11), kStart + 1ms);
  history.delivered(delivery(11, 5), 0, 0, kStart + 2ms);
  history.delivered(delivery(11, 6), 1, 0, kStart + 10s);

  CHECK(history.judge(false).count("C5") == 1);
}

TEST_CASE("a history that cannot be written says where") {
  BenchHistory history;
  complete_one(history);

  CHECK(history.write("/nowhere/at/all.jsonl").message() ==
        "/nowhere/at/all.jsonl: the history cannot be written");
}
