// R12, R13: which task, which line.
#include <catch2/catch.hpp>

#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::test;
using namespace std::chrono_literals;

namespace {

std::vector<TaskId> tasks_of(const std::vector<Grant>& grants) {
  std::vector<TaskId> tasks;
  for (const Grant& grant : grants) tasks.push_back(grant.task);
  return tasks;
}

Operation give_back(std::uint64_t seq, const Grant& grant) {
  return LedgerDriver::operation(seq, OperationKind::kRelease, grant);
}

}  // namespace

TEST_CASE("higher priority goes first, then the order of arrival") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.create(m, 1, "q", 5);
  world.create(m, 1, "q", 9);
  world.create(m, 1, "q", 5);
  world.attach(m, 1);
  world.demand(m, 1, 3);
  CHECK(tasks_of(world.grants()) == std::vector<TaskId>{TaskId(m.shard, Offset(2)),
                                                        TaskId(m.shard, Offset(1)),
                                                        TaskId(m.shard, Offset(3))});
}

TEST_CASE("a task that came back goes before those behind it") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.create(m, 3);
  world.attach(m, 1);
  world.demand(m, 1, 1);
  world.operate(m, 1, give_back(1, world.grants().at(0)));
  world.demand(m, 1, 3);
  CHECK(tasks_of(world.grants()) ==
        std::vector<TaskId>{TaskId(m.shard, Offset(1)), TaskId(m.shard, Offset(2))});
}

TEST_CASE("a local task overtakes older ones of other shards, 1,024 times at most") {
  LedgerDriver world;
  const TestManager old = world.manager(1);
  const TestManager local = world.manager(2);
  world.create(old, 5);
  world.create(local, 1100);
  world.attach(local, 1);
  std::size_t overtook = 0;
  for (std::uint64_t seq = 1;; ++seq) {
    world.demand(local, 1, seq);
    const Grant grant = world.grants().at(0);
    if (grant.task.shard() == old.shard) break;
    ++overtook;
    REQUIRE(
        world.operate(local, 1, LedgerDriver::operation(seq, OperationKind::kAck, grant), seq - 1)
            .code == ErrorCode::kOk);
  }
  CHECK(overtook == 1024);
}

TEST_CASE("a new task takes a line on its own manager among the next 16, else the next one") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  for (std::uint64_t s = 1; s <= 17; ++s) {
    world.attach(s == 16 || s == 17 ? n : m, s);
    world.demand(s == 16 || s == 17 ? n : m, s, 1);
  }
  world.create(n, 1);
  CHECK(world.grants().at(0).session == session_of(16));
  world.create(n, 2);
  CHECK(world.grants().at(0).session == session_of(17));  // now 16th in the ring
  CHECK(world.grants().at(1).session == session_of(1));
}

TEST_CASE("lines take turns") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  for (std::uint64_t s = 1; s <= 3; ++s) {
    world.attach(m, s);
    world.demand(m, s, 2);
  }
  world.create(m, 6);
  std::vector<SessionId> order;
  for (const Grant& grant : world.grants()) order.push_back(grant.session);
  CHECK(order == std::vector<SessionId>{session_of(1), session_of(2), session_of(3), session_of(1),
                                        session_of(2), session_of(3)});
}

TEST_CASE("the lines of one session take turns too") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.create(m, 3, "a");
  world.create(m, 3, "b");
  world.attach(m, 1);
  world.demand(m, 1, 0, "a", 1);
  world.demand(m, 1, 4, "b", 2);
  REQUIRE(world.grants().size() == 4);
  CHECK(world.grants()[0].line == LineId(1));
  CHECK(world.grants()[1].line == LineId(2));
  CHECK(world.grants()[2].line == LineId(1));
}

TEST_CASE(
    "a pair that cannot reach each other is barred for a second, then longer, and no attempt "
    "counts") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  world.create(m, 1);
  world.attach(n, 1);
  world.demand(n, 1, 9);
  Millis bar = 1s;
  for (int i = 0; i < 3; ++i, bar *= 2) {
    const Grant grant = world.grants().at(0);
    CHECK(grant.attempt == 1);
    REQUIRE(
        world.tell(n.incarnation, GiveBack{grant.task, grant.token, GiveBackReason::kUnreachable})
            .ok());
    CHECK(world.grants().empty());
    world.pass(bar - 1ms);
    CHECK(world.grants().empty());
    world.tick(1ms);
    REQUIRE(world.grants().size() == 1);
  }
}

TEST_CASE("a barred pair does not keep others from the task") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  world.create(m, 1);
  world.attach(n, 1);
  world.demand(n, 1, 9);
  const Grant grant = world.grants().at(0);
  REQUIRE(world.tell(n.incarnation, GiveBack{grant.task, grant.token, GiveBackReason::kUnreachable})
              .ok());
  world.attach(m, 2);
  world.demand(m, 2, 1);
  CHECK(world.grants().size() == 1);
}

TEST_CASE("a damaged payload quarantines its task, and nobody else may give a claim back") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  world.create(m, 1);
  world.attach(m, 1);
  world.demand(m, 1, 1);
  const Grant grant = world.grants().at(0);
  CHECK(world.tell(n.incarnation, GiveBack{grant.task, grant.token, GiveBackReason::kDamaged})
            .code() == ErrorCode::kConflict);
  CHECK(
      world.tell(m.incarnation, GiveBack{grant.task, Token(5), GiveBackReason::kDamaged}).code() ==
      ErrorCode::kClaimSuperseded);
  CHECK(
      world.tell(m.incarnation, GiveBack{grant.task, grant.token, GiveBackReason::kDamaged}).ok());
  CHECK(world.ledger().find(grant.task).value().state == TaskState::kQuarantined);
}

TEST_CASE("a session never holds more than its window, however much credit it states") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.create(m, 1100);
  world.attach(m, 1);
  world.demand(m, 1, 5000);
  REQUIRE(world.grants().size() == 1024);
  const Grant first = world.grants()[0];
  CHECK(world.operate(m, 1, LedgerDriver::operation(1, OperationKind::kAck, first)).code ==
        ErrorCode::kOk);
  CHECK(world.grants().size() == 1);
}
