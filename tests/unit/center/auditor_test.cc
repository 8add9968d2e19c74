#include "center/core/auditor.h"

#include <catch2/catch.hpp>

#include "center/core/transition_rules.h"
#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;

namespace {

using enum TaskState;

TaskId task(std::uint64_t offset, std::uint32_t shard = 1) {
  return TaskId(ShardId(shard), Offset(offset));
}

Transition step(std::uint64_t offset, TaskState from, TaskState to, Cause cause,
                std::uint64_t token = 0, std::uint32_t count = 1) {
  return {task(offset), count, from, to, cause, Token(token), {}};
}
Transition created(std::uint64_t offset, std::uint32_t count) {
  return step(offset, kNone, kReady, Cause::kCreated, 0, count);
}
Transition granted(std::uint64_t offset, std::uint64_t token) {
  return step(offset, kReady, kClaimed, Cause::kGranted, token);
}
Transition acked(std::uint64_t offset, std::uint64_t token) {
  return step(offset, kClaimed, kDone, Cause::kAck, token);
}
Transition expired(std::uint64_t offset, std::uint64_t token) {
  return step(offset, kClaimed, kReady, Cause::kExpired, token);
}

// Ten tasks, of which 1 is done by token 1, 2 claimed with token 2, 3 delayed and 4 quarantined.
struct Bench {
  Bench() {
    REQUIRE(add({created(1, 10), granted(1, 1), acked(1, 1), granted(2, 2), granted(3, 3),
                 step(3, kClaimed, kDelayed, Cause::kNack, 3),
                 step(4, kReady, kQuarantined, Cause::kDamaged)}) == 0);
  }
  std::uint64_t add(const std::vector<Transition>& transitions) {
    index = index.next();
    return auditor.check(index, transitions);
  }
  // Whether exactly this is found wrong.
  bool finds(const Transition& transition, const std::string& what) {
    const std::uint64_t found = add({transition});
    INFO((found == 0 ? std::string("nothing found") : auditor.last().what));
    CHECK(found == 1);
    return found == 1 && auditor.last().index == index &&
           auditor.last().what.find(what) != std::string::npos;
  }
  Auditor auditor;
  Lsn index;
};

}  // namespace

TEST_CASE("a history as it should be breaks nothing") {
  Bench bench;
  CHECK(bench.add({created(11, 5), step(16, kNone, kVoid, Cause::kDuplicate, 0, 3)}) == 0);
  CHECK(bench.add({step(3, kDelayed, kReady, Cause::kBackoffOver, 3), granted(3, 4)}) == 0);
  CHECK(bench.add({expired(3, 4), granted(3, 5), acked(3, 5)}) == 0);
  CHECK(bench.add({step(2, kClaimed, kClaimed, Cause::kExtended, 2)}) == 0);
  CHECK(bench.add({step(1, kNone, kNone, Cause::kSuperseded, 1)}) == 0);

  CHECK(bench.auditor.violations() == 0);
  CHECK(bench.auditor.state_of(task(3)) == kDone);
  CHECK(bench.auditor.state_of(task(2)) == kClaimed);
  CHECK(bench.auditor.state_of(task(15)) == kReady);
  CHECK(bench.auditor.state_of(task(19)) == kNone);
  CHECK(bench.auditor.known_tasks() == 18);
  CHECK(bench.auditor.finished_tasks() == 5);
  CHECK(bench.auditor.counts().completions == 2);
  CHECK(bench.auditor.counts().claims == 5);
}

TEST_CASE("a second claim is found") {
  Bench bench;
  CHECK(bench.finds(granted(2, 9), "it is claimed already"));
}

TEST_CASE("a token that does not grow is found") {
  Bench bench;
  CHECK(bench.finds(granted(5, 3), "its token does not grow"));
}

TEST_CASE("a grant of a finished task is found") {
  Bench bench;
  CHECK(bench.finds(granted(1, 9), "it is finished"));
}

TEST_CASE("a second completion is found") {
  Bench bench;
  CHECK(bench.finds(acked(1, 1), "it was completed before"));
}

TEST_CASE("a claim that ends with another token is found") {
  Bench bench;
  CHECK(bench.finds(acked(2, 1), "it is claimed with another token, 2"));
}

TEST_CASE("an end of a claim that nobody holds is found") {
  Bench bench;
  CHECK(bench.finds(acked(5, 3), "it was ready before, not claimed"));
}

TEST_CASE("a task that is created twice is found") {
  Bench bench;
  CHECK(bench.finds(created(10, 2), "it was created before"));
}

TEST_CASE("a task that is left out is found") {
  Bench bench;
  CHECK(bench.finds(created(12, 1), "from offset 11 on were left out"));
}

TEST_CASE("a task that was never created is found") {
  Bench bench;
  CHECK(bench.finds(granted(11, 9), "it was never created"));
}

TEST_CASE("a step that does not exist is found") {
  Bench bench;
  CHECK(bench.finds(step(5, kReady, kDone, Cause::kAck), "no task goes that way"));
}

TEST_CASE("a grant of a task that is delayed or quarantined is found") {
  Bench bench;
  CHECK(bench.finds(granted(3, 9), "it was delayed before"));
  CHECK(bench.finds(granted(4, 10), "it was quarantined before"));
}

TEST_CASE("a grant from a manager that was removed is found") {
  Bench bench;
  CHECK(bench.add({step(5, kReady, kQuarantined, Cause::kRemoved, 0, 6)}) == 0);
  CHECK(bench.finds(granted(5, 9), "it was quarantined before"));
}

TEST_CASE("a parent whose own work was completed is never handed out again") {
  Bench bench;
  const auto blocked = [](std::uint64_t offset, std::uint64_t token) {
    return step(offset, kClaimed, kBlocked, Cause::kAck, token);
  };
  REQUIRE(bench.add({granted(5, 5), blocked(5, 5), granted(6, 6), blocked(6, 6)}) == 0);
  REQUIRE(bench.add({step(6, kBlocked, kDead, Cause::kChildFailed)}) == 0);
  REQUIRE(bench.add({step(6, kDead, kBlocked, Cause::kRedriven)}) == 0);
  CHECK(bench.finds(step(5, kBlocked, kReady, Cause::kUnblocked), "completed before"));
  CHECK(bench.finds(step(6, kBlocked, kReady, Cause::kUnblocked), "completed before"));
  // A task that was only in line may begin.
  REQUIRE(bench.add({step(11, TaskState::kNone, kBlocked, Cause::kCreated)}) == 0);
  CHECK(bench.add({step(11, kBlocked, kReady, Cause::kUnblocked)}) == 0);
}

TEST_CASE("many tasks that wait cost the auditor next to nothing") {
  Bench bench;
  const std::size_t before = bench.auditor.memory_bytes();
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const TaskState to = i % 2 == 0 ? kDelayed : kBlocked;
    REQUIRE(bench.add({step(11 + i, TaskState::kNone, to, Cause::kCreated)}) == 0);
  }
  CHECK(bench.auditor.state_of(task(11)) == kDelayed);
  CHECK(bench.auditor.state_of(task(12)) == kBlocked);
  CHECK(bench.auditor.memory_bytes() - before < 2'000'000);
  CHECK(bench.finds(granted(12, 9), "it was blocked before"));
}

TEST_CASE("nonsense is found and does no harm") {
  Bench bench;
  CHECK(bench.add({step(0, kReady, kClaimed, Cause::kGranted, 9)}) == 1);
  CHECK(bench.add({step(kOffsetMax, kReady, kClaimed, Cause::kGranted, 9, 0xffffffffU)}) == 1);
}

TEST_CASE("after a violation the transition is believed") {
  Bench bench;
  CHECK(bench.add({granted(2, 9)}) == 1);
  CHECK(bench.add({acked(2, 9)}) == 0);
  CHECK(bench.auditor.violations() == 1);
  CHECK(bench.auditor.first().transition.token == Token(9));
}

TEST_CASE("many tasks that are claimed and finished in any order leave nothing behind") {
  Auditor auditor;
  constexpr std::uint64_t kTasks = 5000;
  std::uint64_t token = 0;
  REQUIRE(auditor.check(Lsn(1), {created(1, kTasks)}) == 0);
  for (std::uint64_t i = 0; i < kTasks; ++i) {
    REQUIRE(auditor.check(Lsn(2 + i), {granted(1 + (i * 37) % kTasks, ++token)}) == 0);
  }
  for (std::uint64_t i = 0; i < kTasks; ++i) {
    const std::uint64_t offset = 1 + (i * 911) % kTasks;
    // The token that (offset - 1) = (i * 37) % kTasks got.
    std::uint64_t k = 0;
    while ((k * 37) % kTasks != offset - 1) ++k;
    REQUIRE(auditor.check(Lsn(9000 + i), {acked(offset, k + 1)}) == 0);
  }
  CHECK(auditor.finished_tasks() == kTasks);
}

TEST_CASE("a history whose beginning is lost is taken on trust, and only its beginning") {
  Auditor auditor;
  auditor.begin_anywhere();
  CHECK(auditor.check(Lsn(100), {granted(70, 8), created(91, 4), granted(92, 9)}) == 0);
  CHECK(auditor.check(Lsn(101), {acked(70, 8), acked(92, 9)}) == 0);
  CHECK(auditor.check(Lsn(102), {granted(70, 10)}) == 1);
  CHECK(auditor.check(Lsn(103), {created(96, 1)}) == 1);
}

TEST_CASE("every cause that ends a claim says what became of the attempt") {
  const auto end = [](TaskState to, Cause cause, const Entry& entry = {}) {
    return attempt_end(step(1, kClaimed, to, cause, 5), entry);
  };
  CHECK(end(kReady, Cause::kExpired) == AttemptEnd::kUncertain);
  CHECK(end(kReady, Cause::kAttemptTimeout) == AttemptEnd::kUncertain);
  CHECK(end(kReady, Cause::kReleased) == AttemptEnd::kTold);
  CHECK(end(kReady, Cause::kUndelivered) == AttemptEnd::kTold);
  CHECK(end(kReady, Cause::kUnreachable) == AttemptEnd::kTold);
  CHECK(end(kDone, Cause::kAck) == AttemptEnd::kTold);
  CHECK(end(kClaimed, Cause::kExtended) == AttemptEnd::kNone);
  CHECK(attempt_end(created(1, 1), {}) == AttemptEnd::kNone);
  // The payload is gone on the way back: the entry tells who ended the claim.
  CHECK(end(kQuarantined, Cause::kSealed) == AttemptEnd::kUncertain);
  Entry released;
  released.batches.push_back({Incarnation(1), {}});
  SessionOperations said;
  Operation release;
  release.kind = OperationKind::kRelease;
  release.task = task(1);
  release.token = Token(5);
  said.operations.push_back(release);
  released.batches[0].commands.emplace_back(said);
  CHECK(end(kQuarantined, Cause::kSealed, released) == AttemptEnd::kTold);
  CHECK(takes_attempt_back(step(1, kClaimed, kReady, Cause::kReleased, 5), released));
  std::get<SessionOperations>(released.batches[0].commands[0]).operations[0].started = true;
  CHECK_FALSE(takes_attempt_back(step(1, kClaimed, kReady, Cause::kReleased, 5), released));
  Entry given_back;
  given_back.batches.push_back({Incarnation(1), {GiveBack{task(1), Token(5)}}});
  CHECK(end(kQuarantined, Cause::kDamaged, given_back) == AttemptEnd::kTold);
}

TEST_CASE("ledger and transitions agree about every end that is remembered") {
  test::LedgerDriver driver;
  const test::TestManager m = driver.manager(1);
  driver.create(m, 4);
  driver.attach(m, 1);
  driver.demand(m, 1, 2);
  const std::vector<Grant> grants = driver.grants();
  driver.operate(m, 1, test::LedgerDriver::operation(1, OperationKind::kAck, grants.at(0)));
  for (const std::uint64_t offset : {2U, 3U}) {
    REQUIRE(driver.act(TaskAction::kCancel, TaskId(m.shard, Offset(offset)), "why").status.ok());
    REQUIRE(driver.state(TaskId(m.shard, Offset(offset))) == kCancelled);
  }
  CHECK(driver.auditor().disagreement(driver.ledger()).empty());
}

TEST_CASE("an auditor that begins over a restored ledger knows what is finished and who claims") {
  test::LedgerDriver driver;
  const test::TestManager a = driver.manager(1);
  const test::TestManager b = driver.manager(2);
  driver.create(a, 20);
  driver.create(b, 20);
  driver.attach(a, 1);
  driver.demand(a, 1, 6);
  const std::vector<Grant> grants = driver.grants();
  REQUIRE(grants.size() == 6);
  for (std::uint64_t i = 0; i < 3; ++i) {
    driver.operate(a, 1, test::LedgerDriver::operation(1 + i, OperationKind::kAck, grants[i]));
  }
  driver.operate(a, 1, test::LedgerDriver::operation(4, OperationKind::kNack, grants[3]));

  Auditor auditor;
  auditor.begin_at(driver.ledger());

  CHECK(auditor.state_of(grants[0].task) == kDone);
  CHECK(auditor.state_of(grants[3].task) == kDelayed);
  CHECK(auditor.state_of(grants[4].task) == kClaimed);
  CHECK(auditor.finished_tasks() == 3);
  CHECK(auditor.known_tasks() == 40);
  const auto grant_again = [&](const Grant& grant) {
    return Transition{grant.task, 1, kReady, kClaimed, Cause::kGranted, Token(~0ULL), {}};
  };
  CHECK(auditor.check(Lsn(1000), {grant_again(grants[0])}) == 1);
  CHECK(auditor.check(Lsn(1001), {grant_again(grants[4])}) == 1);
  CHECK(auditor.check(Lsn(1002), {Transition{TaskId(b.shard, Offset(7)),
                                             1,
                                             kReady,
                                             kClaimed,
                                             Cause::kGranted,
                                             grants[5].token,
                                             {}}}) == 1);
  CHECK(auditor.check(
            Lsn(1003),
            {Transition{TaskId(b.shard, Offset(20)), 1, kNone, kReady, Cause::kCreated, {}, {}}}) ==
        1);
}
