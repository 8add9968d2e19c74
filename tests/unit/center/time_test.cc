// R14, R15, R18, R21: lease time, and what waits for it.
#include <catch2/catch.hpp>

#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::test;
using namespace std::chrono_literals;

namespace {

// One claimed task.
struct Claimed {
  Claimed() {
    m = world.manager(1);
    world.attach(m, 1);
    world.demand(m, 1, 1);
    world.create(m, 1);
    grant = world.grants().at(0);
  }
  TaskView view() { return world.ledger().find(grant.task).value(); }

  LedgerDriver world;
  TestManager m;
  Grant grant;
};

}  // namespace

TEST_CASE("a lease ends when lease and tick cap have passed, not before") {
  Claimed c;
  c.world.pass(30s + 999ms);
  CHECK(c.view().state == TaskState::kClaimed);

  c.world.tick(1ms);

  CHECK(c.view().state == TaskState::kReady);
  CHECK(c.view().expiries == 1);
  CHECK(c.view().failures == 0);
}

TEST_CASE("a tick never adds more than the cap, whatever it says") {
  LedgerDriver world;
  const Millis before = world.ledger().totals().lease_time;
  world.tick(1h);
  CHECK(world.ledger().totals().lease_time == before + 1s);
}

TEST_CASE("nothing expires in the grace after a term start") {
  Claimed c;
  c.world.pass(25s);
  REQUIRE(c.world.tell(Incarnation(), TermStart{Term(2), {}}).ok());
  c.world.pass(9s + 999ms);
  CHECK(c.view().state == TaskState::kClaimed);
  CHECK(c.world.ledger().tick_plan().next_deadline == 1ms);

  c.world.tick(1ms);
  CHECK(c.view().state == TaskState::kReady);
}

TEST_CASE("a heartbeat renews exactly the tokens it lists") {
  Claimed c;
  c.world.demand(c.m, 1, 2);
  c.world.create(c.m, 1);
  const Grant second = c.world.grants().at(0);
  c.world.pass(20s);
  const auto outcome = c.world.ask<HeartbeatOutcome>(
      c.m.incarnation, SessionHeartbeat{session_of(1), {c.grant.token, Token(12345)}});
  CHECK(outcome.lost == std::vector<Token>{Token(12345)});

  c.world.pass(12s);

  CHECK(c.view().state == TaskState::kClaimed);
  CHECK(c.world.ledger().find(second.task).value().state != TaskState::kClaimed);
}

TEST_CASE("heartbeats do not carry a claim past the attempt timeout") {
  Claimed c;
  for (int i = 0; i < 360; ++i) {
    c.world.pass(10s);
    REQUIRE(c.world
                .ask<HeartbeatOutcome>(c.m.incarnation,
                                       SessionHeartbeat{session_of(1), {c.grant.token}})
                .lost.empty());
  }
  CHECK(c.view().state == TaskState::kClaimed);

  c.world.tick(1s);

  CHECK(c.view().state == TaskState::kReady);
  CHECK(c.world.effects().transitions.at(0).cause == Cause::kAttemptTimeout);
}

TEST_CASE("a lease longer than the attempt timeout lasts as long as it was granted for") {
  Claimed c;
  REQUIRE(c.world.tell(c.m.incarnation, LedgerDriver::demand_of(1, 2, "q", 1, 1, 12h)).ok());
  c.world.create(c.m, 1);
  const TaskId task = c.world.grants().at(0).task;

  c.world.pass(12h);
  CHECK(c.world.ledger().find(task).value().state == TaskState::kClaimed);

  c.world.pass(2s);
  CHECK(c.world.ledger().find(task).value().state == TaskState::kReady);
}

TEST_CASE("an extension past the attempt timeout lasts as long as it was granted for") {
  Claimed c;
  Operation extend = LedgerDriver::operation(1, OperationKind::kExtend, c.grant);
  extend.lease = 2h;
  CHECK(c.world.operate(c.m, 1, extend).code == ErrorCode::kOk);

  c.world.pass(2h);
  CHECK(c.view().state == TaskState::kClaimed);

  c.world.pass(2s);
  CHECK(c.view().state == TaskState::kReady);
}

TEST_CASE("an extension lasts from now on, and a heartbeat does not shorten it") {
  Claimed c;
  Operation extend = LedgerDriver::operation(1, OperationKind::kExtend, c.grant);
  extend.lease = 10min;
  CHECK(c.world.operate(c.m, 1, extend).code == ErrorCode::kOk);
  c.world.ask<HeartbeatOutcome>(c.m.incarnation, SessionHeartbeat{session_of(1), {c.grant.token}});
  c.world.pass(9min);
  CHECK(c.view().state == TaskState::kClaimed);

  extend.seq = OpSeq(2);
  extend.lease = 1s;
  CHECK(c.world.operate(c.m, 1, extend).code == ErrorCode::kInvalidArgument);
}

TEST_CASE("a nack backs off, doubling with jitter, and the fifth makes the task dead") {
  Claimed c;
  std::vector<Millis> delays;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    Operation nack = LedgerDriver::operation(i, OperationKind::kNack, c.grant);
    nack.reason = "no " + std::to_string(i);
    REQUIRE(c.world.operate(c.m, 1, nack).code == ErrorCode::kOk);
    if (i == 5) break;
    CHECK(c.view().state == TaskState::kDelayed);
    delays.push_back(c.view().ready_in);
    c.world.demand(c.m, 1, i + 1);
    while (c.view().state == TaskState::kDelayed) c.world.tick(100ms);
    c.grant = c.world.grants().at(0);
  }

  for (std::size_t i = 0; i < delays.size(); ++i) {
    CHECK(delays[i] >= Millis(500 << i));
    CHECK(delays[i] <= Millis(1000 << i));
  }
  CHECK(c.view().state == TaskState::kDead);
  CHECK(c.view().reason == "no 5");
  CHECK(c.view().attempt == 5);
  CHECK(c.world.ledger().list_tasks("q", TaskState::kDead, {}, "", 5).tasks.size() == 1);
  CHECK(c.world.ledger().live(c.m.shard, Offset(1), Offset(2)).runs.size() == 1);
}

TEST_CASE("an idle ledger needs no ticks; claims need them often, other waiting now and then") {
  LedgerDriver world;
  CHECK_FALSE(world.ledger().tick_plan().needed);
  const TestManager m = world.manager(1);
  world.create(m, 1);
  CHECK_FALSE(world.ledger().tick_plan().needed);

  world.attach(m, 1);
  CHECK(world.ledger().tick_plan().needed);
  CHECK(world.ledger().tick_plan().max_gap == 1s);
  CHECK(world.ledger().tick_plan().next_deadline == 10min);

  world.demand(m, 1, 1);
  CHECK(world.ledger().tick_plan().max_gap == 100ms);
  CHECK(world.ledger().tick_plan().next_deadline == 31s);
}

TEST_CASE("an expiry storm is spread over entries") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  for (std::uint64_t s = 1; s <= 10; ++s) world.attach(m, s);
  for (std::uint64_t s = 1; s <= 10; ++s) world.demand(m, s, 1000);
  for (int i = 0; i < 10; ++i) world.create(m, 1000);
  CHECK(world.ledger().totals().claimed == 10'000);

  world.pass(31s);

  CHECK(world.ledger().wants_continue());
  CHECK(world.ledger().totals().claimed >= 10'000 - 4096);
  while (world.ledger().wants_continue()) {
    REQUIRE(world.tell(Incarnation(), Continue{}).ok());
    CHECK(world.effects().transitions.size() <= 4096);
  }
  CHECK(world.ledger().totals().claimed == 0);
}

TEST_CASE("more grants than one entry may make go on with the next") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  for (std::uint64_t s = 1; s <= 10; ++s) world.attach(m, s);
  for (std::uint64_t s = 1; s <= 10; ++s) world.demand(m, s, 1000);
  world.stop(m);
  TestManager other = world.manager(2);
  for (int i = 0; i < 3; ++i) world.create(other, 4096);
  for (std::uint64_t s = 1; s <= 10; ++s) world.attach(other, s, 2);
  std::vector<Command> demands;
  for (std::uint64_t s = 1; s <= 10; ++s)
    demands.emplace_back(LedgerDriver::demand_of(s, 1000, "q", 1, 2));
  world.apply({Batch{other.incarnation, demands}});

  CHECK(world.grants().size() == 4096);
  REQUIRE(world.ledger().wants_continue());
  std::size_t granted = world.grants().size();
  while (world.ledger().wants_continue()) {
    REQUIRE(world.tell(Incarnation(), Continue{}).ok());
    CHECK(world.grants().size() <= 4096);
    granted += world.grants().size();
  }
  CHECK(granted == 10'000);
}

TEST_CASE("a done task keeps its row for its result, 24 hours of lease time") {
  Claimed c;
  Operation ack = LedgerDriver::operation(1, OperationKind::kAck, c.grant);
  ack.result = {c.m.shard, Lsn(77), 10};
  REQUIRE(c.world.operate(c.m, 1, ack).code == ErrorCode::kOk);
  CHECK(c.view().result == ack.result);
  const auto settle = [&c](RecordKind kind, Lsn lsn) {
    return c.world.ledger().settle(c.grant.task, c.grant.token, kind, c.m.shard, lsn);
  };
  CHECK(settle(RecordKind::kResult, Lsn(77)) == SettleVerdict::kKeep);
  CHECK(settle(RecordKind::kResult, Lsn(78)) == SettleVerdict::kDrop);
  CHECK(settle(RecordKind::kCheckpoint, Lsn(77)) == SettleVerdict::kDrop);
  CHECK(settle(static_cast<RecordKind>(200), Lsn(78)) == SettleVerdict::kKeep);

  c.world.pass(24h);

  CHECK(c.view().state == TaskState::kDone);
  CHECK(c.view().queue.empty());
  CHECK(settle(RecordKind::kResult, Lsn(77)) == SettleVerdict::kDrop);
}

TEST_CASE("a session that is not heard of for 10 minutes is removed") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.attach(m, 1);
  world.attach(m, 2);
  world.pass(5min);
  world.ask<HeartbeatOutcome>(m.incarnation, SessionHeartbeat{session_of(2), {}});
  world.pass(5min);

  CHECK(world.ledger().totals().sessions == 1);
  const SessionHeartbeat late{session_of(1), {}};
  CHECK(world.ask<HeartbeatOutcome>(m.incarnation, late).status.code() == ErrorCode::kNotFound);
}

TEST_CASE("a session stays while it holds a claim, or waits at a manager that is up") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  world.attach(m, 1);
  REQUIRE(world.tell(m.incarnation, LedgerDriver::demand_of(1, 1, "q", 1, 1, 1h)).ok());
  world.create(m, 1);
  world.attach(m, 2);
  world.demand(m, 2, 1, "other");
  world.pass(20min);
  CHECK(world.ledger().totals().sessions == 2);

  world.stop(m);  // it waits nowhere now
  world.pass(20min);
  CHECK(world.ledger().totals().sessions == 1);

  world.pass(40min);  // the lease has decided
  CHECK(world.ledger().totals().sessions == 0);
}

TEST_CASE("a clock that jumps raises an alarm, time that merely passed does not") {
  LedgerDriver world;
  world.send(Incarnation(), Tick{Millis(100), WallTime{5'000'000}});
  world.send(Incarnation(), Tick{Millis(100), WallTime{5'000'100}});
  CHECK_FALSE(world.effects().calendar_jumped);
  world.send(Incarnation(), Tick{Millis(100), WallTime{5'070'000}});
  CHECK(world.effects().calendar_jumped);
  world.send(Incarnation(), Tick{Millis(1000), WallTime{9'000'000}});
  CHECK_FALSE(world.effects().calendar_jumped);  // after an idle time nobody knows
  world.send(Incarnation(), Tick{Millis(1000), WallTime{8'000'000}});
  CHECK(world.effects().calendar_jumped);
}
