// R1, R5, R6: what exists, and that it exists once.
#include <catch2/catch.hpp>

#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::test;
using namespace std::chrono_literals;

namespace {

CreatedRun plain(std::uint64_t producer, std::uint64_t seq, std::uint32_t count,
                 std::uint64_t resolved = 0) {
  CreatedRun run;
  run.count = count;
  run.queue = "q";
  run.producer = producer_of(producer);
  run.seq = ProducerSeq(seq);
  run.resolved_below = ProducerSeq(resolved);
  return run;
}
CreatedRun moved(std::uint64_t producer, std::uint64_t seq, std::vector<ShardId> maybe_at,
                 std::uint64_t hash = 42) {
  CreatedRun run = plain(producer, seq, 1);
  run.waits = true;
  run.maybe_at = std::move(maybe_at);
  run.content_hash = {hash};
  return run;
}

std::uint64_t ready(LedgerDriver& world) {
  return world.ledger().list_queues("q", "", 1).queues.at(0).ready;
}

}  // namespace

TEST_CASE("created is applied from created_hi on; what is known is ignored, a gap refused") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  CHECK(world.create(m, 3).created_hi == Offset(4));
  Created repeated{m.shard, m.epoch, Offset(2), {plain(1, 1, 4)}, {}, 9, {}};
  CHECK(world.ask<CreatedOutcome>(m.incarnation, repeated).created_hi == Offset(6));
  CHECK(ready(world) == 5);

  Created gap{m.shard, m.epoch, Offset(7), {plain(1, 9, 1)}, {}, 9, {}};
  const auto refused = world.ask<CreatedOutcome>(m.incarnation, gap);
  CHECK(refused.status.code() == ErrorCode::kConflict);
  CHECK(refused.created_hi == Offset(6));
  Created old{m.shard, Epoch(0), Offset(6), {plain(1, 9, 1)}, {}, 9, {}};
  CHECK(world.ask<CreatedOutcome>(m.incarnation, old).status.code() == ErrorCode::kConflict);
}

TEST_CASE("what was damaged before it was reported is quarantined from the start") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  world.attach(m, 1);
  world.demand(m, 1, 9, "lost+found");
  CreatedRun damaged;
  damaged.count = 2;
  damaged.queue = "lost+found";
  damaged.unreadable = true;

  CHECK(world.create(m, {damaged}).created_hi == Offset(3));

  CHECK(world.grants().empty());
  const TaskView task = world.ledger().find(TaskId(m.shard, Offset(2))).value();
  CHECK(task.state == TaskState::kQuarantined);
  CHECK(task.queue == "lost+found");
  CHECK(task.reason.find("damaged") != std::string::npos);
  const QueueView queue = world.ledger().list_queues("lost", "", 1).queues.at(0);
  CHECK(queue.created == 2);
  CHECK(queue.quarantined == 2);
  CHECK(queue.ready == 0);
  CHECK(world.create(m, 1).created_hi == Offset(4));
}

TEST_CASE("a store whose last reported record was unreadable need not prove itself by it") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  CreatedRun damaged;
  damaged.count = 1;
  damaged.queue = "lost+found";
  damaged.unreadable = true;
  Created created{m.shard, m.epoch, Offset(1), {damaged}, {}, 0, WallTime{5}};
  REQUIRE(world.ask<CreatedOutcome>(m.incarnation, created).status.ok());
  world.stop(m);

  CHECK(world.start(m, 2).result == RegisterResult::kRegistered);
}

TEST_CASE("a name is interned once and its id told") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  const auto outcome = world.create(m, 1, "mail");
  REQUIRE(outcome.queues.size() == 1);
  CreatedRun run;
  run.count = 2;
  run.queue_id = outcome.queues[0].second;
  CHECK(world.create(m, std::vector<CreatedRun>{run}).status.ok());
  CHECK(world.ledger().list_queues("mail", "", 5).queues.at(0).ready == 2 + 1);
  run.queue_id = QueueId(99);
  CHECK(world.create(m, std::vector<CreatedRun>{run}).status.code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("the first occurrence of a number wins, at whatever shard, later ones are void") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  world.create(m, {plain(1, 1, 5)});
  world.create(n, {plain(1, 3, 5)});
  CHECK(ready(world) == 7);
  CHECK(world.ledger().find(TaskId(n.shard, Offset(3))).value().state ==
        TaskState::kDone);  // void: not shown
  CHECK(world.ledger().find(TaskId(n.shard, Offset(4))).value().state == TaskState::kReady);
}

TEST_CASE("a moved number is answered with the winner, again when its record is reported again") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  world.create(m, {plain(1, 1, 3)});
  const auto hit = world.create(n, {moved(1, 2, {m.shard})});
  REQUIRE(hit.winners.size() == 1);
  CHECK(hit.winners[0].task == TaskId(m.shard, Offset(2)));

  const auto own = world.create(n, {moved(1, 4, {m.shard})});
  CHECK(own.winners.at(0).task == TaskId(n.shard, Offset(2)));
  Created again{n.shard, n.epoch, Offset(1), {moved(1, 2, {m.shard}), moved(1, 4, {m.shard})},
                {},      7,       {}};
  const auto repeated = world.ask<CreatedOutcome>(n.incarnation, again);
  REQUIRE(repeated.winners.size() == 2);
  CHECK(repeated.winners[0].task == TaskId(m.shard, Offset(2)));
  CHECK(repeated.winners[1].task == TaskId(n.shard, Offset(2)));
  CHECK(repeated.created_hi == Offset(3));
}

TEST_CASE("the same number with other content is a conflict") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.create(m, {moved(1, 1, {}, 42)});
  const auto outcome = world.create(m, {moved(1, 1, {}, 43)});
  CHECK(outcome.winners.at(0).code == ErrorCode::kConflict);
  CHECK_FALSE(outcome.winners.at(0).task);
  CHECK(ready(world) == 1);
}

TEST_CASE("void records are no occurrence: the number is still free") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  CreatedRun gone = moved(1, 1, {});
  gone.is_void = true;
  gone.content_hash.clear();
  CHECK(world.create(m, {gone}).winners.empty());
  CHECK(world.create(m, {moved(1, 1, {})}).winners.at(0).task == TaskId(m.shard, Offset(2)));
}

TEST_CASE(
    "plain numbers are forgotten when resolved, moved ones only when no shard can report them any "
    "more") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  world.create(n, {moved(1, 1, {m.shard})});
  REQUIRE(world.tell(n.incarnation, ProducerDone{producer_of(1), ProducerSeq(2)}).ok());

  world.create(m, {plain(1, 1, 1)});  // late: stored before the producer moved
  CHECK(world.ledger().find(TaskId(m.shard, Offset(1))).value().state == TaskState::kDone);
  CHECK(ready(world) == 1);

  // The next life of m has reported all that it had: nothing late can come, and nothing is
  // remembered.
  world.stop(m);
  world.start(m, 5);
  world.create(m, {plain(1, 1, 1)});
  CHECK(ready(world) == 2);
}

TEST_CASE("a shard counts as caught up only when it has reported all that its register had") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  world.create(n, {moved(1, 1, {m.shard})});
  REQUIRE(world.tell(n.incarnation, ProducerDone{producer_of(1), ProducerSeq(2)}).ok());
  world.stop(m);
  Register later{m.shard, m.store, m.epoch.next(), life_of(6), Offset(3), Offset(1), 0, ""};
  m.incarnation = world.ask<RegisterOutcome>(Incarnation(), later).incarnation;
  m.epoch = later.epoch;

  world.create(m, {plain(1, 1, 1)});  // it had two records and reports the first
  CHECK(ready(world) == 1);
  world.create(m, {plain(2, 1, 1)});
  CHECK(ready(world) == 2);
  world.create(m, {plain(1, 1, 1)});
  CHECK(ready(world) == 3);
}

TEST_CASE("a moved number that its producer has resolved makes no new task") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  REQUIRE(world.tell(m.incarnation, ProducerDone{producer_of(1), ProducerSeq(9)}).ok());
  const auto outcome = world.create(m, {moved(1, 3, {})});
  CHECK(outcome.winners.at(0).code == ErrorCode::kNotFound);
  world.create(m, {plain(1, 4, 1)});  // a plain one was confirmed, it must exist
  CHECK(ready(world) == 1);
}

TEST_CASE("an idle producer is forgotten after 10 minutes of lease time") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.create(m, {plain(1, 1, 1)});
  world.pass(10min);
  CHECK_FALSE(world.ledger().tick_plan().needed);
  world.create(m, {plain(1, 1, 1)});
  CHECK(ready(world) == 2);
}
