// OptionsTable: the tasks that ask for more than fits beside their value (task_value.h).
//
// While such a task was never claimed, its state is here too; afterwards its row has it and points
// here for the rest.
#pragma once

#include <cstdint>

#include "center/core/effects.h"
#include "center/core/slot_table.h"
#include "common/base/task_options.h"

namespace baton::center {

struct OptionsRow {
  TaskId task;                         // none: the slot is free
  TaskState state = TaskState::kNone;  // of a task without a row
  // Calendar time; 0: at once.
  std::int64_t not_before_ms = 0;
  // Lease time; 0: never.
  std::int64_t time_to_live_at_ms = 0;
  std::int64_t total_at_ms = 0;
  std::int64_t wait_until_ms = 0;  // of this stay in ready
  std::int64_t wait_timeout_ms = 0;
  std::int64_t attempt_timeout_ms = 0;
  std::uint32_t max_attempts = 0;
  std::uint32_t order_key = kNoSlot;
  std::uint32_t fair_key = kNoSlot;
  // Of `after`: those that have not finished, and of these those that never will by themselves.
  std::uint32_t after_open = 0;
  std::uint32_t after_failed = 0;
  // Dead, and counted as failed by its parent: in which decision's time (Family::decision).
  std::uint32_t failed_in = 0;
  FailurePolicy on_failed = FailurePolicy::kDefault;
  bool unborn = false;  // comes with a completion that is not decided about
  TaskId parent;
  Token parent_token;
  TaskId retry_of;

  [[nodiscard]] bool in_use() const { return static_cast<bool>(task); }
  // The earliest of the ends that wait for a task that is ready, delayed or blocked; 0: none.
  [[nodiscard]] std::int64_t waiting_end_ms(TaskState in) const {
    std::int64_t end = 0;
    const auto also = [&end](std::int64_t at) {
      if (at != 0 && (end == 0 || at < end)) end = at;
    };
    also(time_to_live_at_ms);
    also(total_at_ms);
    if (in == TaskState::kReady) also(wait_until_ms);
    return end;
  }
};

using OptionsTable = SlotTable<OptionsRow>;

}  // namespace baton::center
