// RowTable: everything about the tasks that are not plain: claimed, delayed, tried before, dead,
// quarantined, or done with a result that is kept.
#pragma once

#include <cstdint>

#include "center/core/effects.h"
#include "center/core/slot_table.h"
#include "center/core/task_line.h"

namespace baton::center {

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
  TaskLine::Place place = 0;  // redriven into the line of its ordering key: where it stands now
  std::uint8_t priority = 0;
  TaskState state = TaskState::kNone;
  bool damaged = false;        // claimed: quarantine it when it comes back
  bool acked = false;          // its own work is done: it waits, or waited, for its children
  bool keeps_payload = false;  // done: it may be retried

  [[nodiscard]] bool in_use() const { return static_cast<bool>(task); }
  [[nodiscard]] ResultPlace result() const { return {result_shard, result_lsn, result_bytes}; }
};

using RowTable = SlotTable<TaskRow>;

}  // namespace baton::center
