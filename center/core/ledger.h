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

struct LedgerOptions {
  std::uint32_t max_attempts = kMaxAttemptsDefault;  // nacks until a task is dead
  Millis backoff_min = kBackoffMin;
  Millis backoff_max = kBackoffMax;
  Millis attempt_timeout = kAttemptTimeoutDefault;
};

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
};

class Ledger {
 public:
  explicit Ledger(LedgerOptions options = {});
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
  static Result<Ledger> restore(const std::vector<std::string>& pages, LedgerOptions options = {});

  // ---- looking: views.h has the types. All are bounded by `limit`. ----
  [[nodiscard]] Result<TaskView> find(TaskId task) const;
  [[nodiscard]] TaskPage list_tasks(std::string_view queue, TaskState state,
                                    std::string_view cursor, std::size_t limit) const;
  [[nodiscard]] QueuePage list_queues(std::string_view prefix, std::string_view cursor,
                                      std::size_t limit) const;
  [[nodiscard]] std::vector<ManagerView> managers() const;
  [[nodiscard]] std::optional<ManagerView> find_manager(Incarnation incarnation) const;
  [[nodiscard]] LedgerTotals totals() const;

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
