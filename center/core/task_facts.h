// TaskFacts: what the ledger knows of one task, from wherever its tables keep it.
#pragma once

#include <cstdint>

#include "center/core/tables.h"

namespace baton::center {

struct TaskFacts {
  TaskState state = TaskState::kNone;  // kDone for a finished task without a row
  QueueId queue;
  std::uint32_t priority = 0;
  std::uint32_t row = kNoSlot;
  std::uint32_t options = kNoSlot;
  std::uint32_t order_key = kNoSlot;
  std::uint32_t fair_key = kNoSlot;
  // delayed: ready then, in calendar time without a row (its not_before), in lease time with one
  // (its backoff).
  std::int64_t ready_at_ms = 0;
  // Lease time at which a task with nothing else to say has lived long enough; 0: never.
  std::int64_t mortal_at_ms = 0;

  // Not claimed, and not ended: it is in an index of those that wait.
  [[nodiscard]] bool waits() const {
    return state == TaskState::kReady || state == TaskState::kDelayed ||
           state == TaskState::kBlocked || state == TaskState::kPending;
  }
};

// REQUIRES: below its shard's created_hi. The state is the ledger's own: that of a removed shard's
// task is not what everybody sees (task_view.h).
TaskFacts facts_of(const Tables& tables, TaskId task);

// Whether the task's shard was removed before it ended: it is about to be quarantined, and counts as
// that already.
bool is_lost(const Tables& tables, TaskId task, const TaskFacts& facts);

// Whether its own work is done: it waits, or waited, for its children, and needs its payload no more.
inline bool is_acked(const Tables& tables, const TaskFacts& facts) {
  return facts.row != kNoSlot && tables.rows[facts.row].acked;
}

// The task's row of options, or null.
inline const OptionsRow* options_of(const Tables& tables, const TaskFacts& facts) {
  return facts.options == kNoSlot ? nullptr : &tables.task_options[facts.options];
}

}  // namespace baton::center
