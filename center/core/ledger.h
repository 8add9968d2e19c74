// The ledger: who may work on what. A deterministic state machine.
//
// apply() takes the committed entries of the log in order and returns what to tell whom. It reads
// no clock, no random number and iterates over nothing unordered: the same entries give the same
// state, the same effects and the same state hash on every machine. One thread at a time.
//
// Invariants (docs/guarantees.md): I3 tokens of a task strictly grow; I4 at most one claim per
// task; I6 at most one accepted completion per task; I7 a finished task is never granted again; I8
// an expiry counts only for the current token.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "center/core/command.h"
#include "center/core/effects.h"
#include "center/core/views.h"
#include "common/base/limits.h"
#include "common/base/record_kind.h"

namespace baton::center {

// Pages of a snapshot, taken at one index and unaffected by what is applied later. The pages may be
// fetched a few at a time between two applies: what they share with the ledger is copied on write.
class LedgerSnapshot {
 public:
  virtual ~LedgerSnapshot() = default;
  // The next page (at most 64 KiB), or nothing after the last.
  virtual std::optional<std::string> next_page() = 0;
};

// When the service must propose the next tick.
struct TickPlan {
  bool needed = false;      // false: nothing waits for lease time, an idle cluster does not sync
  Millis max_gap{0};        // at most this long after the tick before
  Millis next_deadline{0};  // lease time left until something is due; ticks may come earlier
  // Something waits for the calendar: a tick is needed when a wall clock has come to this.
  std::optional<WallTime> calendar_deadline = {};
};

class Ledger {
 public:
  Ledger();
  ~Ledger();
  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;

  // REQUIRES: entry.index is the one after index(). Values in it are from the wire: they are
  // checked here, and what is wrong is refused in its outcome. Never fails otherwise.
  Effects apply(const Entry& entry);

  [[nodiscard]] Lsn index() const;
  [[nodiscard]] ClusterId cluster() const;  // none before the first TermStart
  [[nodiscard]] Generation generation() const;
  [[nodiscard]] std::uint64_t state_hash() const;  // rolling over (index, transitions)

  [[nodiscard]] TickPlan tick_plan() const;
  // True when bounded work was left over: the service proposes Continue.
  [[nodiscard]] bool wants_continue() const;

  // Starts a snapshot of the current state. The ledger may be applied to while it is read.
  [[nodiscard]] std::unique_ptr<LedgerSnapshot> snapshot() const;
  // Builds a ledger from all pages of a snapshot, in order. data_loss names the first page that is
  // wrong.
  static Result<Ledger> restore(const std::vector<std::string>& pages);

  // ---- looking: views.h has the types. All are bounded by `limit`. ----
  [[nodiscard]] Result<TaskView> find(TaskId task) const;
  [[nodiscard]] TaskPage list_tasks(std::string_view queue, TaskState state,
                                    const TaskFilter& filter, std::string_view cursor,
                                    std::size_t limit) const;
  [[nodiscard]] QueuePage list_queues(std::string_view prefix, std::string_view cursor,
                                      std::size_t limit) const;
  // not_found: nobody ever produced to it, waits for it or set it.
  [[nodiscard]] Result<QueueDetailView> find_queue(std::string_view name) const;
  // What managers must know of queues, of those where there is something to know.
  [[nodiscard]] RulePage list_rules(std::string_view cursor, std::size_t limit) const;
  // Why the task is where it is, in a sentence. Errors: those of find().
  [[nodiscard]] Result<Explanation> explain(TaskId task) const;
  [[nodiscard]] std::vector<ManagerView> managers() const;
  [[nodiscard]] std::optional<ManagerView> find_manager(Incarnation incarnation) const;
  [[nodiscard]] LedgerTotals totals() const;
  [[nodiscard]] StuckTotals stuck_totals() const;
  [[nodiscard]] LedgerTimes times() const;
  [[nodiscard]] SessionName session_name(const SessionId& session) const;
  // Every task that is claimed, waits for a time, was tried before or is kept after its end, in no
  // order that means anything. Plain ones (ready and never tried, quarantined before that) are not
  // among them. `acked`: its own work is done.
  using VisitRow = std::function<void(TaskId, TaskState, Token, bool acked)>;
  void visit_rows(const VisitRow& visit) const;
  // Whose shard it is, also of a manager that was removed; empty when there is no such shard.
  [[nodiscard]] std::string manager_of(ShardId shard) const;

  // For a manager that reconnected (R10): the session's claims above `last_number`, and where it
  // stands.
  [[nodiscard]] SessionView resync(SessionId session, ConnEpoch conn_epoch, Incarnation manager,
                                   GrantNumber last_number) const;
  // Whether a result record must be kept (R16).
  [[nodiscard]] SettleVerdict settle(TaskId task, Token token, RecordKind kind, ShardId shard,
                                     Lsn lsn) const;
  // The live offsets of [from, to) of a shard as runs; at or above created_hi everything counts as
  // live.
  [[nodiscard]] LiveOffsets live(ShardId shard, Offset from, Offset to) const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace baton::center
