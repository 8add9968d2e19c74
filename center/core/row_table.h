// RowTable: everything about the tasks that are not plain: claimed, delayed, tried before, dead,
// quarantined, or done with a result that is kept.
#pragma once

#include <cstdint>

#include "center/core/effects.h"
#include "center/core/task_value.h"
#include "common/base/check.h"
#include "common/base/paged_vector.h"

namespace baton::center {

inline constexpr std::uint32_t kNoSlot = 0xffffffffU;

struct TaskRow {
  TaskId task;  // none: the slot is free
  Token token;  // of the current or last claim
  // Lease time. claimed: lease end; delayed: ready then; done, cancelled: finished then.
  std::int64_t deadline_ms = 0;
  std::int64_t claimed_at_ms = 0;
  GrantNumber number;  // claimed; 0 when it was kept through `held`
  Lsn result_lsn;
  ShardId result_shard;
  std::uint32_t result_bytes = 0;
  QueueId queue;
  std::uint32_t session = kNoSlot;  // claimed
  LineId line;
  std::uint32_t lease_ms = 0;
  std::uint32_t options = kNoSlot;  // options_table.h
  std::uint32_t order_key = kNoSlot;
  std::uint32_t fair_key = kNoSlot;
  std::uint32_t attempt = 0;
  std::uint32_t failures = 0;
  std::uint32_t expiries = 0;
  // done, cancelled: neighbours in the order of finishing (finished_table.h)
  std::uint32_t older = kNoSlot;
  std::uint32_t newer = kNoSlot;
  std::uint32_t newer_in_queue = kNoSlot;
  std::uint8_t priority = 0;
  TaskState state = TaskState::kNone;
  bool damaged = false;        // claimed: quarantine it when it comes back
  bool acked = false;          // its own work is done: it waits, or waited, for its children
  bool keeps_payload = false;  // done: it may be retried

  [[nodiscard]] ResultPlace result() const { return {result_shard, result_lsn, result_bytes}; }
};

class RowTable {
 public:
  // REQUIRES: fewer than TaskValue::kRowMax rows exist.
  std::uint32_t add(TaskRow row) {
    BATON_CHECK(row.task);
    ++used_;
    if (free_.empty()) {
      BATON_CHECK(rows_.size() < TaskValue::kRowMax);
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
    rows_.edit(slot).task = TaskId();
    free_.push_back(slot);
  }

  const TaskRow& operator[](std::uint32_t slot) const { return rows_[slot]; }
  TaskRow& edit(std::uint32_t slot) { return rows_.edit(slot); }

  [[nodiscard]] std::size_t used() const { return used_; }
  // Slots are [0, slots()); those that are free have no task.
  [[nodiscard]] std::size_t slots() const { return rows_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const {
    return rows_.memory_bytes() + free_.memory_bytes();
  }

  // Puts a row back where it was in a snapshot; finish_restore() then finds the free slots.
  void restore(std::uint32_t slot, TaskRow row) {
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
  PagedVector<TaskRow> rows_;
  PagedVector<std::uint32_t> free_;  // which slot is taken next shows nowhere outside
  std::size_t used_ = 0;
};

}  // namespace baton::center
