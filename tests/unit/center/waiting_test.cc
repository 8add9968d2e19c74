// Delays, times to live and timeouts of tasks that wait, or are worked on.
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
  TaskId add(TaskOptions options) { return world.add(m, std::move(options)); }
  // The next task, claimed by session 1.
  Grant claim(std::uint64_t total) {
    world.demand(m, 1, total);
    REQUIRE(world.grants().size() == 1);
    return world.grants()[0];
  }

  LedgerDriver world;
  TestManager m;
};

// The driver's wall clock begins at 1,000,000 ms and has counted 10 s of ticks.
constexpr std::int64_t kNow = 1'010'000;

}  // namespace

TEST_CASE("a delayed task is ready at its very millisecond, by the calendar") {
  World w;
  const TaskId task = w.add({.not_before = WallTime{kNow + 1500}});
  CHECK(w.world.state(task) == TaskState::kDelayed);
  CHECK(w.world.view(task).ready_in == 1500ms);
  CHECK(w.world.ledger().tick_plan().calendar_deadline == WallTime{kNow + 1500});

  w.world.tick(1000ms);
  w.world.restart();
  w.world.tick(499ms);
  CHECK(w.world.state(task) == TaskState::kDelayed);

  w.world.tick(1ms);
  CHECK(w.world.state(task) == TaskState::kReady);
  CHECK_FALSE(w.world.ledger().tick_plan().calendar_deadline);
}

TEST_CASE("delayed tasks become ready in the order of their times, whatever their ids") {
  World w;
  const TaskId late = w.add({.not_before = WallTime{kNow + 900}});
  const TaskId early = w.add({.not_before = WallTime{kNow + 100}});
  const TaskId far = w.add({.not_before = WallTime{kNow + 1000LL * 3600 * 24 * 365}});
  w.world.demand(w.m, 1, 2);

  w.world.tick(1000ms);

  const std::vector<Transition>& ready = w.world.effects().transitions;
  REQUIRE(ready.size() == 4);
  CHECK(ready[0].first == early);
  CHECK(ready[1].first == late);
  CHECK(w.world.grants().size() == 2);
  CHECK(w.world.state(far) == TaskState::kDelayed);
}

TEST_CASE("a task whose time has come already is ready at once") {
  World w;
  CHECK(w.world.state(w.add({.not_before = WallTime{kNow}})) == TaskState::kReady);
}

TEST_CASE("a task that is not claimed in its time to live is cancelled") {
  World w;
  const TaskId task = w.add({.time_to_live = 5s});
  CHECK(w.world.view(task).expires_in == 5s);
  w.world.restart();
  w.world.pass(4s + 999ms);
  CHECK(w.world.state(task) == TaskState::kReady);

  w.world.tick(1ms);

  CHECK(w.world.effects().transitions.back().to == TaskState::kCancelled);
  CHECK(w.world.effects().transitions.back().cause == Cause::kTimeToLive);
  CHECK(w.world.ledger().list_queues("q", "", 1).queues.at(0).cancelled == 1);
}

TEST_CASE("a claimed task may be finished after its time to live, but is not run again") {
  World w;
  const TaskId finished = w.add({.time_to_live = 5s});
  const TaskId given_back = w.add({.time_to_live = 5s});
  const Grant first = w.claim(1);
  const Grant second = w.claim(2);
  w.world.pass(6s);

  CHECK(w.world.operate(w.m, 1, w.world.operation(1, OperationKind::kAck, first)).code ==
        ErrorCode::kOk);
  CHECK(w.world.state(finished) == TaskState::kDone);
  w.world.operate(w.m, 1, w.world.operation(2, OperationKind::kRelease, second));
  CHECK(w.world.effects().transitions.back().cause == Cause::kTimeToLive);
  CHECK(w.world.view(given_back).state != TaskState::kReady);
}

TEST_CASE("a task that waits too long for a consumer is dead, and says why") {
  World w;
  const TaskId task = w.add({.wait_timeout = 5s});
  w.world.pass(5s);

  CHECK(w.world.state(task) == TaskState::kDead);
  CHECK(w.world.view(task).reason == "wait timeout: it waited too long for a consumer");
}

TEST_CASE("the wait timeout begins anew with each stay in the queue") {
  World w;
  const TaskId task = w.add({.wait_timeout = 5s});
  w.world.pass(4s);
  const Grant grant = w.claim(1);
  w.world.pass(4s);
  w.world.operate(w.m, 1, w.world.operation(1, OperationKind::kRelease, grant));
  w.world.pass(4s);
  CHECK(w.world.state(task) == TaskState::kReady);
  w.world.restart();
  w.world.pass(1s);
  CHECK(w.world.state(task) == TaskState::kDead);
}

TEST_CASE("a delay does not count as waiting for a consumer") {
  World w;
  const TaskId task = w.add({.not_before = WallTime{kNow + 8000}, .wait_timeout = 5s});
  w.world.pass(12s);
  CHECK(w.world.state(task) == TaskState::kReady);
  w.world.pass(1s);
  CHECK(w.world.state(task) == TaskState::kDead);
}

TEST_CASE("a claim never lasts longer than its own attempt timeout, whatever renews it") {
  World w;
  w.add({.attempt_timeout = 10s});
  const Grant grant = w.claim(1);
  for (int i = 0; i < 10; ++i) {
    w.world.send(w.m.incarnation, SessionHeartbeat{session_of(1), {grant.token}});
    w.world.pass(1s);
  }
  CHECK(w.world.state(grant.task) == TaskState::kClaimed);  // a tick may be so late
  w.world.pass(1s);
  CHECK(w.world.state(grant.task) == TaskState::kReady);
  CHECK(w.world.view(grant.task).expiries == 1);
}

TEST_CASE("a lease is no longer than what its task has left, but never shorter than any lease") {
  World w;
  w.add({.attempt_timeout = 5s});
  const Grant grant = w.claim(1);
  CHECK(grant.lease == 5s);
  w.world.pass(6s);
  CHECK(w.world.state(grant.task) == TaskState::kReady);
  REQUIRE(w.world.act(TaskAction::kCancel, grant.task).status.ok());

  const TaskId hurried = w.add({.total_timeout = 8s});
  w.world.pass(6s);
  CHECK(w.claim(2).lease == 3s);
  w.world.pass(4s);
  CHECK(w.world.state(hurried) == TaskState::kDead);

  // The queue's own timeout is a bound of heartbeats only: who asks for a longer lease has it.
  REQUIRE(w.world.set({.attempt_timeout = 4s}).ok());
  w.add({});
  CHECK(w.claim(3).lease == 30s);
}

TEST_CASE("a task that is not finished in its total time is dead, also while it is worked on") {
  World w;
  const TaskId waiting = w.add({.total_timeout = 40s});
  const TaskId claimed = w.add({.total_timeout = 40s});
  // Other claims first: then the second task is the one that is worked on.
  REQUIRE(w.world.act(TaskAction::kCancel, waiting).status.ok());
  const Grant grant = w.claim(1);
  CHECK(grant.task == claimed);
  for (int i = 0; i < 40; ++i) {
    w.world.send(w.m.incarnation, SessionHeartbeat{session_of(1), {grant.token}});
    w.world.pass(1s);
  }
  w.world.pass(1s);

  CHECK(w.world.state(claimed) == TaskState::kDead);
  REQUIRE(w.world.effects().lost.size() == 1);
  CHECK(w.world.effects().lost[0].cause == LostCause::kTimeout);
  CHECK(w.world.effects().lost[0].token == grant.token);
  CHECK(w.world.operate(w.m, 1, w.world.operation(1, OperationKind::kAck, grant)).code ==
        ErrorCode::kClaimSuperseded);
}

TEST_CASE("a task that is given back after its total time is dead, whoever else waits for it") {
  World w;
  const TaskId task = w.add({.total_timeout = 3s});
  const Grant grant = w.claim(1);
  w.world.pass(5s);
  w.world.demand(w.m, 1, 2);
  w.world.operate(w.m, 1, w.world.operation(1, OperationKind::kRelease, grant));
  CHECK(w.world.state(task) == TaskState::kDead);
  CHECK(w.world.view(task).reason.starts_with("total timeout"));
  CHECK(w.world.grants().empty());
}

TEST_CASE("a time to live of 2^31 ms is no other one's") {
  World w;
  const std::int64_t now = w.world.ledger().totals().lease_time.count();
  const TaskId longest = w.add({.time_to_live = Millis((std::int64_t{1} << 31) - now)});
  const TaskId shorter = w.add({.time_to_live = 20s});
  w.world.pass(30s);
  CHECK(w.world.state(longest) == TaskState::kReady);
  CHECK(w.world.state(shorter) != TaskState::kReady);
  w.world.restart();
}

TEST_CASE("a task's own number of failures goes before the queue's") {
  World w;
  const TaskId task = w.add({.max_attempts = 1});
  const Grant grant = w.claim(1);
  w.world.operate(w.m, 1, w.world.operation(1, OperationKind::kNack, grant));
  CHECK(w.world.state(task) == TaskState::kDead);
}

TEST_CASE("a nack may say when the task runs again, or that it is dead") {
  World w;
  const TaskId task = w.add({});
  Operation nack = w.world.operation(1, OperationKind::kNack, w.claim(1));
  nack.delay = 7s;
  w.world.operate(w.m, 1, nack);
  CHECK(w.world.view(task).ready_in == 7s);
  w.world.pass(7s);
  CHECK(w.world.state(task) == TaskState::kReady);

  Operation last = w.world.operation(2, OperationKind::kNack, w.claim(2));
  last.dead = true;
  last.reason = "no such customer";
  w.world.operate(w.m, 1, last);
  CHECK(w.world.state(task) == TaskState::kDead);
  CHECK(w.world.view(task).reason == "no such customer");
  CHECK(w.world.view(task).failures == 2);
}

TEST_CASE("a task that kills its consumers ends dead, counted apart from failures") {
  World w;
  REQUIRE(w.world.set({.max_expiries = 2}).ok());
  const TaskId task = w.add({});
  w.claim(1);
  w.world.pass(31s);
  CHECK(w.world.state(task) == TaskState::kReady);
  w.claim(2);
  w.world.pass(31s);
  CHECK(w.world.state(task) == TaskState::kDead);
  CHECK(w.world.view(task).expiries == 2);
  CHECK(w.world.view(task).failures == 0);
}

TEST_CASE("what is cut off after its manager was removed is not held: nobody could decide it") {
  World w;
  const TestManager n = w.world.manager(2);
  REQUIRE(w.world.set({.on_uncertain = OnUncertain::kHold}).ok());
  w.world.create(n, 1);
  const Grant grant = w.claim(1);
  const TaskId after = w.add({.after = {grant.task}, .on_failed = FailurePolicy::kIgnore});
  w.world.stop(n);
  REQUIRE(w.world.tell(Incarnation(), Remove{n.name}).ok());
  w.world.settle();
  w.world.pass(31s);
  CHECK(w.world.state(grant.task) == TaskState::kQuarantined);
  CHECK(w.world.ledger().find_queue("q").value().queue.held == 0);
  CHECK(w.world.state(after) == TaskState::kReady);
}

TEST_CASE("a queue that holds what is uncertain leaves it to a person") {
  World w;
  REQUIRE(w.world.set({.on_uncertain = OnUncertain::kHold}).ok());
  const TaskId task = w.add({});
  const Grant grant = w.claim(1);
  w.world.pass(31s);
  CHECK(w.world.state(task) == TaskState::kHeld);
  CHECK(w.world.operate(w.m, 1, w.world.operation(1, OperationKind::kAck, grant)).code ==
        ErrorCode::kClaimSuperseded);
  w.world.restart();

  SECTION("run it again") {
    REQUIRE(w.world.act(TaskAction::kResume, task).status.ok());
    CHECK(w.world.state(task) == TaskState::kReady);
    CHECK(w.claim(2).token > grant.token);
  }
  SECTION("it was done") {
    REQUIRE(w.world.act(TaskAction::kComplete, task).status.ok());
    CHECK(w.world.state(task) == TaskState::kDone);
  }
  SECTION("it is dead") {
    REQUIRE(w.world.act(TaskAction::kKill, task, "charged twice?").status.ok());
    CHECK(w.world.view(task).reason == "charged twice?");
    CHECK(w.world.state(task) == TaskState::kDead);
  }
}
