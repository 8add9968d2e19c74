// Settings of queues and what they bring about: pause, limits, retention, purge, weights (R22).
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
  QueueView queue(const std::string& name = "q") {
    return world.ledger().find_queue(name).value().queue;
  }
  OperationOutcome ack(std::uint64_t seq, const Grant& grant, ResultPlace result = {}) {
    Operation operation = world.operation(seq, OperationKind::kAck, grant);
    operation.result = result;
    return world.operate(m, 1, operation);
  }

  LedgerDriver world;
  TestManager m;
};

}  // namespace

TEST_CASE("a change of settings that makes no sense is refused whole") {
  World w;
  CHECK(w.world.set({.max_attempts = 0}).code() == ErrorCode::kInvalidArgument);
  CHECK(w.world.set({.lease = 1s}).code() == ErrorCode::kInvalidArgument);
  CHECK(w.world.set({.backoff_min = 10s, .backoff_max = 1s}).code() == ErrorCode::kInvalidArgument);
  CHECK(w.world.set({.max_attempts = 9, .weight = 101}).code() == ErrorCode::kInvalidArgument);
  CHECK(w.world.set({}, "not a name").code() == ErrorCode::kInvalidArgument);
  CHECK(w.world.ledger().find_queue("q").status().code() == ErrorCode::kNotFound);

  REQUIRE(w.world.set({.max_attempts = 9}).ok());
  REQUIRE(w.world.set({.weight = 3}).ok());
  w.world.restart();
  const QueueSettings settings = w.world.ledger().find_queue("q").value().settings;
  CHECK(settings.max_attempts == 9);
  CHECK(settings.weight == 3);
  CHECK(settings.lease == kLeaseDefault);
}

TEST_CASE("a consumer that states no lease gets the queue's") {
  World w;
  REQUIRE(w.world.set({.lease = 77s}).ok());
  w.world.create(w.m, 1);
  REQUIRE(w.world.tell(w.m.incarnation, w.world.demand_of(1, 1, "q", 1, 1, 0s)).ok());
  CHECK(w.world.grants().at(0).lease == 77s);
}

TEST_CASE("a paused queue grants nothing until it is resumed") {
  World w;
  REQUIRE(w.world.set({.paused = true}).ok());
  w.world.create(w.m, 2);
  w.world.demand(w.m, 1, 2);
  CHECK(w.world.grants().empty());
  w.world.restart();
  w.world.pass(60s);
  CHECK(w.world.grants().empty());

  REQUIRE(w.world.set({.paused = false}).ok());
  CHECK(w.world.grants().size() == 2);
}

TEST_CASE("a pause until a time ends by itself, by the calendar") {
  World w;
  REQUIRE(w.world.set({.paused = true, .paused_until = WallTime{1'013'000}}).ok());
  w.world.create(w.m, 1);
  w.world.demand(w.m, 1, 1);
  CHECK(w.world.ledger().tick_plan().calendar_deadline == WallTime{1'013'000});
  w.world.restart();
  w.world.pass(2s + 999ms);
  CHECK(w.queue().paused);
  w.world.tick(1ms);
  CHECK(w.world.grants().size() == 1);
  CHECK_FALSE(w.queue().paused);
}

TEST_CASE("a queue has no more claims at once than it may, and begins one when one ends") {
  World w;
  REQUIRE(w.world.set({.max_in_flight = 2}).ok());
  w.world.create(w.m, 5);
  w.world.demand(w.m, 1, 5);
  const std::vector<Grant> grants = w.world.grants();
  REQUIRE(grants.size() == 2);

  w.ack(1, grants[0]);
  CHECK(w.world.grants().size() == 1);
  REQUIRE(w.world.set({.max_in_flight = 0}).ok());
  CHECK(w.world.grants().size() == 2);
}

TEST_CASE("claims begin no faster than the rate, and as fast as that") {
  World w;
  REQUIRE(w.world.set({.max_rate = 10}).ok());
  w.world.create(w.m, 200);
  w.world.demand(w.m, 1, 200);
  std::size_t begun = w.world.grants().size();
  CHECK(begun == 1);
  CHECK(w.world.ledger().tick_plan().needed);
  for (int i = 0; i < 100; ++i) {
    w.world.tick(100ms);
    begun += w.world.grants().size();
    if (i == 50) w.world.restart();
  }
  CHECK(begun == 101);
}

TEST_CASE("finished tasks are kept as their queue says: by number, by bytes and by age") {
  World w;
  w.world.demand(w.m, 1, 4);
  const auto finish = [&](std::uint64_t seq) {
    w.world.create(w.m, 1);
    const Grant grant = w.world.grants().at(0);
    w.ack(seq, grant, {ShardId(1), Lsn(seq), 100});
    return grant.task;
  };
  const auto kept = [&](TaskId task) { return !w.world.view(task).queue.empty(); };
  const TaskId a = finish(1);
  const TaskId b = finish(2);
  const TaskId c = finish(3);
  CHECK((kept(a) && kept(b) && kept(c)));
  w.world.restart();

  REQUIRE(w.world.set({.keep_count = 2}).ok());
  CHECK((!kept(a) && kept(b) && kept(c)));
  REQUIRE(w.world.set({.keep_bytes = 150}).ok());
  CHECK((!kept(b) && kept(c)));
  REQUIRE(w.world.set({.keep_age = 10s}).ok());
  w.world.pass(10s);
  CHECK_FALSE(kept(c));
  CHECK(w.world.state(c) == TaskState::kDone);
}

TEST_CASE("a queue that keeps all finished tasks keeps their payloads too") {
  World w;
  REQUIRE(w.world.set({.keep = KeepFinished::kAll}).ok());
  w.world.demand(w.m, 1, 1);
  const TaskId task = w.world.add(w.m, {}, "q", 7, 500);
  w.ack(1, w.world.grants().at(0));

  CHECK(w.world.ledger().find_queue("q").value().finished_kept_bytes == 500);
  CHECK(w.world.ledger().live(w.m.shard, Offset(1), Offset(2)).runs.size() == 1);
  w.world.restart();
  CHECK(w.world.ledger().find_queue("q").value().finished_kept_bytes == 500);
  CHECK(w.world.view(task).payload_bytes == 500);
}

TEST_CASE("the bytes of a queue are those of its unfinished tasks") {
  World w;
  w.world.add(w.m, {}, "q", 7, 100);
  const TaskId dead = w.world.add(w.m, {}, "q", 7, 30);
  CHECK(w.queue().bytes == 130);
  REQUIRE(w.world.act(TaskAction::kKill, dead).status.ok());
  CHECK(w.queue().bytes == 100);
  REQUIRE(w.world.act(TaskAction::kRedrive, dead).status.ok());
  CHECK(w.queue().bytes == 130);
  w.world.restart();
  w.world.demand(w.m, 1, 2);
  for (const Grant& grant : std::vector<Grant>(w.world.grants()))
    w.ack(grant.number.value(), grant);
  CHECK(w.queue().bytes == 0);
}

TEST_CASE("a purge cancels what waits, and neither what is claimed nor what comes later") {
  World w;
  w.world.demand(w.m, 1, 1);
  w.world.create(w.m, 1);
  const Grant claimed = w.world.grants().at(0);
  for (int i = 0; i < 10; ++i) w.world.create(w.m, 1000);
  w.world.create(w.m, 5, "other");
  const TaskId delayed = w.world.add(w.m, {.not_before = WallTime{2'000'000}});

  const auto purged = w.world.ask<PurgeOutcome>(Incarnation(), Purge{"q"});
  CHECK(purged.status.ok());
  CHECK(purged.tasks == 10'001);  // the delayed one, too
  // It takes several entries; meanwhile nothing is granted, and what comes is spared.
  const TaskId later = w.world.add(w.m, {});
  w.world.demand(w.m, 1, 2);
  CHECK(w.world.grants().empty());
  w.world.restart();
  w.world.settle();

  CHECK(w.queue().ready == 0);
  CHECK(w.queue().cancelled == 10'001);
  CHECK(w.queue("other").ready == 5);
  CHECK(w.world.state(later) == TaskState::kClaimed);
  CHECK(w.world.state(claimed.task) == TaskState::kClaimed);
  CHECK(w.world.state(delayed) != TaskState::kDelayed);
  CHECK(w.world.ask<PurgeOutcome>(Incarnation(), Purge{"nope"}).status.code() ==
        ErrorCode::kNotFound);
}

TEST_CASE("what managers may store of a limited queue is never more than its limit together") {
  World w;
  const TestManager n = w.world.manager(2);
  REQUIRE(w.world.set({.max_tasks = 100}).ok());
  CHECK(w.world.effects().rules == std::vector<QueueRule>{{"q", false, true, 0}});
  w.world.create(w.m, 20);
  const auto borrow = [&](const TestManager& manager, std::uint64_t have, std::uint64_t want) {
    return w.world.ask<BorrowOutcome>(manager.incarnation, Borrow{"q", have, 0, want, 0}).tasks;
  };
  CHECK(borrow(w.m, 0, 50) == 50);
  CHECK(borrow(n, 0, 50) == 30);
  CHECK(borrow(n, 30, 50) == 30);
  w.world.restart();
  // Repeated: the same. What was stored is a task now, and the rest is still lent.
  CHECK(borrow(w.m, 50, 50) == 50);
  w.world.create(w.m, 50);
  CHECK(borrow(n, 30, 31) == 30);
  // Given back, or dead with its manager's life.
  CHECK(borrow(n, 10, 10) == 10);
  CHECK(borrow(w.m, 0, 100) == 20);
  CHECK(w.world.ledger().list_rules("", 10).rules.size() == 1);
  // How large a payload may be is told with every change; how many tasks is the ledger's business.
  REQUIRE(w.world.set({.max_bytes = 5}).ok());
  CHECK(w.world.effects().rules == std::vector<QueueRule>{{"q", false, true, 5}});
  REQUIRE(w.world.set({.max_bytes = 6}).ok());
  CHECK(w.world.effects().rules == std::vector<QueueRule>{{"q", false, true, 6}});
  REQUIRE(w.world.set({.max_tasks = 7}).ok());
  CHECK(w.world.effects().rules.empty());
}

TEST_CASE("a session that waits on two queues gets from each in proportion to its weight") {
  World w;
  REQUIRE(w.world.set({.weight = 3}, "a").ok());
  w.world.create(w.m, 100, "a");
  w.world.create(w.m, 100, "b");
  std::size_t of_a = 0;
  w.world.demand(w.m, 1, 1, "a", 1);
  of_a += w.world.grants().size();
  w.world.demand(w.m, 1, 40, "b", 2);
  for (const Grant& grant : w.world.grants()) of_a += grant.line == LineId(1);
  CHECK(of_a == 30);
}

TEST_CASE("more finished rows than an entry may touch go all the same when fewer are to be kept") {
  World w;
  REQUIRE(w.world.set({.keep = KeepFinished::kAll}).ok());
  for (int i = 0; i < 3; ++i) w.world.create(w.m, 4096);
  for (std::uint64_t offset = 1; offset <= 10'000; ++offset) {
    REQUIRE(w.world.act(TaskAction::kCancel, TaskId(w.m.shard, Offset(offset))).status.ok());
  }
  REQUIRE(w.world.set({.keep_count = 10}).ok());
  REQUIRE(w.world.ledger().wants_continue());
  w.world.restart();
  w.world.settle();
  CHECK(w.world.ledger().find_queue("q").value().finished_kept == 10);
}
