// Work: one entry while it is being applied: the state, what comes of it, and what must be looked
// at.
#pragma once

#include <cstdint>
#include <vector>

#include "center/core/effects.h"
#include "center/core/tables.h"
#include "common/base/limits.h"

namespace baton::center {

struct Work {
  Work(Tables& t, Effects& e) : tables(t), effects(e) {}

  Tables& tables;
  Effects& effects;

  // Tasks that grants and jobs of this entry may still touch; the rest goes on with Continue (R21).
  std::uint32_t budget = kEntryTasksMax;

  // Since the last settle_matches(): where a task and a line may have found each other.
  std::vector<TaskId> wanted_tasks;           // ready, and a line waits for just this one
  std::vector<QueueId> ready_queues;          // got ready tasks while lines wait
  std::vector<std::uint32_t> eager_sessions;  // got credit or a line

  [[nodiscard]] std::int64_t now_ms() const { return tables.counters.lease_ms; }
  [[nodiscard]] Lsn index() const { return tables.counters.index; }

  // False when nothing is left; else one task less.
  bool spend() {
    if (budget == 0) return false;
    --budget;
    return true;
  }
};

// The manager that sent a batch; none for the center itself.
struct Sender {
  std::uint32_t manager = MemberTable::kNoManager;
  [[nodiscard]] bool is_manager() const { return manager != MemberTable::kNoManager; }
};

}  // namespace baton::center
