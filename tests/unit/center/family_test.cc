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

TEST_CASE("a task cannot run after one that cannot exist") {
  World w;
  const TestManager n = w.world.manager(2);
  w.world.create(n, 3);
  const auto refused = [&](TaskId other) {
    CHECK_FALSE(w.world.add(w.m, {.after = {other}}));
    CHECK(w.world.last_winner().code == ErrorCode::kNotFound);
  };
  refused(TaskId(ShardId(77), Offset(1)));                           // no such shard
  refused(TaskId(w.m.shard, w.world.created_hi_of(w.m.shard)));      // itself
  CHECK(w.world.add(w.m, {.after = {TaskId(n.shard, Offset(9))}}));  // not heard of yet
  w.world.stop(n);
  REQUIRE(w.world.tell(Incarnation(), Seal{n.shard, n.epoch, n.life, Offset(6)}).ok());
  refused(TaskId(n.shard, Offset(6)));  // its shard ended before
  CHECK(w.world.add(w.m, {.after = {TaskId(n.shard, Offset(5))}}));
}

TEST_CASE(
    "a task that runs after several goes on without those that failed, and waits for the rest") {
  World w;
  w.world.create(w.m, 3);
  std::vector<Grant> grants = {w.claim(), w.claim(), w.claim()};
  const TaskId after = w.world.add(w.m, {.after = {grants[0].task, grants[1].task, grants[2].task},
                                         .on_failed = FailurePolicy::kWait});
  w.kill(grants[0]);
  REQUIRE(w.world.act(TaskAction::kResume, after).status.ok());
  CHECK(w.world.view(after).blocked_on == 2);
  // What was decided about does not count again, whatever becomes of it.
  w.world.restart();
  REQUIRE(w.world.act(TaskAction::kRedrive, grants[0].task).status.ok());
  w.ack(w.claim());
  CHECK(w.world.view(after).blocked_on == 2);
  w.kill(grants[1]);
  CHECK(w.world.ledger().explain(after).value().other == grants[1].task);
  w.ack(grants[2]);
  CHECK(w.state(after) == TaskState::kBlocked);
  REQUIRE(w.world.act(TaskAction::kResume, after).status.ok());
  CHECK(w.state(after) == TaskState::kReady);
}

TEST_CASE("a child that failed, was decided about and runs again is waited for like any other") {
  World w;
  const TaskId a = w.child();
  const TaskId b = w.child();
  const TaskId c = w.child();
  const Grant first = w.claim();
  const Grant second = w.claim();
  w.ack(w.parent, FailurePolicy::kWait);
  w.kill(first);
  REQUIRE(w.world.act(TaskAction::kResume, w.parent.task).status.ok());
  w.kill(second);
  w.world.restart();
  // Redriving the one that was decided about leaves the other's failure standing.
  REQUIRE(w.world.act(TaskAction::kRedrive, a).status.ok());
  CHECK(w.world.view(w.parent.task).children_failed == 1);
  CHECK(w.world.view(w.parent.task).children_open == 2);
  REQUIRE(w.world.act(TaskAction::kRedrive, b).status.ok());
  CHECK(w.world.view(w.parent.task).children_failed == 0);
  CHECK(w.world.view(w.parent.task).children_open == 3);
  for (int i = 0; i < 2; ++i) w.ack(w.claim());
  CHECK(w.state(w.parent.task) == TaskState::kBlocked);
  w.ack(w.claim());
  CHECK(w.state(c) == TaskState::kDone);
  CHECK(w.state(w.parent.task) == TaskState::kDone);
}

TEST_CASE("a death that is taken back before it was told concerns nobody") {
  World w;
  w.world.create(w.m, 1);
  const Grant grant = w.claim();
  for (int i = 0; i < 10'000; ++i) {
    w.world.add(w.m, {.after = {grant.task},
                      .on_failed = i == 9'999 ? FailurePolicy::kFail : FailurePolicy::kWait});
  }
  const TaskId last(w.m.shard, Offset(w.world.created_hi_of(w.m.shard).value() - 1));
  w.kill(grant);
  REQUIRE(w.world.ledger().wants_continue());
  REQUIRE(w.world.act(TaskAction::kRedrive, grant.task).status.ok());
  w.world.restart();
  w.world.settle();
  CHECK(w.state(last) == TaskState::kBlocked);
  const TaskId early(w.m.shard, Offset(3));
  CHECK(w.world.act(TaskAction::kResume, early).status.code() == ErrorCode::kConflict);
  SECTION("done, it lets all of them go on") {
    w.ack(w.claim());
    w.world.settle();
    CHECK(w.world.ledger().list_queues("q", "", 1).queues.at(0).ready +
              w.world.ledger().list_queues("q", "", 1).queues.at(0).claimed ==
          10'000);
  }
  SECTION("discarded, it failed") {
    w.kill(w.claim());
    REQUIRE(w.world.act(TaskAction::kDiscard, grant.task).status.ok());
    w.world.settle();
    CHECK(w.state(last) == TaskState::kDead);
    REQUIRE(w.world.act(TaskAction::kResume, early).status.ok());
  }
}

TEST_CASE("a child that is discarded before its death was told has failed all the same") {
  World w;
  w.world.create(w.m, 1);
  const Grant other = w.claim();
  for (int i = 0; i < 10'000; ++i) w.world.add(w.m, {.after = {other.task}});
  w.child();
  w.ack(w.parent, FailurePolicy::kIgnore);
  const Grant child = w.claim();
  w.ack(other);  // more to tell than one entry may
  w.kill(child);
  REQUIRE(w.world.act(TaskAction::kDiscard, child.task).status.ok());
  w.world.settle();
  CHECK(w.state(w.parent.task) == TaskState::kDone);
}

TEST_CASE("a child that dies before it is born does not live without the completion") {
  World w;
  TaskOptions options;
  options.parent = w.parent.task;
  options.parent_token = w.parent.token;
  options.with_completion = true;
  options.total_timeout = 5s;
  const TaskId child = w.world.add(w.m, options);
  w.world.pass(6s);
  REQUIRE(w.state(child) == TaskState::kDead);
  CHECK(w.world.act(TaskAction::kRedrive, child).status.code() == ErrorCode::kConflict);
  w.world.restart();
  SECTION("it has failed when its parent is acked, and may run then") {
    REQUIRE(w.ack(w.parent, FailurePolicy::kWait) == ErrorCode::kOk);
    CHECK(w.world.view(w.parent.task).children_failed == 1);
    REQUIRE(w.world.act(TaskAction::kRedrive, child).status.ok());
    CHECK(w.world.view(w.parent.task).children_failed == 0);
    w.ack(w.claim());
    CHECK(w.state(w.parent.task) == TaskState::kDone);
  }
  SECTION("it never was when the claim ends otherwise") {
    w.world.operate(w.m, 1, w.world.operation(++w.seq, OperationKind::kNack, w.parent));
    CHECK(w.world.view(child).queue.empty());
    CHECK(w.world.ledger().list_queues("q", "", 1).queues.at(0).dead == 0);
    CHECK(w.world.ledger().list_queues("q", "", 1).queues.at(0).bytes == 0);
  }
}

TEST_CASE("nothing waits for what never was") {
  World w;
  const TaskId child = w.child(true);
  const TaskId after_child = w.world.add(w.m, {.after = {child}});
  // The ledger hears of the duplicate later than of the task that runs after it.
  const TaskId duplicate(w.m.shard, Offset(w.world.created_hi_of(w.m.shard).value() + 2));
  const TaskId after_duplicate = w.world.add(w.m, {.after = {duplicate}});
  REQUIRE(w.world.add(w.m, {.key = "k"}));
  CHECK_FALSE(w.world.add(w.m, {.key = "k"}));
  CHECK(w.state(after_duplicate) == TaskState::kDead);
  w.world.operate(w.m, 1, w.world.operation(++w.seq, OperationKind::kNack, w.parent));
  CHECK(w.state(after_child) == TaskState::kDead);
}

TEST_CASE("a child that comes with the completion takes its idempotency key when it is born") {
  World w;
  const auto spawn = [&] {
    return w.world.add(w.m, {.key = "k",
                             .parent = w.parent.task,
                             .parent_token = w.parent.token,
                             .with_completion = true});
  };
  const TaskId child = spawn();
  REQUIRE(w.state(child) == TaskState::kPending);
  SECTION("a child that never was leaves the key to others") {
    w.world.operate(w.m, 1, w.world.operation(++w.seq, OperationKind::kNack, w.parent));
    CHECK(w.world.add(w.m, {.key = "k"}));
  }
  SECTION("the key is the child's from the ack on") {
    w.world.restart();
    REQUIRE(w.ack(w.parent) == ErrorCode::kOk);
    CHECK_FALSE(w.world.add(w.m, {.key = "k"}));
    CHECK(w.world.last_winner().task == child);
    CHECK(w.world.last_winner().duplicate);
  }
  SECTION("whoever had the key before it is the task, and the child never was") {
    const TaskId first = w.world.add(w.m, {.key = "k"});
    REQUIRE(first);
    REQUIRE(w.ack(w.parent) == ErrorCode::kOk);
    CHECK(w.world.view(child).queue.empty());
    CHECK(w.state(w.parent.task) == TaskState::kDone);
    CHECK_FALSE(spawn());
  }
}

TEST_CASE("a child that died unborn, and whose key is another's by then, is none of its parent's") {
  World w;
  const TaskId open = w.child();
  const TaskId unborn = w.world.add(w.m, {.total_timeout = 5s,
                                          .key = "k",
                                          .parent = w.parent.task,
                                          .parent_token = w.parent.token,
                                          .with_completion = true});
  w.world.pass(6s);
  REQUIRE(w.state(unborn) == TaskState::kDead);
  REQUIRE(w.world.add(w.m, {.key = "k"}, "q", 8));
  REQUIRE(w.ack(w.parent) == ErrorCode::kOk);
  CHECK(w.world.view(w.parent.task).children_open == 1);
  CHECK(w.world.view(w.parent.task).children_failed == 0);
  const Grant child = w.claim();
  REQUIRE(child.task == open);
  w.ack(child);
  CHECK(w.state(w.parent.task) == TaskState::kDone);
}

TEST_CASE("what a removed manager kept has failed for those that wait for it") {
  World w;
  const TestManager n = w.world.manager(2);
  w.world.create(n, 2);
  const TaskId known(n.shard, Offset(1));
  const TaskId unknown(n.shard, Offset(40));
  const TaskId a = w.world.add(w.m, {.after = {known}});
  const TaskId b = w.world.add(w.m, {.after = {unknown}});
  TaskOptions options;
  options.parent = w.parent.task;
  options.parent_token = w.parent.token;
  const TaskId child = w.world.add(n, options);
  const TaskId ordered = w.world.add(n, {.order_key = "o"});
  const TaskId next = w.world.add(w.m, {.order_key = "o"});
  const TaskId delayed = w.world.add(n, {.not_before = WallTime{1'000'000'000}});
  w.ack(w.parent);
  w.world.stop(n);
  REQUIRE(w.world.tell(Incarnation(), Remove{"m2"}).ok());
  w.world.restart();
  w.world.settle();
  for (const TaskId task : {child, ordered, delayed}) {
    CHECK(w.state(task) == TaskState::kQuarantined);
    CHECK(w.world.view(task).reason == "its manager was removed");
  }
  CHECK(w.state(a) == TaskState::kDead);
  CHECK(w.state(b) == TaskState::kDead);
  CHECK(w.state(next) == TaskState::kReady);
  CHECK(w.state(w.parent.task) == TaskState::kDead);
  CHECK_FALSE(w.world.add(w.m, {.after = {unknown}}));
  const QueueView queue = w.world.ledger().list_queues("q", "", 1).queues.at(0);
  CHECK(queue.delayed == 0);
  CHECK(queue.blocked == 0);
  CHECK(queue.bytes == 10);
}

TEST_CASE("a parent whose own work is done outlives its manager") {
  World w;
  const TestManager n = w.world.manager(2);
  TaskOptions options;
  options.parent = w.parent.task;
  options.parent_token = w.parent.token;
  w.world.attach(n, 2);
  const TaskId child = w.world.add(n, options);
  w.ack(w.parent);
  w.world.stop(w.m);
  REQUIRE(w.world.tell(Incarnation(), Remove{"m1"}).ok());
  w.world.settle();
  CHECK(w.state(w.parent.task) == TaskState::kBlocked);
  w.world.demand(n, 2, 1);
  REQUIRE(w.world.grants().size() == 1);
  CHECK(w.world.grants()[0].task == child);
  w.world.operate(n, 2, w.world.operation(1, OperationKind::kAck, w.world.grants()[0]));
  CHECK(w.state(w.parent.task) == TaskState::kDone);
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
