// R9, R10, R11: sessions, credit, operations.
#include <catch2/catch.hpp>

#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::test;

namespace {

SessionView resync(LedgerDriver& world, const TestManager& m, std::uint64_t session,
                   std::uint64_t conn, std::uint64_t last = 0) {
  return world.ledger().resync(session_of(session), ConnEpoch(conn), m.incarnation,
                               GrantNumber(last));
}

Operation ack(std::uint64_t seq, const Grant& grant) {
  return LedgerDriver::operation(seq, OperationKind::kAck, grant);
}

TaskState state_of(LedgerDriver& world, TaskId task) {
  return world.ledger().find(task).value().state;
}

// Two tasks claimed by session 1 at manager m, another manager n beside it.
struct TwoClaims {
  TwoClaims() {
    m = world.manager(1);
    n = world.manager(2);
    world.attach(m, 1);
    world.demand(m, 1, 2);
    world.create(m, 2);
    first = world.grants().at(0);
    second = world.grants().at(1);
  }
  LedgerDriver world;
  TestManager m;
  TestManager n;
  Grant first;
  Grant second;
};

}  // namespace

TEST_CASE(
    "a later attach keeps what the client holds, frees the rest without counting the attempt, and "
    "voids the credit") {
  TwoClaims c;
  const AttachOutcome outcome = c.world.attach(c.n, 1, 2, {c.first.token, Token(999)});

  CHECK(outcome.kept == std::vector<Token>{c.first.token});
  CHECK(state_of(c.world, c.second.task) == TaskState::kReady);
  CHECK(c.world.ledger().find(c.second.task).value().attempt == 0);
  CHECK(resync(c.world, c.n, 1, 2).credit_total == 0);
  CHECK(resync(c.world, c.n, 1, 2).grants == GrantNumber(0));
  CHECK(resync(c.world, c.n, 1, 2).claims.empty());  // the kept one has no number
}

TEST_CASE("a repeated attach has no effect, an older one or one from elsewhere is a conflict") {
  TwoClaims c;
  CHECK(c.world.attach(c.m, 1, 1, {c.second.token}).kept == std::vector<Token>{c.second.token});
  CHECK(state_of(c.world, c.first.task) == TaskState::kClaimed);
  CHECK(resync(c.world, c.m, 1, 1).credit_total == 2);

  const AttachOutcome elsewhere = c.world.attach(c.n, 1, 1);
  CHECK(elsewhere.status.code() == ErrorCode::kConflict);
  CHECK(elsewhere.conn_epoch == ConnEpoch(1));
  c.world.attach(c.n, 1, 5, {c.first.token, c.second.token});
  CHECK(c.world.attach(c.m, 1, 4).status.code() == ErrorCode::kConflict);
}

TEST_CASE("credit is a maximum: repeating it gives nothing, an old connection's is a conflict") {
  TwoClaims c;
  c.world.create(c.m, 5);
  c.world.demand(c.m, 1, 2);
  CHECK(c.world.grants().empty());
  c.world.demand(c.m, 1, 1);
  CHECK(c.world.grants().empty());
  c.world.demand(c.m, 1, 3);
  CHECK(c.world.grants().size() == 1);

  c.world.attach(c.n, 1, 2);
  CHECK(c.world.tell(c.m.incarnation, LedgerDriver::demand_of(1, 50)).code() ==
        ErrorCode::kConflict);
}

TEST_CASE("a line on a queue that does not exist waits for it") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.attach(m, 1);
  world.demand(m, 1, 1, "later");
  CHECK(world.ledger().list_queues("", "", 5).queues.at(0).waiting == 1);
  world.create(m, 1, "later");
  CHECK(world.grants().size() == 1);
}

TEST_CASE("a line that ended ignores credit, and its id is never used again on this connection") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.attach(m, 1);
  world.demand(m, 1, 1);
  REQUIRE(world.tell(m.incarnation, SessionEndWait{session_of(1), ConnEpoch(1), LineId(1)}).ok());
  world.create(m, 3);
  CHECK(world.grants().empty());
  CHECK(world.tell(m.incarnation, LedgerDriver::demand_of(1, 5)).code() == ErrorCode::kNotFound);

  world.demand(m, 1, 5, "q", 2);
  CHECK(world.grants().size() == 3);
}

TEST_CASE("a line for one task gets that one, before lines that take any") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  world.attach(m, 1);
  world.attach(m, 2);
  const TaskId wanted(m.shard, Offset(2));
  REQUIRE(world
              .tell(m.incarnation,
                    LedgerDriver::demand_of(1, 5, "q", 1, 1, std::chrono::seconds(30), wanted))
              .ok());
  world.demand(m, 2, 9);
  world.create(m, 3);

  REQUIRE(world.grants().size() == 3);
  for (const Grant& grant : world.grants()) {
    CHECK((grant.session == session_of(1)) == (grant.task == wanted));
  }
}

TEST_CASE("when the connection closes lines end and claims stay") {
  TwoClaims c;
  c.world.demand(c.m, 1, 9);
  REQUIRE(c.world.tell(c.m.incarnation, SessionClosed{session_of(1), ConnEpoch(1)}).ok());
  c.world.create(c.m, 3);
  CHECK(c.world.grants().empty());
  CHECK(state_of(c.world, c.first.task) == TaskState::kClaimed);
}

TEST_CASE("a manager that goes offline voids credit, not claims, until the total is stated again") {
  TwoClaims c;
  c.world.demand(c.m, 1, 9);
  c.world.stop(c.m);
  c.world.create(c.n, 3);
  CHECK(c.world.grants().empty());
  CHECK(state_of(c.world, c.first.task) == TaskState::kClaimed);

  const Register again{c.m.shard, c.m.store, c.m.epoch, c.m.life, Offset(3), Offset(3), 7, ""};
  c.world.send(Incarnation(), again);
  CHECK(c.world.grants().empty());
  c.world.demand(c.m, 1, 9);
  CHECK(c.world.grants().size() == 3);
  CHECK(c.world.grants().at(0).number == GrantNumber(3));
}

TEST_CASE("tasks of an offline shard are skipped whole and offered again when it is back") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  world.create(m, 2);
  world.create(n, 1);
  world.stop(m);
  world.attach(n, 1);
  world.demand(n, 1, 5);
  REQUIRE(world.grants().size() == 1);
  CHECK(world.grants()[0].task.shard() == n.shard);

  world.start(m, 9);
  CHECK(world.grants().size() == 2);
}

TEST_CASE("resync names the claims above the number seen; a number without a claim has died") {
  TwoClaims c;
  CHECK(resync(c.world, c.m, 1, 1, 1).claims.size() == 1);
  CHECK(resync(c.world, c.m, 1, 1, 1).claims.at(0).token == c.second.token);
  REQUIRE(c.world
              .tell(c.m.incarnation,
                    GiveBack{c.second.task, c.second.token, GiveBackReason::kUndelivered})
              .ok());
  CHECK(resync(c.world, c.m, 1, 1, 1).claims.empty());
  CHECK(resync(c.world, c.m, 1, 1, 1).grants == GrantNumber(2));
  CHECK(resync(c.world, c.n, 1, 1).status.code() == ErrorCode::kConflict);
  CHECK(resync(c.world, c.m, 9, 1).status.code() == ErrorCode::kNotFound);
}

TEST_CASE("an operation needs the current token and the session that holds the claim") {
  TwoClaims c;
  Operation wrong = ack(1, c.first);
  wrong.token = Token(c.first.token.value() + 7);
  CHECK(c.world.operate(c.m, 1, wrong).code == ErrorCode::kClaimSuperseded);
  c.world.attach(c.m, 2);
  CHECK(c.world.operate(c.m, 2, ack(1, c.first)).code == ErrorCode::kClaimSuperseded);
  CHECK(c.world.effects().transitions.at(0).cause == Cause::kSuperseded);
  CHECK(c.world.ledger().totals().superseded == 2);

  CHECK(c.world.operate(c.n, 1, ack(2, c.first)).code == ErrorCode::kOk);  // through any manager
}

TEST_CASE("a repeated operation gets the first answer, and the next task only once") {
  TwoClaims c;
  c.world.create(c.m, 5);
  Operation op = ack(1, c.first);
  op.wants_next = true;
  CHECK(c.world.operate(c.m, 1, op).code == ErrorCode::kOk);
  CHECK(c.world.grants().size() == 1);
  CHECK(c.world.operate(c.m, 1, op).code == ErrorCode::kOk);
  CHECK(c.world.grants().empty());

  c.world.demand(c.m, 1, 3);  // the client's own +1 says the same
  CHECK(c.world.grants().empty());
}

TEST_CASE("what the client has the answer of is neither executed nor answered again") {
  TwoClaims c;
  CHECK(c.world.operate(c.m, 1, ack(1, c.first)).code == ErrorCode::kOk);
  const SessionOperations late{session_of(1), OpSeq(1), {ack(1, c.second)}};
  CHECK(c.world.ask<OperationsOutcome>(c.m.incarnation, late).outcomes.empty());
  CHECK(state_of(c.world, c.second.task) == TaskState::kClaimed);
}

TEST_CASE("outcomes that nobody takes are bounded: then retry_later, which is not remembered") {
  TwoClaims c;
  Operation wrong = ack(1, c.first);
  wrong.token = Token(3);
  for (std::uint64_t seq = 1; seq <= 4096; ++seq) {
    wrong.seq = OpSeq(seq);
    REQUIRE(c.world.operate(c.m, 1, wrong).code == ErrorCode::kClaimSuperseded);
  }
  CHECK(c.world.operate(c.m, 1, ack(4097, c.first)).code == ErrorCode::kRetryLater);
  CHECK(c.world.operate(c.m, 1, ack(4097, c.first), 10).code == ErrorCode::kOk);
}

TEST_CASE(
    "an ack from outside the session is answered while it is known who completed, then "
    "finished_unknown") {
  TwoClaims c;
  c.world.operate(c.m, 1, ack(1, c.first));
  const OperationOutcome known = c.world.operate(c.n, 77, ack(1, c.first));
  CHECK(known.code == ErrorCode::kOk);
  CHECK_FALSE(known.finished_unknown);

  Operation other = ack(1, c.first);
  other.token = Token(c.first.token.value() + 100);
  CHECK(c.world.operate(c.n, 77, other).finished_unknown);
  CHECK(c.world.operate(c.n, 77, ack(1, c.second)).code == ErrorCode::kClaimSuperseded);
}

TEST_CASE("a second ack of the same claim by another number is fine: it is completed") {
  TwoClaims c;
  c.world.operate(c.m, 1, ack(1, c.first));
  CHECK(c.world.operate(c.m, 1, ack(2, c.first)).code == ErrorCode::kOk);
  CHECK(c.world.ledger().totals().completions == 1);
}

TEST_CASE("an operation on a task that is not known yet is unavailable and not remembered") {
  TwoClaims c;
  Operation early = ack(1, c.first);
  early.task = TaskId(c.m.shard, Offset(99));
  CHECK(c.world.operate(c.m, 1, early).code == ErrorCode::kUnavailable);
  CHECK(c.world.operate(c.m, 1, ack(1, c.first)).code == ErrorCode::kOk);
  early.task = TaskId(ShardId(9), Offset(1));
  early.seq = OpSeq(2);
  CHECK(c.world.operate(c.m, 1, early).code == ErrorCode::kNotFound);
}

TEST_CASE("a release of what was never begun takes the attempt back") {
  TwoClaims c;
  c.world.operate(c.m, 1, LedgerDriver::operation(1, OperationKind::kRelease, c.first));
  Operation begun = LedgerDriver::operation(2, OperationKind::kRelease, c.second);
  begun.started = true;
  c.world.operate(c.m, 1, begun);
  CHECK(c.world.ledger().find(c.first.task).value().attempt == 0);
  CHECK(c.world.ledger().find(c.second.task).value().attempt == 1);
  CHECK(c.world.ledger().find(c.second.task).value().failures == 0);
}

TEST_CASE(
    "settle says open while the token is current or not granted yet, drop when it can never be "
    "again") {
  TwoClaims c;
  const auto settle = [&c](Token token, RecordKind kind) {
    return c.world.ledger().settle(c.first.task, token, kind, c.m.shard, Lsn(1));
  };
  CHECK(settle(c.first.token, RecordKind::kResult) == SettleVerdict::kOpen);
  CHECK(settle(c.first.token, RecordKind::kCheckpoint) == SettleVerdict::kOpen);
  CHECK(settle(Token(c.first.token.value() + 50), RecordKind::kResult) == SettleVerdict::kOpen);
  c.world.operate(c.m, 1, ack(1, c.first));
  CHECK(settle(c.first.token, RecordKind::kResult) == SettleVerdict::kDrop);
  CHECK(settle(c.first.token, RecordKind::kCheckpoint) == SettleVerdict::kDrop);
}
