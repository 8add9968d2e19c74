// Children and parents (R8), and tasks that run after others.
#include <catch2/catch.hpp>

#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::test;
using namespace std::chrono_literals;

namespace {

// A claimed parent, in a queue of its own; children are in "q".
struct World {
  World() {
    m = world.manager(1);
    world.attach(m, 1);
    world.create(m, 1, "parents");
    world.demand(m, 1, 1, "parents", 1);
    parent = world.grants().at(0);
  }
  TaskId child(bool with_completion = false, FailurePolicy on_failed = FailurePolicy::kDefault) {
    TaskOptions options;
    options.parent = parent.task;
    options.parent_token = parent.token;
    options.with_completion = with_completion;
    options.on_failed = on_failed;
    return world.add(m, options);
  }
  ErrorCode ack(const Grant& grant, FailurePolicy policy = FailurePolicy::kDefault) {
    Operation operation = world.operation(++seq, OperationKind::kAck, grant);
    operation.on_failed_child = policy;
    return world.operate(m, 1, operation).code;
  }
  // Claims the next task of "q".
  Grant claim() {
    world.demand(m, 1, ++claims + 1, "q", 2);
    REQUIRE(world.grants().size() == 1);
    return world.grants()[0];
  }
  void kill(const Grant& grant) {
    Operation operation = world.operation(++seq, OperationKind::kNack, grant);
    operation.dead = true;
    world.operate(m, 1, operation);
  }
  TaskState state(TaskId task) { return world.state(task); }

  LedgerDriver world;
  TestManager m;
  Grant parent;
  std::uint64_t seq = 0;
  std::uint64_t claims = 0;
};

}  // namespace

TEST_CASE("a child is spawned only under its parent's current claim") {
  World w;
  REQUIRE(w.child());
  w.world.operate(w.m, 1, w.world.operation(++w.seq, OperationKind::kRelease, w.parent));
  CHECK_FALSE(w.child());
  CHECK(w.world.last_winner().code == ErrorCode::kClaimSuperseded);
}

TEST_CASE("a parent is done when its children are") {
  World w;
  const TaskId a = w.child();
  const TaskId b = w.child();
  CHECK(w.state(a) == TaskState::kReady);
  CHECK(w.ack(w.parent) == ErrorCode::kOk);
  CHECK(w.state(w.parent.task) == TaskState::kBlocked);
  CHECK(w.world.view(w.parent.task).children_open == 2);
  w.world.restart();

  CHECK(w.ack(w.claim()) == ErrorCode::kOk);
  CHECK(w.state(w.parent.task) == TaskState::kBlocked);
  CHECK(w.world.ledger().explain(w.parent.task).value().because == ExplainCode::kChildren);
  CHECK(w.ack(w.claim()) == ErrorCode::kOk);
  CHECK(w.state(w.parent.task) == TaskState::kDone);
  CHECK(w.state(a) == TaskState::kDone);
  CHECK(w.state(b) == TaskState::kDone);
}

TEST_CASE("an ack that is repeated while the children work is the same ack") {
  World w;
  w.child();
  CHECK(w.ack(w.parent) == ErrorCode::kOk);
  --w.seq;
  CHECK(w.ack(w.parent) == ErrorCode::kOk);
  CHECK(w.world.ledger().totals().completions == 1);
  // And a late one of the same claim, by an operation of its own, is told that it was accepted.
  CHECK(w.ack(w.parent) == ErrorCode::kOk);
}

TEST_CASE("children that come with the completion are seen by nobody before it, and then at once") {
  World w;
  const TaskId a = w.child(true);
  const TaskId b = w.child(true);
  CHECK(w.state(a) == TaskState::kPending);
  w.world.demand(w.m, 1, 3, "q", 2);
  CHECK(w.world.grants().empty());
  w.world.restart();
  w.world.demand(w.m, 1, 3, "q", 2);

  CHECK(w.ack(w.parent) == ErrorCode::kOk);
  CHECK(w.world.grants().size() == 2);
  CHECK(w.state(b) == TaskState::kClaimed);
  CHECK(w.state(w.parent.task) == TaskState::kBlocked);
}

TEST_CASE("children that were to come with a completion never were when the claim ends otherwise") {
  World w;
  const TaskId a = w.child(true);
  SECTION("nacked") {
    w.world.operate(w.m, 1, w.world.operation(++w.seq, OperationKind::kNack, w.parent));
  }
  SECTION("cut off") { w.world.pass(31s); }
  SECTION("cancelled") { w.world.act(TaskAction::kCancel, w.parent.task); }
  CHECK(w.world.view(a).queue.empty());
  CHECK(w.world.ledger().list_queues("q", "", 1).queues.at(0).blocked == 0);
  CHECK(w.world.act(TaskAction::kCancel, a).status.code() == ErrorCode::kConflict);
}

TEST_CASE("what a failed child means is the parent's to say") {
  World w;
  w.child();
  w.child();
  const Grant first = w.claim();
  const Grant second = w.claim();
  SECTION("fail: the parent is dead, and runs again only when its children do") {
    w.ack(w.parent);
    w.kill(first);
    CHECK(w.state(w.parent.task) == TaskState::kDead);
    CHECK(w.world.act(TaskAction::kRedrive, w.parent.task).status.code() == ErrorCode::kConflict);
    REQUIRE(w.world.act(TaskAction::kRedrive, first.task).status.ok());
    REQUIRE(w.world.act(TaskAction::kRedrive, w.parent.task).status.ok());
    // Its own work is done: it waits for its children, and is never handed out again.
    CHECK(w.state(w.parent.task) == TaskState::kBlocked);
    w.world.demand(w.m, 1, 9, "parents", 1);
    for (const Grant& grant : w.world.grants()) CHECK(grant.task != w.parent.task);
  }
  SECTION("ignore: it counts as finished") {
    w.ack(w.parent, FailurePolicy::kIgnore);
    w.kill(first);
    CHECK(w.state(w.parent.task) == TaskState::kBlocked);
    w.ack(second);
    CHECK(w.state(w.parent.task) == TaskState::kDone);
  }
  SECTION("wait: somebody decides") {
    w.ack(w.parent, FailurePolicy::kWait);
    w.kill(first);
    w.ack(second);
    CHECK(w.state(w.parent.task) == TaskState::kBlocked);
    CHECK(w.world.ledger().explain(w.parent.task).value().because == ExplainCode::kDecision);
    w.world.restart();
    SECTION("go on without it") {
      REQUIRE(w.world.act(TaskAction::kResume, w.parent.task).status.ok());
      CHECK(w.state(w.parent.task) == TaskState::kDone);
    }
    SECTION("run it again") {
      REQUIRE(w.world.act(TaskAction::kRedrive, first.task).status.ok());
      CHECK(w.world.view(w.parent.task).children_failed == 0);
      CHECK(w.ack(w.claim()) == ErrorCode::kOk);
      CHECK(w.state(w.parent.task) == TaskState::kDone);
    }
    SECTION("give up") {
      REQUIRE(w.world.act(TaskAction::kKill, w.parent.task).status.ok());
      CHECK(w.state(w.parent.task) == TaskState::kDead);
    }
  }
  SECTION("it failed before the parent was done") {
    w.kill(first);
    CHECK(w.ack(w.parent) == ErrorCode::kOk);
    CHECK(w.state(w.parent.task) == TaskState::kDead);
  }
}

TEST_CASE("a claim has no more open children than it may") {
  World w;
  for (std::size_t i = 0; i < kChildrenMax; ++i) REQUIRE(w.child(true));
  CHECK_FALSE(w.child(true));
  CHECK(w.world.last_winner().code == ErrorCode::kTooLarge);
  CHECK(w.ack(w.parent) == ErrorCode::kOk);
  w.world.settle();
  CHECK(w.world.ledger().list_queues("q", "", 1).queues.at(0).ready == kChildrenMax);
}

TEST_CASE("a task that runs after others is ready when the last of them is done") {
  World w;
  w.world.create(w.m, 2);
  const TaskId a(w.m.shard, Offset(2));
  const TaskId b(w.m.shard, Offset(3));
  const TaskId after = w.world.add(w.m, {.after = {a, b}});
  CHECK(w.state(after) == TaskState::kBlocked);
  CHECK(w.world.ledger().explain(after).value().because == ExplainCode::kAfter);
  w.world.restart();
  w.ack(w.claim());
  CHECK(w.world.view(after).blocked_on == 1);
  w.ack(w.claim());
  CHECK(w.state(after) == TaskState::kReady);
  CHECK(w.state(w.world.add(w.m, {.after = {a, b}})) == TaskState::kReady);
}

TEST_CASE("what a failed one means for a task that runs after it is that task's to say") {
  World w;
  w.world.create(w.m, 1);
  const TaskId a(w.m.shard, Offset(2));
  const TaskId fails = w.world.add(w.m, {.after = {a}});
  const TaskId ignores = w.world.add(w.m, {.after = {a}, .on_failed = FailurePolicy::kIgnore});
  const TaskId waits = w.world.add(w.m, {.after = {a}, .on_failed = FailurePolicy::kWait});
  const TaskId chained = w.world.add(w.m, {.after = {fails}});
  w.kill(w.claim());

  CHECK(w.state(fails) == TaskState::kDead);
  CHECK(w.state(chained) == TaskState::kDead);
  CHECK(w.state(ignores) == TaskState::kReady);
  CHECK(w.state(waits) == TaskState::kBlocked);
  CHECK(w.world.ledger().explain(waits).value().because == ExplainCode::kDecision);
  w.world.restart();
  SECTION("resumed") {
    REQUIRE(w.world.act(TaskAction::kResume, waits).status.ok());
    CHECK(w.state(waits) == TaskState::kReady);
  }
  SECTION("the failed one is redriven, and done") {
    REQUIRE(w.world.act(TaskAction::kCancel, ignores).status.ok());
    REQUIRE(w.world.act(TaskAction::kRedrive, a).status.ok());
    w.ack(w.claim());
    CHECK(w.state(waits) == TaskState::kReady);
  }
  // Who comes later is told what is known.
  CHECK(w.state(w.world.add(w.m, {.after = {fails}})) == TaskState::kDead);
}

TEST_CASE("a task cannot run after one whose shard does not exist") {
  World w;
  CHECK_FALSE(w.world.add(w.m, {.after = {TaskId(ShardId(77), Offset(1))}}));
  CHECK(w.world.last_winner().code == ErrorCode::kNotFound);
}

TEST_CASE("more tasks than an entry may touch can run after one") {
  World w;
  w.world.create(w.m, 1);
  const TaskId a(w.m.shard, Offset(2));
  const Grant grant = w.claim();
  for (int i = 0; i < 10'000; ++i) w.world.add(w.m, {.after = {a}});
  w.ack(grant);
  CHECK(w.world.ledger().wants_continue());
  w.world.restart();
  w.world.settle();
  CHECK(w.world.ledger().list_queues("q", "", 1).queues.at(0).ready == 10'000);
}
