#include "center/core/finished_table.h"

#include "common/base/check.h"

namespace baton::center {

void FinishedTable::add(RowTable& rows, Queue& queue, std::uint32_t slot) {
  TaskRow& row = rows.edit(slot);
  row.older = last_;
  row.newer = kNoSlot;
  row.newer_in_queue = kNoSlot;
  (last_ == kNoSlot ? first_ : rows.edit(last_).newer) = slot;
  last_ = slot;
  ++size_;
  (queue.done_last == kNoSlot ? queue.done_first : rows.edit(queue.done_last).newer_in_queue) =
      slot;
  queue.done_last = slot;
  ++queue.done_rows;
}

void FinishedTable::remove(RowTable& rows, Queue& queue, std::uint32_t slot) {
  BATON_CHECK(queue.done_first == slot);
  const TaskRow row = rows[slot];
  queue.done_first = row.newer_in_queue;
  if (queue.done_first == kNoSlot) queue.done_last = kNoSlot;
  --queue.done_rows;
  (row.older == kNoSlot ? first_ : rows.edit(row.older).newer) = row.newer;
  (row.newer == kNoSlot ? last_ : rows.edit(row.newer).older) = row.older;
  --size_;
}

}  // namespace baton::center
