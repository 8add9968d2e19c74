#include "manager/core/delivery_table.h"

#include <catch2/catch.hpp>

#include "manager/core/result_watch.h"

namespace baton::manager {
namespace {

const auto kAnyone = [](ConnectionId) { return true; };

Deliver grant_of(std::uint32_t shard, std::uint64_t offset, ConnectionId connection = 1) {
  SessionGrant grant;
  grant.task = TaskId(ShardId(shard), Offset(offset));
  return {connection, grant};
}

TEST_CASE("grants leave as fetches per shard") {
  DeliveryTable table;
  table.add(grant_of(1, 1));
  table.add(grant_of(2, 7));
  table.add(grant_of(1, 2));
  const auto first = table.next_fetch(kAnyone);
  const auto second = table.next_fetch(kAnyone);
  REQUIRE(second);
  CHECK(first->shard == ShardId(1));
  CHECK(first->tasks.size() == 2);
  CHECK(second->shard == ShardId(2));
  CHECK_FALSE(table.next_fetch(kAnyone));
  CHECK(table.waiting() == 0);
}

TEST_CASE("a shard has a few fetches in flight, and one that is slow holds up no other") {
  DeliveryTable table({.fetches_per_shard_max = 1, .fetch_tasks_max = 1});
  table.add(grant_of(1, 1));
  table.add(grant_of(1, 2));
  table.add(grant_of(2, 1));
  REQUIRE(table.next_fetch(kAnyone)->shard == ShardId(1));
  REQUIRE(table.next_fetch(kAnyone)->shard == ShardId(2));
  CHECK_FALSE(table.next_fetch(kAnyone));
}

TEST_CASE("a fetch decides by its codes") {
  DeliveryTable table;
  for (std::uint64_t offset = 1; offset <= 5; ++offset) table.add(grant_of(1, offset));
  const auto fetch = table.next_fetch(kAnyone);
  const auto items = table.finish(fetch->id,
                                  {ErrorCode::kOk, ErrorCode::kDataLoss, ErrorCode::kNotFound,
                                   ErrorCode::kUnavailable, ErrorCode::kRetryLater},
                                  100);
  using Fate = DeliveryTable::Fate;
  CHECK(items[0].fate == Fate::kDeliver);
  CHECK(items[1].fate == Fate::kDamaged);
  CHECK(items[2].fate == Fate::kDamaged);
  CHECK(items[3].fate == Fate::kUnreachable);
  CHECK(items[4].fate == Fate::kAgain);
  const auto again = table.next_fetch(kAnyone);
  REQUIRE(again);
  CHECK(again->tasks == std::vector{TaskId(ShardId(1), Offset(5))});
}

TEST_CASE("a shard that only says retry_later is unreachable, not asked for ever") {
  DeliveryTable table;
  table.add(grant_of(1, 1));
  const auto fetch = table.next_fetch(kAnyone);
  const auto items = table.finish(fetch->id, {ErrorCode::kRetryLater}, 0);
  CHECK(items[0].fate == DeliveryTable::Fate::kUnreachable);
  CHECK(table.waiting() == 0);
}

TEST_CASE("the grants of a connection that has enough to read wait, others pass them") {
  DeliveryTable table;
  table.add(grant_of(1, 1, 8));
  table.add(grant_of(1, 2, 9));
  const auto fetch = table.next_fetch([](ConnectionId connection) { return connection == 9; });
  REQUIRE(fetch);
  CHECK(fetch->tasks == std::vector{TaskId(ShardId(1), Offset(2))});
  CHECK(table.waiting() == 1);
  CHECK(table.next_fetch(kAnyone)->tasks.size() == 1);
}

TEST_CASE("large payloads are fetched few at a time") {
  DeliveryTable table;
  for (std::uint64_t offset = 1; offset <= 500; ++offset) table.add(grant_of(1, offset));
  std::size_t tasks = 0;
  for (int i = 0; i < 12; ++i) {
    const auto fetch = table.next_fetch(kAnyone);
    if (!fetch) break;
    tasks = fetch->tasks.size();
    table.finish(fetch->id, std::vector<ErrorCode>(tasks, ErrorCode::kOk), tasks << 20);
  }
  CHECK(tasks <= 2);
}

TEST_CASE("the first fetch of a shard is small, later ones are as large as payloads allow") {
  DeliveryTable table;
  for (std::uint64_t offset = 1; offset <= 5000; ++offset) table.add(grant_of(1, offset));
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 20; ++i) {
    const auto fetch = table.next_fetch(kAnyone);
    sizes.push_back(fetch->tasks.size());
    table.finish(fetch->id, std::vector<ErrorCode>(sizes.back(), ErrorCode::kOk),
                 sizes.back() * 100);
  }
  CHECK(sizes.front() == 16);
  CHECK(sizes.back() == 256);
}

TEST_CASE("a result is in doubt until its ack is answered") {
  ResultWatch watch;
  const ResultKey key{TaskId(ShardId(1), Offset(1)), Token(3), RecordKind::kResult, ShardId(1),
                      Lsn(9)};
  const MonoTime now{std::chrono::seconds(100)};
  watch.written(key, now);
  CHECK(watch.in_doubt(key));
  CHECK(watch.due(now + std::chrono::hours(1), 10).empty());  // its ack is in flight: never asked
  watch.answered(key);
  CHECK_FALSE(watch.in_doubt(key));
}

TEST_CASE("a result whose ack was given up is settled after a minute, and again while it is open") {
  ResultWatch watch;
  const ResultKey key{TaskId(ShardId(1), Offset(1)), Token(3), RecordKind::kResult, ShardId(1),
                      Lsn(9)};
  const MonoTime now{std::chrono::seconds(100)};
  watch.written(key, now);
  watch.abandoned(key);
  CHECK(watch.due(now + std::chrono::seconds(59), 10).empty());
  CHECK(watch.due(now + std::chrono::seconds(60), 10) == std::vector{key});
  watch.settled(key, SettleVerdict::kOpen, now + std::chrono::seconds(60));
  CHECK(watch.due(now + std::chrono::seconds(61), 10).empty());
  CHECK(watch.in_doubt(key));
  watch.settled(key, SettleVerdict::kDrop, now + std::chrono::seconds(120));
  CHECK_FALSE(watch.in_doubt(key));
}

}  // namespace
}  // namespace baton::manager
