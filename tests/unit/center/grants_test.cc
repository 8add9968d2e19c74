#include <catch2/catch.hpp>

#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::test;

TEST_CASE("a new task is granted inside the entry that creates it, when a line waits") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.attach(m, 1);
  world.demand(m, 1, 2);

  world.create(m, 3);

  REQUIRE(world.grants().size() == 2);
  CHECK(world.grants()[0].task == TaskId(m.shard, Offset(1)));
  CHECK(world.grants()[0].attempt == 1);
  CHECK(world.grants()[0].number == GrantNumber(1));
  CHECK(world.grants()[0].manager == m.incarnation);
  CHECK(world.grants()[1].task == TaskId(m.shard, Offset(2)));
  CHECK(world.grants()[1].token > world.grants()[0].token);
  CHECK(world.ledger().find(TaskId(m.shard, Offset(3))).value().state == TaskState::kReady);
}

TEST_CASE("an accepted ack that asks for the next task gets it in the same entry") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.attach(m, 1);
  world.create(m, 2);
  world.demand(m, 1, 1);
  const Grant first = world.grants().at(0);

  Operation ack = LedgerDriver::operation(1, OperationKind::kAck, first);
  ack.wants_next = true;
  CHECK(world.operate(m, 1, ack).code == ErrorCode::kOk);

  REQUIRE(world.grants().size() == 1);
  CHECK(world.grants()[0].task == TaskId(m.shard, Offset(2)));
  CHECK(world.ledger().find(first.task).value().state == TaskState::kDone);
}
