// Looking: lists in pages, live offsets.
#include <catch2/catch.hpp>

#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::test;

TEST_CASE("a list of tasks goes on from its cursor and ends with an empty one") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  for (int i = 0; i < 5; ++i) {
    world.create(m, 3, "a");
    world.create(m, 2, "b");
    world.create(n, 1, "a");
  }
  std::vector<TaskId> seen;
  std::string cursor;
  do {
    const TaskPage page = world.ledger().list_tasks("a", TaskState::kReady, {}, cursor, 4);
    CHECK(page.tasks.size() <= 4);
    for (const TaskView& view : page.tasks) seen.push_back(view.task);
    cursor = page.next;
  } while (!cursor.empty());
  CHECK(seen.size() == 20);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(world.ledger().list_tasks("a", TaskState::kDead, {}, "", 4).tasks.empty());
  CHECK(world.ledger().list_tasks("nope", TaskState::kReady, {}, "", 4).tasks.empty());
  CHECK(world.ledger().list_tasks("a", TaskState::kReady, {}, "no cursor", 4).tasks.empty());
}

TEST_CASE("a list of queues goes by name from its cursor, within a prefix") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  for (const char* name : {"mail/b", "mail/a", "other", "mail/c"}) world.create(m, 1, name);
  const QueuePage first = world.ledger().list_queues("mail/", "", 2);
  REQUIRE(first.queues.size() == 2);
  CHECK(first.queues[0].name == "mail/a");
  const QueuePage second = world.ledger().list_queues("mail/", first.next, 2);
  REQUIRE(second.queues.size() == 1);
  CHECK(second.queues[0].name == "mail/c");
  CHECK(second.next.empty());
}

TEST_CASE("live offsets are runs of what is not finished; at or above created_hi all is live") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  for (int i = 0; i < 4; ++i) world.create(m, 2500);
  world.attach(m, 1);
  world.demand(m, 1, 3);
  const std::vector<Grant> grants = world.grants();
  world.operate(m, 1, LedgerDriver::operation(1, OperationKind::kAck, grants.at(1)));

  const LiveOffsets live = world.ledger().live(m.shard, Offset(1), Offset(20'000));
  CHECK(live.created_hi == Offset(10'001));
  REQUIRE(live.runs.size() == 2);
  CHECK(live.runs[0].first == Offset(1));
  CHECK(live.runs[0].count == 1);
  CHECK(live.runs[1].first == Offset(3));
  CHECK(live.runs[1].count == 9'998);
  CHECK(world.ledger().live(ShardId(9), Offset(1), Offset(5)).created_hi == Offset(1));
}

TEST_CASE("a task is looked up by its id, whatever became of it") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.create(m, 1);
  CHECK(world.ledger().find(TaskId(m.shard, Offset(1))).value().queue == "q");
  CHECK(world.ledger().find(TaskId(m.shard, Offset(2))).status().code() == ErrorCode::kUnavailable);
  CHECK(world.ledger().find(TaskId(ShardId(7), Offset(2))).status().code() == ErrorCode::kNotFound);
  CHECK(world.ledger().find(TaskId(7)).status().code() == ErrorCode::kInvalidArgument);
}
