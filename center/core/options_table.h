// OptionsTable: the tasks that ask for more than fits beside their value (task_value.h).
//
// While such a task was never claimed, its state is here too; afterwards its row has it and points
// here for the rest.
#pragma once

#include <cstdint>
#include <vector>

#include "center/core/effects.h"
#include "center/core/row_table.h"
#include "common/base/paged_vector.h"
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
  FailurePolicy on_failed = FailurePolicy::kDefault;
  bool with_completion = false;
  TaskId parent;
  Token parent_token;
  TaskId retry_of;

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

class OptionsTable {
 public:
  std::uint32_t add(OptionsRow row) {
    ++used_;
    if (free_.empty()) {
      rows_.push_back(row);
      return static_cast<std::uint32_t>(rows_.size() - 1);
    }
    const std::uint32_t slot = free_[free_.size() - 1];
    free_.resize(free_.size() - 1);
    rows_.edit(slot) = row;
    return slot;
  }
  void remove(std::uint32_t slot) {
    --used_;
    rows_.edit(slot) = OptionsRow{};
    free_.push_back(slot);
  }

  const OptionsRow& operator[](std::uint32_t slot) const { return rows_[slot]; }
  OptionsRow& edit(std::uint32_t slot) { return rows_.edit(slot); }

  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] std::size_t slots() const { return rows_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const {
    return rows_.memory_bytes() + free_.memory_bytes();
  }

  // As RowTable's.
  void restore(std::uint32_t slot, OptionsRow row) {
    if (slot >= rows_.size()) rows_.resize(std::size_t{slot} + 1);
    rows_.edit(slot) = row;
  }
  void finish_restore() {
    free_.resize(0);
    for (std::size_t slot = rows_.size(); slot-- > 0;) {
      if (!rows_[slot].task) free_.push_back(static_cast<std::uint32_t>(slot));
    }
    used_ = rows_.size() - free_.size();
  }

 private:
  PagedVector<OptionsRow> rows_;
  PagedVector<std::uint32_t> free_;
  std::size_t used_ = 0;
};

}  // namespace baton::center
