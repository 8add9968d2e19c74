// What operators do with tasks, what a claim may save, and why a task is where it is.
#include <catch2/catch.hpp>

#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::test;
using namespace std::chrono_literals;

namespace {

struct World {
  World() {
    m = world.manager(1);
    world.attach(m, 1);
  }
  Grant claim(std::uint64_t total) {
    world.demand(m, 1, total);
    REQUIRE(world.grants().size() == 1);
    return world.grants()[0];
  }
  ErrorCode act(TaskAction action, TaskId task) { return world.act(action, task).status.code(); }
  ExplainCode why(TaskId task) { return world.ledger().explain(task).value().because; }

  LedgerDriver world;
  TestManager m;
};

}  // namespace

TEST_CASE("a waiting task is cancelled at once, by whoever asks, and stays so") {
  World w;
  const TaskId task = w.world.add(w.m);
  const ActedItem item = w.world.act(TaskAction::kCancel, task, "not needed");
  CHECK(item.status.ok());
  CHECK(item.state == TaskState::kCancelled);
  CHECK(w.world.view(task).reason == "not needed");
  CHECK(w.act(TaskAction::kCancel, task) == ErrorCode::kOk);
  w.world.restart();
  w.world.demand(w.m, 1, 1);
  CHECK(w.world.grants().empty());
  CHECK(w.act(TaskAction::kRedrive, task) == ErrorCode::kConflict);
}

TEST_CASE("a claimed task is cancelled from anywhere: its token is dead, and its session hears") {
  World w;
  w.world.add(w.m);
  const Grant grant = w.claim(1);
  REQUIRE(w.act(TaskAction::kCancel, grant.task) == ErrorCode::kOk);
  REQUIRE(w.world.effects().lost.size() == 1);
  CHECK(w.world.effects().lost[0].session == session_of(1));
  CHECK(w.world.effects().lost[0].conn_epoch == ConnEpoch(1));
  CHECK(w.world.effects().lost[0].cause == LostCause::kCancelled);

  CHECK(w.world.operate(w.m, 1, w.world.operation(1, OperationKind::kAck, grant)).code ==
        ErrorCode::kClaimSuperseded);
  const auto heartbeat = w.world.ask<HeartbeatOutcome>(
      w.m.incarnation, SessionHeartbeat{session_of(1), {grant.token}});
  CHECK(heartbeat.lost == std::vector<Token>{grant.token});
  CHECK(w.world.state(grant.task) == TaskState::kCancelled);
}

TEST_CASE("acting on a task that is finished, unknown or not there says so, and changes nothing") {
  World w;
  w.world.add(w.m);
  const Grant grant = w.claim(1);
  w.world.operate(w.m, 1, w.world.operation(1, OperationKind::kAck, grant));
  for (int action = 1; action <= 6; ++action) {
    CHECK(w.act(static_cast<TaskAction>(action), grant.task) == ErrorCode::kConflict);
  }
  CHECK(w.act(TaskAction::kCancel, TaskId(w.m.shard, Offset(99))) == ErrorCode::kUnavailable);
  CHECK(w.act(TaskAction::kCancel, TaskId(ShardId(99), Offset(1))) == ErrorCode::kNotFound);
  CHECK(w.act(TaskAction::kCancel, TaskId(5)) == ErrorCode::kNotFound);
  CHECK(w.world.state(grant.task) == TaskState::kDone);
}

TEST_CASE("a dead task is redriven with its attempts forgotten, or discarded for good") {
  World w;
  REQUIRE(w.world.set({.max_attempts = 1}).ok());
  const TaskId task = w.world.add(w.m);
  const Grant grant = w.claim(1);
  Operation nack = w.world.operation(1, OperationKind::kNack, grant);
  nack.reason = "broken";
  w.world.operate(w.m, 1, nack);
  REQUIRE(w.world.state(task) == TaskState::kDead);
  CHECK(w.why(task) == ExplainCode::kDead);
  w.world.restart();

  SECTION("redriven") {
    REQUIRE(w.act(TaskAction::kRedrive, task) == ErrorCode::kOk);
    CHECK(w.world.state(task) == TaskState::kReady);
    CHECK(w.world.view(task).failures == 0);
    CHECK(w.world.view(task).reason.empty());
    const Grant again = w.claim(2);
    CHECK(again.attempt == 1);
    CHECK(again.token > grant.token);
  }
  SECTION("discarded") {
    REQUIRE(w.act(TaskAction::kDiscard, task) == ErrorCode::kOk);
    CHECK(w.world.view(task).queue.empty());
    CHECK(w.world.ledger().list_queues("q", "", 1).queues.at(0).dead == 0);
    CHECK(w.act(TaskAction::kRedrive, task) == ErrorCode::kConflict);
  }
}

TEST_CASE("one action has an outcome for each of its tasks") {
  World w;
  const TaskId first = w.world.add(w.m);
  const TaskId second = w.world.add(w.m);
  const auto outcome = w.world.ask<ActOutcome>(
      w.m.incarnation, ActOn{TaskAction::kCancel, {first, TaskId(5), second}, ""});
  REQUIRE(outcome.items.size() == 3);
  CHECK(outcome.items[0].status.ok());
  CHECK(outcome.items[1].status.code() == ErrorCode::kNotFound);
  CHECK(outcome.items[2].state == TaskState::kCancelled);
}

TEST_CASE("what a claim saved is handed to the next attempt, and goes with the task") {
  World w;
  w.world.add(w.m);
  const Grant grant = w.claim(1);
  CHECK_FALSE(grant.checkpoint);
  Operation save = w.world.operation(1, OperationKind::kSave, grant);
  save.percent = 40;
  save.progress = "page 4 of 10";
  save.checkpoint = true;
  save.result = {w.m.shard, Lsn(77), 5};
  CHECK(w.world.operate(w.m, 1, save).code == ErrorCode::kOk);
  CHECK(w.world.view(grant.task).percent == 40);
  CHECK(w.world.view(grant.task).progress == "page 4 of 10");
  const auto settle = [&](Lsn lsn) {
    return w.world.ledger().settle(grant.task, grant.token, RecordKind::kCheckpoint, w.m.shard,
                                   lsn);
  };
  CHECK(settle(Lsn(77)) == SettleVerdict::kKeep);
  CHECK(settle(Lsn(76)) == SettleVerdict::kOpen);
  w.world.restart();

  w.world.operate(w.m, 1, w.world.operation(2, OperationKind::kRelease, grant));
  const Grant next = w.claim(2);
  CHECK(next.checkpoint.lsn == Lsn(77));
  CHECK(next.checkpoint_token == grant.token);
  CHECK(settle(Lsn(77)) == SettleVerdict::kKeep);
  CHECK(settle(Lsn(76)) == SettleVerdict::kDrop);

  Operation foreign = w.world.operation(3, OperationKind::kSave, grant);
  foreign.checkpoint = true;
  CHECK(w.world.operate(w.m, 1, foreign).code == ErrorCode::kClaimSuperseded);
  w.world.operate(w.m, 1, w.world.operation(4, OperationKind::kAck, next));
  CHECK(settle(Lsn(77)) == SettleVerdict::kDrop);
}

TEST_CASE("what a claim saved goes with a task that is quarantined") {
  World w;
  w.world.create(w.m, 1);
  const Grant grant = w.claim(1);
  Operation save = w.world.operation(1, OperationKind::kSave, grant);
  save.result = {w.m.shard, Lsn(5), 100};
  save.checkpoint = true;
  REQUIRE(w.world.operate(w.m, 1, save).code == ErrorCode::kOk);
  REQUIRE(w.world.view(grant.task).checkpoint_bytes == 100);
  REQUIRE(
      w.world.tell(w.m.incarnation, Quarantine{w.m.shard, w.m.epoch, {grant.task.offset()}}).ok());
  w.world.operate(w.m, 1, w.world.operation(2, OperationKind::kRelease, grant));
  REQUIRE(w.world.state(grant.task) == TaskState::kQuarantined);
  CHECK(w.world.view(grant.task).checkpoint_bytes == 0);
}

TEST_CASE("explain knows why a task is not running") {
  World w;
  const TaskId task = w.world.add(w.m);
  CHECK(w.why(task) == ExplainCode::kNoConsumer);
  REQUIRE(w.world.set({.paused = true}).ok());
  CHECK(w.why(task) == ExplainCode::kPaused);
  REQUIRE(w.world.set({.paused = false}).ok());
  const Grant grant = w.claim(1);
  CHECK(w.why(task) == ExplainCode::kRunning);
  const TaskId delayed = w.world.add(w.m, {.not_before = WallTime{9'000'000}});
  CHECK(w.why(delayed) == ExplainCode::kDelayed);
  w.world.operate(w.m, 1, w.world.operation(1, OperationKind::kNack, grant));
  CHECK(w.why(task) == ExplainCode::kBackoff);
  w.world.stop(w.m);
  const TestManager n = w.world.manager(2);
  CHECK(w.why(delayed) == ExplainCode::kDelayed);
  w.world.act(TaskAction::kCancel, delayed);
  CHECK(w.why(delayed) == ExplainCode::kFinished);
  CHECK(w.world.ledger().explain(TaskId(w.m.shard, Offset(99))).status().code() ==
        ErrorCode::kUnavailable);
}

TEST_CASE("explain says who waits, and whether any of them could have the task") {
  World w;
  const TestManager n = w.world.manager(2);
  const TestManager other = w.world.manager(3);
  w.world.create(n, 1);
  w.world.create(other, 1, "elsewhere");
  const TaskId task(n.shard, Offset(1));
  w.world.demand(w.m, 1, 1);
  const Grant grant = w.world.grants().at(0);
  REQUIRE(
      w.world.tell(w.m.incarnation, GiveBack{grant.task, grant.token, GiveBackReason::kUnreachable})
          .ok());
  w.world.demand(w.m, 1, 2);
  CHECK(w.why(task) == ExplainCode::kBarred);
  // A bar elsewhere, or one that is over, is no reason.
  const TaskId one(other.shard, Offset(1));
  CHECK(w.why(one) == ExplainCode::kNoConsumer);
  REQUIRE(w.world
              .tell(w.m.incarnation, LedgerDriver::demand_of(1, 2, "elsewhere", 2, 1, 30s,
                                                             TaskId(w.m.shard, Offset(77))))
              .ok());
  CHECK(w.why(one) == ExplainCode::kNoConsumer);
}

TEST_CASE("explain names tasks that wait for each other") {
  World w;
  // A child runs after x, which waits behind y for a key, which runs after the parent.
  const TaskId parent = w.world.add(w.m, {}, "parents");
  w.world.demand(w.m, 1, 1, "parents", 1);
  const Grant grant = w.world.grants().at(0);
  const TaskId y = w.world.add(w.m, {.order_key = "k", .after = {parent}});
  const TaskId x = w.world.add(w.m, {.order_key = "k"});
  const TaskId child =
      w.world.add(w.m, {.after = {x}, .parent = parent, .parent_token = grant.token});
  const TaskId aside = w.world.add(w.m, {.after = {child}});
  CHECK(w.why(x) == ExplainCode::kOrderKey);
  w.world.operate(w.m, 1, w.world.operation(1, OperationKind::kAck, grant));
  REQUIRE(w.world.state(parent) == TaskState::kBlocked);
  for (const TaskId task : {x, y, child, aside}) {
    const Explanation said = w.world.ledger().explain(task).value();
    CHECK(said.because == ExplainCode::kDeadlock);
    for (const TaskId one : {x, y, child, parent})
      CHECK(said.sentence.find(to_string(one)) != std::string::npos);
  }
  REQUIRE(w.world.act(TaskAction::kCancel, child).status.ok());
  CHECK(w.why(x) != ExplainCode::kDeadlock);
}

TEST_CASE("explain names the limit that a ready task waits for") {
  World w;
  REQUIRE(w.world.set({.max_in_flight = 1}).ok());
  w.world.create(w.m, 1);
  const TaskId task = w.world.add(w.m);
  w.world.demand(w.m, 1, 2);
  CHECK(w.why(task) == ExplainCode::kInFlightLimit);
}
