// R2, R9, R13: who is a member, and what his lives may do.
#include <catch2/catch.hpp>

#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::test;

namespace {

EnrollOutcome enroll(LedgerDriver& world, std::uint64_t store, const std::string& name,
                     ShardId sealed = {}) {
  return world.ask<EnrollOutcome>(Incarnation(), Enroll{store_of(store), name, "h:1", sealed});
}

Register next_register(const LedgerDriver& world, const TestManager& m, std::uint64_t life) {
  const Offset created_hi = world.created_hi_of(m.shard);
  return {m.shard,    m.store,    m.epoch.next(),        life_of(life),
          created_hi, created_hi, world.crc_of(m.shard), "h:2"};
}

RegisterResult result_of(LedgerDriver& world, const Register& command) {
  return world.ask<RegisterOutcome>(Incarnation(), command).result;
}

}  // namespace

TEST_CASE("a store gets a shard, and the same one whenever it asks again") {
  LedgerDriver world;
  CHECK(enroll(world, 1, "m1").shard == ShardId(1));
  CHECK(enroll(world, 2, "m2").shard == ShardId(2));
  CHECK(enroll(world, 1, "m1").shard == ShardId(1));
  CHECK(enroll(world, 1, "m1").cluster == world.ledger().cluster());
}

TEST_CASE("a name belongs to its store, and a store to its name") {
  LedgerDriver world;
  enroll(world, 1, "m1");
  CHECK(enroll(world, 2, "m1").status.code() == ErrorCode::kConflict);
  CHECK(enroll(world, 1, "m2").status.code() == ErrorCode::kConflict);
  CHECK(enroll(world, 3, "not a name").status.code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("a repeated register gets the same answer, also after the shard was declared offline") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  const Incarnation before = m.incarnation;
  world.stop(m);
  CHECK_FALSE(world.ledger().managers().at(0).online);

  const Register again{m.shard, m.store, m.epoch, m.life, Offset(1), Offset(1), 0, ""};
  const auto outcome = world.ask<RegisterOutcome>(Incarnation(), again);

  CHECK(outcome.result == RegisterResult::kRegistered);
  CHECK(outcome.incarnation == before);
  CHECK(world.ledger().managers().at(0).online);
}

TEST_CASE(
    "another life is refused while the registered one is online, and takes over once it is not") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  CHECK(result_of(world, next_register(world, m, 2)) == RegisterResult::kInUse);

  world.stop(m);
  const Incarnation before = m.incarnation;
  CHECK(world.start(m, 2).result == RegisterResult::kRegistered);
  CHECK(m.incarnation > before);
  CHECK(world.ledger().managers().at(0).address == "h:1");
}

TEST_CASE(
    "an old epoch is behind, an unexpected created_hi is asked again, and neither has an effect") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  world.create(m, 3);
  world.stop(m);

  Register late = next_register(world, m, 2);
  late.epoch = m.epoch;
  CHECK(result_of(world, late) == RegisterResult::kBehind);
  Register unaware = next_register(world, m, 3);
  unaware.created_hi_seen = Offset(2);
  unaware.crc_below = 8;  // of another record than the ledger would compare it with
  CHECK(result_of(world, unaware) == RegisterResult::kExpected);

  CHECK(world.start(m, 4).result == RegisterResult::kRegistered);
}

TEST_CASE("a store that lost or changed records is told so, whoever knew of them") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  world.create(m, 3);
  world.stop(m);

  Register shorter = next_register(world, m, 2);
  shorter.next_offset = Offset(3);
  CHECK(result_of(world, shorter) == RegisterResult::kRolledBack);

  Register other = next_register(world, m, 2);
  other.crc_below = 8;
  CHECK(result_of(world, other) == RegisterResult::kRolledBack);

  REQUIRE(world.tell(Incarnation(), Report{m.shard, Offset(6)}).ok());
  CHECK(result_of(world, next_register(world, m, 2)) == RegisterResult::kRolledBack);

  Register whole = next_register(world, m, 2);
  whole.next_offset = Offset(6);
  CHECK(result_of(world, whole) == RegisterResult::kRegistered);
}

TEST_CASE("a seal needs the stored life, and that it is offline") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  CHECK(world.tell(Incarnation(), Seal{m.shard, m.epoch, m.life, Offset(1)}).code() ==
        ErrorCode::kConflict);
  world.stop(m);
  CHECK(world.tell(Incarnation(), Seal{m.shard, m.epoch, life_of(9), Offset(1)}).code() ==
        ErrorCode::kConflict);
  CHECK(world.tell(Incarnation(), Seal{m.shard, m.epoch, m.life, Offset(1)}).ok());
  CHECK(world.tell(Incarnation(), Seal{m.shard, m.epoch, m.life, Offset(1)}).ok());
  CHECK(result_of(world, next_register(world, m, 2)) == RegisterResult::kSealed);
}

TEST_CASE(
    "a sealed shard's missing tasks are quarantined, the others served by the manager's new "
    "shard's life") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  world.create(m, 5);
  world.stop(m);
  REQUIRE(world.tell(Incarnation(), Seal{m.shard, m.epoch, m.life, Offset(3)}).ok());
  CHECK(world.ledger().find(TaskId(m.shard, Offset(2))).value().state == TaskState::kReady);
  CHECK(world.ledger().find(TaskId(m.shard, Offset(3))).value().state == TaskState::kQuarantined);
  CHECK(world.ledger().list_queues("", "", 9).queues.at(0).quarantined == 3);

  const ShardId sealed = m.shard;
  const EnrollOutcome fresh = enroll(world, 1, "m1", sealed);
  CHECK(fresh.shard == ShardId(2));
  CHECK(enroll(world, 1, "m1", sealed).shard == ShardId(2));
  m.shard = fresh.shard;
  m.epoch = Epoch();
  REQUIRE(world.start(m, 2).result == RegisterResult::kRegistered);
  world.attach(m, 1);
  world.demand(m, 1, 9);
  CHECK(world.grants().size() == 2);
}

TEST_CASE("what the store of a sealed shard still has is reported by its owner, and no more") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  const TestManager other = world.manager(2);
  world.create(m, 2);
  world.stop(m);
  // The store ends at 5: confirmed up to there, reported up to 3; 5 to 7 are lost.
  REQUIRE(world.tell(Incarnation(), Report{m.shard, Offset(8)}).ok());
  REQUIRE(result_of(world, next_register(world, m, 2)) == RegisterResult::kRolledBack);
  REQUIRE(world.tell(Incarnation(), Seal{m.shard, m.epoch, m.life, Offset(5)}).ok());
  TestManager next = m;
  next.shard = enroll(world, 1, "m1", m.shard).shard;
  next.epoch = Epoch();
  REQUIRE(world.start(next, 3).result == RegisterResult::kRegistered);

  CreatedRun run;
  run.count = 2;
  run.queue = "q";
  const auto report = [&](const TestManager& from, Epoch epoch, std::uint32_t count) {
    run.count = count;
    const Created created{m.shard, epoch, Offset(3), {run}, {}, 7, WallTime{5}};
    return world.ask<CreatedOutcome>(from.incarnation, created);
  };
  CHECK(report(other, m.epoch, 2).status.code() == ErrorCode::kNotFound);
  CHECK(report(next, m.epoch.next(), 2).status.code() == ErrorCode::kConflict);
  CHECK(report(next, m.epoch, 3).status.code() == ErrorCode::kConflict);
  CHECK(report(next, m.epoch, 2).created_hi == Offset(5));
  CHECK(report(next, m.epoch, 2).created_hi == Offset(5));

  CHECK(world.ledger().find(TaskId(m.shard, Offset(4))).value().state == TaskState::kReady);
  CHECK(world.ledger().live(m.shard, Offset(1), Offset(1)).epoch == m.epoch);
}

TEST_CASE(
    "a claim of a task that a sealed shard lacks can still be acked, but not given back to "
    "others") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  const TestManager other = world.manager(2);
  world.create(m, 2);
  world.attach(other, 1);
  world.demand(other, 1, 2);
  const std::vector<Grant> grants = world.grants();
  REQUIRE(grants.size() == 2);
  world.stop(m);
  REQUIRE(world.tell(Incarnation(), Seal{m.shard, m.epoch, m.life, Offset(1)}).ok());

  CHECK(world.operate(other, 1, LedgerDriver::operation(1, OperationKind::kAck, grants[0])).code ==
        ErrorCode::kOk);
  CHECK(world.operate(other, 1, LedgerDriver::operation(2, OperationKind::kRelease, grants[1]))
            .code == ErrorCode::kOk);

  CHECK(world.ledger().find(grants[1].task).value().state == TaskState::kQuarantined);
}

TEST_CASE(
    "sealing a large shard goes on over several entries, and nothing of it is granted meanwhile") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  for (int i = 0; i < 3; ++i) world.create(m, 4096);
  world.stop(m);
  REQUIRE(world.tell(Incarnation(), Seal{m.shard, m.epoch, m.life, Offset(2)}).ok());
  CHECK(world.ledger().wants_continue());
  CHECK(world.ledger().list_queues("", "", 9).queues.at(0).quarantined == 4096);

  int entries = 0;
  while (world.ledger().wants_continue()) {
    REQUIRE(world.tell(Incarnation(), Continue{}).ok());
    CHECK(world.effects().transitions.size() <= 4096);
    ++entries;
  }

  CHECK(entries >= 2);
  CHECK(world.ledger().list_queues("", "", 9).queues.at(0).quarantined == 3 * 4096 - 1);
  CHECK(world.ledger().list_queues("", "", 9).queues.at(0).ready == 1);
}

TEST_CASE(
    "only an offline manager is removed; its name is free, its tasks quarantined, its store shut "
    "out") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  world.create(m, 3);
  CHECK(world.tell(Incarnation(), Remove{"m1"}).code() == ErrorCode::kConflict);
  world.stop(m);
  CHECK(world.tell(Incarnation(), Remove{"m1"}).ok());
  CHECK(world.tell(Incarnation(), Remove{"m1"}).code() == ErrorCode::kNotFound);

  CHECK(world.ledger().find(TaskId(m.shard, Offset(2))).value().state == TaskState::kQuarantined);
  CHECK(world.ledger().list_queues("", "", 9).queues.at(0).quarantined == 3);
  CHECK(world.ledger().list_tasks("q", TaskState::kQuarantined, {}, "", 9).tasks.size() == 3);
  CHECK(enroll(world, 1, "m1").status.code() == ErrorCode::kDenied);
  CHECK(enroll(world, 5, "m1").shard == ShardId(2));
  CHECK(result_of(world, next_register(world, m, 2)) == RegisterResult::kUnknown);
}

TEST_CASE("frames of a dead life, or of one declared offline, are refused whole") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  const TestManager before = m;
  world.stop(m);
  world.apply({Batch{before.incarnation, {Report{m.shard, Offset(9)}}}});
  CHECK(world.effects().batches[0].status.code() == ErrorCode::kDenied);
  CHECK(world.effects().batches[0].outcomes.empty());

  world.start(m, 2);
  world.apply({Batch{before.incarnation, {Report{m.shard, Offset(9)}}}});
  CHECK(world.effects().batches[0].status.code() == ErrorCode::kDenied);
}

TEST_CASE("a manager may not move time, and the center may not claim") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  CHECK(world.tell(m.incarnation, Tick{Millis(10), WallTime{}}).code() == ErrorCode::kDenied);
  CHECK(world.tell(m.incarnation, Remove{"m1"}).code() == ErrorCode::kDenied);
  CHECK(world.tell(Incarnation(), LedgerDriver::demand_of(1, 1)).code() == ErrorCode::kDenied);
}

TEST_CASE(
    "what a manager found damaged is quarantined: at once when it waits, later when it is "
    "claimed") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.attach(m, 1);
  world.demand(m, 1, 1);
  world.create(m, 3);
  const Grant grant = world.grants().at(0);
  REQUIRE(
      world.tell(m.incarnation, Quarantine{m.shard, m.epoch, {Offset(1), Offset(2), Offset(99)}})
          .ok());

  CHECK(world.ledger().find(TaskId(m.shard, Offset(2))).value().state == TaskState::kQuarantined);
  CHECK(world.ledger().find(TaskId(m.shard, Offset(2))).value().reason != "");
  CHECK(world.ledger().find(grant.task).value().state == TaskState::kClaimed);
  world.operate(m, 1, LedgerDriver::operation(1, OperationKind::kRelease, grant));
  CHECK(world.ledger().find(grant.task).value().state == TaskState::kQuarantined);
}
