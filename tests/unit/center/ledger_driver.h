// LedgerDriver: a ledger with managers, sessions and producers that a test talks about by small
// numbers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "center/core/auditor.h"
#include "center/core/ledger.h"
#include "common/base/hash64.h"

namespace baton::center::test {

inline Uuid uuid_of(std::uint64_t n) { return Uuid{n, ~n}; }
inline SessionId session_of(std::uint64_t n) { return SessionId(uuid_of(n)); }
inline ProducerId producer_of(std::uint64_t n) { return ProducerId(uuid_of(1000 + n)); }
inline StoreId store_of(std::uint64_t n) { return StoreId(uuid_of(2000 + n)); }
inline Life life_of(std::uint64_t n) { return Life(uuid_of(3000 + n)); }

// What a test has to know of one manager.
struct TestManager {
  std::string name;
  StoreId store;
  ShardId shard;
  Epoch epoch;
  Life life;
  Incarnation incarnation;
};

class LedgerDriver {
 public:
  LedgerDriver() {
    send(Incarnation(), TermStart{Term(1), ClusterId(uuid_of(7))});
    // Out of the grace after the start, so that tests of leases need not think of it.
    for (int i = 0; i < 10; ++i) tick(Millis(1000));
  }

  Ledger& ledger() { return ledger_; }
  // Effects of the entry applied last.
  [[nodiscard]] const Effects& effects() const { return effects_; }
  [[nodiscard]] const std::vector<Grant>& grants() const { return effects_.grants; }
  [[nodiscard]] const std::vector<Entry>& log() const { return log_; }

  const Effects& apply(std::vector<Batch> batches) {
    log_.push_back(Entry{ledger_.index().next(), std::move(batches)});
    effects_ = ledger_.apply(log_.back());
    // Whatever a test is about, no promise may be broken on the way.
    if (auditor_.check(log_.back().index, effects_.transitions) != 0) {
      FAIL_CHECK(auditor_.last().what);
    }
    return effects_;
  }

  // One command in an entry of its own; its outcome (which is gone when the batch was refused).
  Outcome send(Incarnation from, Command command) {
    apply({Batch{from, {std::move(command)}}});
    if (!effects_.batches[0].status.ok()) return SimpleOutcome{effects_.batches[0].status};
    return effects_.batches[0].outcomes[0];
  }
  template <class T>
  T ask(Incarnation from, Command command) {
    return std::get<T>(send(from, std::move(command)));
  }
  Status tell(Incarnation from, Command command) {
    return ask<SimpleOutcome>(from, std::move(command)).status;
  }

  // ---- managers ----

  // Enrolled and registered; number n has store n, name "m<n>".
  TestManager manager(std::uint64_t n) {
    TestManager manager;
    manager.name = "m" + std::to_string(n);
    manager.store = store_of(n);
    manager.shard =
        ask<EnrollOutcome>(Incarnation(), Enroll{manager.store, manager.name, "h:1", {}}).shard;
    start(manager, n * 100);
    return manager;
  }
  // The next life of its process. The one before must be offline.
  RegisterOutcome start(TestManager& manager, std::uint64_t life) {
    const Offset created_hi = created_hi_of(manager.shard);
    Register command{manager.shard, manager.store, manager.epoch.next(),  life_of(life),
                     created_hi,    created_hi,    crc_of(manager.shard), "h:1"};
    const auto outcome = ask<RegisterOutcome>(Incarnation(), command);
    if (outcome.result == RegisterResult::kRegistered) {
      manager.epoch = command.epoch;
      manager.life = command.life;
      manager.incarnation = outcome.incarnation;
    }
    return outcome;
  }
  void stop(const TestManager& manager) {
    REQUIRE(tell(Incarnation(), ShardOffline{manager.shard, manager.epoch, manager.life}).ok());
  }
  Offset created_hi_of(ShardId shard) const {
    return ledger_.live(shard, Offset(1), Offset(1)).created_hi;
  }
  // Tests give every reported record the CRC 7.
  std::uint32_t crc_of(ShardId shard) const { return created_hi_of(shard) > Offset(1) ? 7 : 0; }

  // ---- tasks ----

  CreatedOutcome create(const TestManager& manager, std::uint32_t count,
                        const std::string& queue = "q", std::uint32_t priority = 5) {
    CreatedRun run;
    run.count = count;
    run.queue = queue;
    run.priority = priority;
    return create(manager, {run});
  }
  CreatedOutcome create(const TestManager& manager, std::vector<CreatedRun> runs) {
    Created command{
        manager.shard, manager.epoch, created_hi_of(manager.shard), std::move(runs), {}, 7,
        WallTime{5}};
    return ask<CreatedOutcome>(manager.incarnation, command);
  }

  // One task with these options; one that waits for the ledger gets `content` as its hash. None:
  // refused, or a duplicate (last_winner says of what).
  TaskId add(const TestManager& manager, TaskOptions options = {}, const std::string& queue = "q",
             std::uint64_t content = 7, std::uint32_t bytes = 10) {
    CreatedRun run;
    run.count = 1;
    run.queue = queue;
    run.priority = options.priority;
    run.payload_bytes = {bytes};
    if (options.waits_for_ledger()) {
      run.waits = run.only_waits = true;
      run.content_hash = {content};
    }
    if (!options.key.empty()) run.key_hash = {uuid_of(hash_of(options.key))};
    options.key.clear();
    options.priority = kPriorityDefault;
    run.options = std::move(options);
    const TaskId task(manager.shard, created_hi_of(manager.shard));
    const CreatedOutcome outcome = create(manager, {run});
    REQUIRE(outcome.status.ok());
    last_winner_ = outcome.winners.empty() ? Winner{task.offset(), task} : outcome.winners.back();
    return last_winner_.task == task ? task : TaskId();
  }
  [[nodiscard]] const Winner& last_winner() const { return last_winner_; }

  const Auditor& auditor() const { return auditor_; }
  TaskView view(TaskId task) const { return ledger_.find(task).value(); }
  TaskState state(TaskId task) const { return view(task).state; }

  Status set(const QueueChange& change, const std::string& queue = "q") {
    return tell(Incarnation(), SetQueue{queue, change});
  }
  ActedItem act(TaskAction action, TaskId task, const std::string& reason = "") {
    return ask<ActOutcome>(Incarnation(), ActOn{action, {task}, reason}).items.at(0);
  }

  // Goes on with a ledger that was restored from a snapshot of this one.
  void restart() {
    std::vector<std::string> pages;
    const auto snapshot = ledger_.snapshot();
    while (auto page = snapshot->next_page()) pages.push_back(std::move(*page));
    Result<Ledger> restored = Ledger::restore(pages);
    INFO(restored.status().to_string());
    REQUIRE(restored.ok());
    REQUIRE(restored.value().state_hash() == ledger_.state_hash());
    REQUIRE(auditor_.disagreement(ledger_) == "");
    ledger_ = std::move(restored).value();
  }
  // Work that entries were not allowed to finish.
  void settle() {
    for (int i = 0; i < 10'000 && ledger_.wants_continue(); ++i) send(Incarnation(), Continue{});
    REQUIRE_FALSE(ledger_.wants_continue());
  }

  // ---- sessions ----

  AttachOutcome attach(const TestManager& manager, std::uint64_t session, std::uint64_t conn = 1,
                       std::vector<Token> held = {}) {
    return ask<AttachOutcome>(
        manager.incarnation,
        AttachSession{session_of(session), ConnEpoch(conn), std::move(held), "test"});
  }
  static SessionDemand demand_of(std::uint64_t session, std::uint64_t total,
                                 const std::string& queue = "q", std::uint32_t line = 1,
                                 std::uint64_t conn = 1, Millis lease = std::chrono::seconds(30),
                                 TaskId task = {}) {
    return {session_of(session), ConnEpoch(conn), LineId(line), queue, lease, total, task};
  }
  void demand(const TestManager& manager, std::uint64_t session, std::uint64_t total,
              const std::string& queue = "q", std::uint32_t line = 1, std::uint64_t conn = 1) {
    REQUIRE(tell(manager.incarnation, demand_of(session, total, queue, line, conn)).ok());
  }
  OperationOutcome operate(const TestManager& manager, std::uint64_t session, Operation operation,
                           std::uint64_t answered_through = 0) {
    SessionOperations command{session_of(session), OpSeq(answered_through), {std::move(operation)}};
    const auto outcome = ask<OperationsOutcome>(manager.incarnation, command);
    return outcome.outcomes.empty() ? OperationOutcome{} : outcome.outcomes[0];
  }
  static Operation operation(std::uint64_t seq, OperationKind kind, const Grant& grant) {
    Operation operation;
    operation.seq = OpSeq(seq);
    operation.kind = kind;
    operation.task = grant.task;
    operation.token = grant.token;
    return operation;
  }

  // ---- time ----

  void tick(Millis elapsed) {
    wall_.ms += elapsed.count();
    send(Incarnation(), Tick{elapsed, wall_});
  }
  // Ticks of a second each.
  void pass(Millis time) {
    for (; time > Millis(1000); time -= Millis(1000)) tick(Millis(1000));
    tick(time);
  }

 private:
  static std::uint64_t hash_of(const std::string& text) {
    Hash64 hash;
    hash.add(text);
    return hash.value();
  }

  Ledger ledger_;
  Winner last_winner_;
  Auditor auditor_;
  Effects effects_;
  std::vector<Entry> log_;
  WallTime wall_{1'000'000};
};

}  // namespace baton::center::test
