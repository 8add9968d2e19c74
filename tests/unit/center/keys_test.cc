// Idempotency keys (R6), ordering keys (R7), fairness keys and priorities.
#include <cstdlib>
#include <map>

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
    n = world.manager(2);
    world.attach(m, 1);
  }
  std::vector<Grant> claim(std::uint64_t total) {
    world.demand(m, 1, total);
    return world.grants();
  }
  void ack(const Grant& grant) {
    world.operate(m, 1, world.operation(++seq, OperationKind::kAck, grant));
  }
  void nack(const Grant& grant) {
    world.operate(m, 1, world.operation(++seq, OperationKind::kNack, grant));
  }
  // The claim of a task that session 1 has.
  Grant held(TaskId task) {
    Grant grant;
    grant.task = task;
    grant.token = world.view(task).token;
    return grant;
  }
  TaskId ordered(const std::string& key, const TestManager& at) {
    return world.add(at, {.order_key = key});
  }

  LedgerDriver world;
  TestManager m;
  TestManager n;
  std::uint64_t seq = 0;
};

}  // namespace

TEST_CASE("the same key and content name the first task, at whichever manager, with its state") {
  World w;
  const TaskId first = w.world.add(w.m, {.key = "order-1"});
  REQUIRE(first);
  CHECK_FALSE(w.world.add(w.n, {.key = "order-1"}));
  CHECK(w.world.last_winner().task == first);
  CHECK(w.world.last_winner().duplicate);
  CHECK(w.world.last_winner().state == TaskState::kReady);
  w.world.restart();

  w.ack(w.claim(1).at(0));
  CHECK_FALSE(w.world.add(w.m, {.key = "order-1"}));
  CHECK(w.world.last_winner().task == first);
  CHECK(w.world.last_winner().state == TaskState::kDone);
}

TEST_CASE("the same key with other content is a conflict, and makes no task") {
  World w;
  const TaskId first = w.world.add(w.m, {.key = "k"}, "q", 1);
  REQUIRE(first);
  CHECK_FALSE(w.world.add(w.m, {.key = "k"}, "q", 2));
  CHECK(w.world.last_winner().code == ErrorCode::kConflict);
  CHECK_FALSE(w.world.last_winner().task);
  CHECK(w.claim(5).size() == 1);
}

TEST_CASE("a key is of its queue") {
  World w;
  CHECK(w.world.add(w.m, {.key = "k"}, "a"));
  CHECK(w.world.add(w.m, {.key = "k"}, "b"));
}

TEST_CASE("a key is remembered for its window, and no more of them than the queue wants") {
  World w;
  REQUIRE(w.world.set({.key_window = 60s, .key_count = 2}).ok());
  REQUIRE(w.world.add(w.m, {.key = "a"}));
  w.world.pass(30s);
  REQUIRE(w.world.add(w.m, {.key = "b"}));
  w.world.restart();
  w.world.pass(29s);
  CHECK_FALSE(w.world.add(w.m, {.key = "a"}));
  w.world.pass(2s);
  CHECK(w.world.add(w.m, {.key = "a"}));
  CHECK(w.world.ledger().list_queues("", "", 9).queues.at(0).key_window == 31s);

  CHECK(w.world.add(w.m, {.key = "c"}));
  CHECK(w.world.ledger().find_queue("q").value().keys == 2);
  CHECK(w.world.add(w.m, {.key = "b"}));  // pushed out by the third
}

TEST_CASE("a queue that is to remember fewer keys comes down to that, a few with each new one") {
  World w;
  for (char key = 'a'; key < 'a' + 12; ++key) REQUIRE(w.world.add(w.m, {.key = {key}}));
  REQUIRE(w.world.set({.key_count = 3}).ok());
  CHECK(w.world.ledger().find_queue("q").value().keys == 12);
  CHECK(w.world.add(w.m, {.key = "new-1"}));
  w.world.restart();
  CHECK(w.world.ledger().find_queue("q").value().keys == 9);
  CHECK_FALSE(w.world.add(w.m, {.key = "e"}));  // not yet pushed out
  CHECK(w.world.add(w.m, {.key = "a"}));
  CHECK(w.world.add(w.m, {.key = "e"}));
  CHECK(w.world.ledger().find_queue("q").value().keys == 3);
}

TEST_CASE("a key that is over its window and comes again names the new task only") {
  World w;
  REQUIRE(w.world.set({.key_window = 60s}).ok());
  for (char key = 'a'; key < 'a' + 12; ++key) REQUIRE(w.world.add(w.m, {.key = {key}}));
  w.world.pass(61s);
  const TaskId again = w.world.add(w.m, {.key = "l"});
  REQUIRE(again);
  w.world.restart();
  // Its older place is remembered still, and means nothing, also when the window is longer.
  CHECK(w.world.ledger().find_queue("q").value().keys == 9);
  REQUIRE(w.world.set({.key_window = 600s}).ok());
  CHECK_FALSE(w.world.add(w.n, {.key = "l"}));
  CHECK(w.world.last_winner().task == again);
  // All that is older goes, and it stays.
  w.world.pass(541s);
  for (char key = 'm'; key < 'm' + 4; ++key) REQUIRE(w.world.add(w.m, {.key = {key}}));
  CHECK(w.world.ledger().find_queue("q").value().keys == 5);
  CHECK_FALSE(w.world.add(w.m, {.key = "l"}));
  CHECK(w.world.last_winner().task == again);
}

TEST_CASE("a produce with a key that is repeated under its number gives the same task") {
  World w;
  CreatedRun run;
  run.count = 1;
  run.queue = "q";
  run.producer = producer_of(1);
  run.seq = ProducerSeq(1);
  run.waits = run.only_waits = true;
  run.content_hash = {5};
  run.key_hash = {uuid_of(9)};
  const Winner first = w.world.create(w.m, {run}).winners.at(0);
  CHECK(first.task == TaskId(w.m.shard, Offset(1)));
  run.only_waits = false;
  run.maybe_at = {w.m.shard};
  const Winner again = w.world.create(w.n, {run}).winners.at(0);
  CHECK(again.task == first.task);

  // Resolved, it makes no new task, whatever still arrives.
  REQUIRE(w.world.tell(w.m.incarnation, ProducerDone{producer_of(1), ProducerSeq(2)}).ok());
  run.only_waits = true;
  run.maybe_at.clear();
  run.key_hash = {uuid_of(10)};
  CHECK_FALSE(w.world.create(w.n, {run}).winners.at(0).task == TaskId(w.n.shard, Offset(2)));
}

TEST_CASE("tasks of one ordering key are handed out one at a time, in the ledger's order") {
  World w;
  const TaskId a = w.ordered("customer-1", w.m);
  const TaskId b = w.ordered("customer-1", w.n);
  const TaskId c = w.ordered("customer-1", w.m);
  const TaskId other = w.ordered("customer-2", w.n);
  CHECK(w.world.state(b) == TaskState::kBlocked);
  CHECK(w.world.ledger().explain(b).value().other == a);

  const std::vector<Grant> both = w.claim(4);
  REQUIRE(both.size() == 2);
  CHECK(both[0].task == a);
  CHECK(both[1].task == other);
  w.world.restart();
  w.ack(both[0]);
  REQUIRE(w.world.grants().size() == 1);
  CHECK(w.world.grants()[0].task == b);
  w.ack(w.world.grants()[0]);
  CHECK(w.world.grants().at(0).task == c);
  w.ack(w.world.grants()[0]);
  w.ack(both[1]);
  CHECK(w.world.ledger().find_queue("q").value().order_keys == 0);
}

TEST_CASE("a task keeps its ordering key while it backs off; cancelled and dead ones give it up") {
  World w;
  REQUIRE(w.world.set({.max_attempts = 2}).ok());
  const TaskId a = w.ordered("k", w.m);
  const TaskId b = w.ordered("k", w.m);
  const TaskId c = w.ordered("k", w.m);
  w.nack(w.claim(9).at(0));
  CHECK(w.world.state(b) == TaskState::kBlocked);
  w.world.pass(2s);
  REQUIRE(w.world.state(a) == TaskState::kClaimed);
  w.nack(w.held(a));
  CHECK(w.world.state(a) == TaskState::kDead);
  CHECK(w.world.state(b) == TaskState::kClaimed);

  REQUIRE(w.world.act(TaskAction::kCancel, b).status.ok());
  CHECK(w.world.state(c) == TaskState::kClaimed);
  // Redriven: it goes to the end of the line.
  REQUIRE(w.world.act(TaskAction::kRedrive, a).status.ok());
  CHECK(w.world.state(a) == TaskState::kBlocked);
  w.world.restart();
  w.ack(w.held(c));
  CHECK(w.world.state(a) != TaskState::kBlocked);
}

TEST_CASE("a queue may let an ordering key wait for its dead task") {
  World w;
  REQUIRE(w.world.set({.max_attempts = 1, .on_dead = OnDead::kHoldKey}).ok());
  const TaskId a = w.ordered("k", w.m);
  const TaskId b = w.ordered("k", w.m);
  w.nack(w.claim(2).at(0));
  REQUIRE(w.world.state(a) == TaskState::kDead);
  CHECK(w.world.state(b) == TaskState::kBlocked);
  w.world.restart();
  SECTION("redriven, it goes on first") {
    REQUIRE(w.world.act(TaskAction::kRedrive, a).status.ok());
    CHECK(w.world.state(a) == TaskState::kClaimed);
    CHECK(w.world.state(b) == TaskState::kBlocked);
  }
  SECTION("discarded, it lets the next one go on") {
    REQUIRE(w.world.act(TaskAction::kDiscard, a).status.ok());
    CHECK(w.world.state(b) == TaskState::kClaimed);
  }
}

TEST_CASE("a queue that stops holding keys for dead tasks lets go of those it holds") {
  World w;
  REQUIRE(w.world.set({.max_attempts = 1, .on_dead = OnDead::kHoldKey}).ok());
  REQUIRE(w.world.set({.max_attempts = 1, .on_dead = OnDead::kHoldKey}, "other").ok());
  std::vector<TaskId> next;
  for (const char* key : {"k", "l"}) {
    w.ordered(key, w.m);
    next.push_back(w.ordered(key, w.m));
  }
  w.nack(w.claim(1).at(0));
  w.nack(w.claim(2).at(0));
  REQUIRE(w.world.state(next[0]) == TaskState::kBlocked);
  REQUIRE(w.world.set({.on_dead = OnDead::kReleaseKey}).ok());
  w.world.settle();
  for (const TaskId task : next) CHECK(w.world.state(task) == TaskState::kReady);
}

TEST_CASE("a task that died in the line of its key comes back to the end of it") {
  World w;
  const TaskId a = w.ordered("k", w.m);
  const TaskId b = w.ordered("k", w.m);
  const TaskId c = w.ordered("k", w.m);
  REQUIRE(w.world.act(TaskAction::kKill, b).status.ok());
  REQUIRE(w.world.act(TaskAction::kRedrive, b).status.ok());
  REQUIRE(w.world.act(TaskAction::kKill, b).status.ok());
  REQUIRE(w.world.act(TaskAction::kRedrive, b).status.ok());
  w.world.restart();
  std::vector<TaskId> order;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const std::vector<Grant> grants = w.claim(i);
    REQUIRE(grants.size() == 1);
    order.push_back(grants[0].task);
    w.ack(grants[0]);
  }
  CHECK(order == std::vector<TaskId>{a, c, b});
}

TEST_CASE("a line of more ended tasks than an entry may touch is followed to its first live one") {
  World w;
  const TaskId a = w.ordered("k", w.m);
  std::vector<TaskId> line;
  for (int i = 0; i < 10'000; ++i) line.push_back(w.ordered("k", w.m));
  for (int i = 0; i < 9'999; ++i)
    REQUIRE(w.world.act(TaskAction::kCancel, line[static_cast<std::size_t>(i)]).status.ok());
  w.ack(w.claim(1).at(0));
  REQUIRE(w.world.state(a) == TaskState::kDone);
  REQUIRE(w.world.ledger().wants_continue());
  CHECK(w.world.ledger().explain(line.back()).value().because == ExplainCode::kOrderKey);
  // Who comes meanwhile stands behind them.
  const TaskId late = w.ordered("k", w.m);
  CHECK(w.world.state(late) == TaskState::kBlocked);
  w.world.restart();
  w.world.settle();
  CHECK(w.world.state(line.back()) == TaskState::kReady);
  CHECK(w.world.state(late) == TaskState::kBlocked);
}

TEST_CASE("a key whose dead holder alone names it is handed on behind a long line of the gone") {
  World w;
  REQUIRE(w.world.set({.max_attempts = 1, .ordered = true}).ok());
  w.world.create(w.m, 1);
  const Grant holder = w.claim(1).at(0);
  for (int i = 0; i < 3; ++i) w.world.create(w.m, 3000);
  REQUIRE(w.world.ask<PurgeOutcome>(Incarnation(), Purge{"q"}).status.ok());
  // The claim ends while the line still has more of the gone than an entry may touch.
  w.nack(holder);
  CHECK(w.world.state(holder.task) == TaskState::kDead);
  w.world.settle();
  const TaskId next = w.world.add(w.m);
  w.world.settle();
  CHECK(w.world.state(next) == TaskState::kReady);
  CHECK(w.claim(2).size() == 1);
}

TEST_CASE("a line forgets those who left it, and keeps the others in their order") {
  World w;
  REQUIRE(w.world.set({.keep_count = 0, .ordered = true}).ok());
  w.world.create(w.m, 1);
  const Grant holder = w.claim(1).at(0);
  // Three that stay, far from each other, and one that comes again further back.
  const TaskId first = w.world.add(w.m);
  w.world.create(w.m, 3000);
  const TaskId again = w.world.add(w.m);
  const TaskId second = w.world.add(w.m);
  const auto cancel_all = [&](std::uint64_t from, std::uint64_t count) {
    for (std::uint64_t i = from; i < from + count; ++i)
      REQUIRE(w.world.act(TaskAction::kCancel, TaskId(w.m.shard, Offset(i))).status.ok());
  };
  REQUIRE(w.world.act(TaskAction::kKill, again).status.ok());
  REQUIRE(w.world.act(TaskAction::kRedrive, again).status.ok());
  cancel_all(3, 2000);
  w.world.settle();
  w.world.restart();
  const std::size_t before = w.world.ledger().totals().memory_bytes;
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t at = w.world.created_hi_of(w.m.shard).value();
    w.world.create(w.m, 2000);
    cancel_all(at, 2000);
    w.world.settle();
  }
  w.world.restart();
  CHECK(w.world.ledger().totals().memory_bytes < before + 64 * 1024);

  cancel_all(2003, 1000);
  w.world.settle();
  w.ack(holder);
  for (const TaskId expected : {first, second, again}) {
    REQUIRE(w.world.state(expected) == TaskState::kReady);
    const Grant grant = w.claim(w.seq + 1).at(0);
    REQUIRE(grant.task == expected);
    w.ack(grant);
  }
  CHECK(w.world.ledger().find_queue("q").value().order_keys == 0);
}

TEST_CASE("a blocked task that is cancelled leaves the line, and a delayed one keeps the key") {
  World w;
  const TaskId a = w.world.add(w.m, {.not_before = WallTime{1'015'000}, .order_key = "k"});
  const TaskId b = w.ordered("k", w.m);
  const TaskId c = w.ordered("k", w.m);
  CHECK(w.world.state(a) == TaskState::kDelayed);
  REQUIRE(w.world.act(TaskAction::kCancel, b).status.ok());
  w.world.restart();
  w.world.demand(w.m, 1, 2);
  w.world.pass(5s);
  CHECK(w.world.state(a) == TaskState::kClaimed);
  w.ack(w.held(a));
  CHECK(w.world.state(c) == TaskState::kClaimed);
}

TEST_CASE("an ordered queue hands out one task at a time") {
  World w;
  REQUIRE(w.world.set({.ordered = true}).ok());
  CHECK(w.world.effects().rules.at(0).ordered);
  w.world.create(w.m, 3);
  const std::vector<Grant> grants = w.claim(3);
  REQUIRE(grants.size() == 1);
  w.ack(grants[0]);
  CHECK(w.world.grants().at(0).task == TaskId(w.m.shard, Offset(2)));
}

TEST_CASE("one tenant's thousands do not hide another's ten") {
  World w;
  for (int i = 0; i < 1000; ++i) w.world.add(w.m, {.fair_key = "large"});
  for (int i = 0; i < 10; ++i) w.world.add(w.n, {.fair_key = "small"});
  w.world.restart();
  std::map<std::string, int> served;
  for (const Grant& grant : w.claim(20)) ++served[w.world.view(grant.task).fair_key];
  CHECK(served["small"] == 10);
  CHECK(served["large"] == 10);
}

TEST_CASE("fairness keys share by their weights, those without a key among them") {
  World w;
  for (int i = 0; i < 100; ++i) {
    w.world.add(w.m, {.fair_key = "three", .fair_weight = 3});
    w.world.add(w.m, {.fair_key = "one"});
    w.world.add(w.m, {});
  }
  std::map<std::string, int> served;
  for (const Grant& grant : w.claim(50)) ++served[w.world.view(grant.task).fair_key];
  w.world.restart();
  for (const Grant& grant : w.claim(100)) ++served[w.world.view(grant.task).fair_key];
  CHECK(served["three"] == 60);
  // Equals take turns: at no time is one more than a turn ahead.
  CHECK(std::abs(served["one"] - 20) <= 1);
  CHECK(std::abs(served[""] - 20) <= 1);
}

TEST_CASE("a tenant that never has more than one task waiting gets no more than its turn") {
  World w;
  for (int i = 0; i < 200; ++i) w.world.add(w.m, {.fair_key = "backlog"});
  int of_trickle = 0;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    if (w.world.ledger().find_queue("q").value().fair_keys < 2)
      w.world.add(w.m, {.fair_key = "trickle"});
    const Grant grant = w.claim(i).at(0);
    of_trickle += w.world.view(grant.task).fair_key == "trickle" ? 1 : 0;
    w.ack(grant);
  }
  CHECK(of_trickle >= 45);
  CHECK(of_trickle <= 51);
}

TEST_CASE("a fairness key has no more claims at once than its queue allows") {
  World w;
  REQUIRE(w.world.set({.max_per_fair_key = 2}).ok());
  for (int i = 0; i < 5; ++i) w.world.add(w.m, {.fair_key = "a"});
  const TaskId b = w.world.add(w.m, {.fair_key = "b"});
  const std::vector<Grant> grants = w.claim(9);
  REQUIRE(grants.size() == 3);
  CHECK(w.world.state(b) == TaskState::kClaimed);
  w.world.restart();
  w.ack(grants[0]);
  CHECK(w.world.grants().size() == 1);
  REQUIRE(w.world.set({.max_per_fair_key = 0}).ok());
  CHECK(w.world.grants().size() == 2);
}

TEST_CASE("a new limit of fairness keys comes to more of them than one entry may touch") {
  World w;
  REQUIRE(w.world.set({.max_per_fair_key = 1}).ok());
  std::vector<TaskId> waits;
  for (const char* key : {"y", "z"}) {
    w.world.add(w.m, {.fair_key = key});
    waits.push_back(w.world.add(w.m, {.fair_key = key}));
  }
  REQUIRE(w.claim(2).size() == 2);
  for (std::size_t i = 0; i < kEntryTasksMax; ++i)
    w.world.add(w.m, {.priority = 1, .fair_key = "a" + std::to_string(i)});

  REQUIRE(w.world.set({.max_per_fair_key = 2}).ok());
  REQUIRE(w.world.ledger().wants_continue());
  w.world.restart();
  // Nothing is granted by the old limit meanwhile.
  CHECK(w.claim(4).empty());
  CHECK(w.world.ledger().explain(waits[1]).value().because == ExplainCode::kFairKeyLimit);
  w.world.send(Incarnation(), Continue{});
  REQUIRE(w.world.grants().size() == 2);
  CHECK(w.world.grants()[0].task == waits[0]);
  CHECK(w.world.grants()[1].task == waits[1]);
  CHECK_FALSE(w.world.ledger().wants_continue());
}

TEST_CASE("a low priority has its turn after others were preferred often enough") {
  World w;
  REQUIRE(w.world.set({.ageing = 3}).ok());
  w.world.create(w.m, 5, "q", 4);
  w.world.create(w.m, 40, "q", 5);
  std::vector<std::uint64_t> low;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    if (w.world.view(w.claim(i).at(0).task).priority == 4) low.push_back(i);
    if (i == 6) w.world.restart();
  }
  CHECK(low == std::vector<std::uint64_t>{4, 8, 12, 16, 20});
}

TEST_CASE("without ageing a low priority waits for as long as there are higher ones") {
  World w;
  REQUIRE(w.world.set({.ageing = 0}).ok());
  w.world.create(w.m, 5, "q", 1);
  w.world.create(w.m, 400, "q", 2);
  for (const Grant& grant : w.claim(400)) CHECK(w.world.view(grant.task).priority == 2);
}
