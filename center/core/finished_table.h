// FinishedTable: the rows of done tasks that have a result, in order of finishing, and how long
// they stay (R18): 24 h of lease time, 100,000 per queue, a million in all.
#pragma once

#include <cstdint>

#include "center/core/queue_table.h"
#include "center/core/row_table.h"

namespace baton::center {

class FinishedTable {
 public:
  static constexpr std::int64_t kKeepMs = std::int64_t{24} * 60 * 60 * 1000;
  static constexpr std::uint32_t kPerQueueMax = 100'000;
  static constexpr std::uint32_t kMax = 1'000'000;

  // The row has just become done.
  void add(RowTable& rows, Queue& queue, std::uint32_t slot);
  // Takes the row out of the order. REQUIRES: the oldest of its queue (the oldest of all is).
  void remove(RowTable& rows, Queue& queue, std::uint32_t slot);

  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::uint32_t oldest() const { return first_; }  // kNoSlot when empty
  [[nodiscard]] std::uint32_t newest() const { return last_; }
  // The row that must go because there are too many; kNoSlot when there are not.
  [[nodiscard]] std::uint32_t surplus(const Queue& queue) const {
    if (queue.done_rows > kPerQueueMax) return queue.done_first;
    return size_ > kMax ? first_ : kNoSlot;
  }

  void restore(std::uint32_t first, std::uint32_t last, std::uint32_t size) {
    first_ = first;
    last_ = last;
    size_ = size;
  }

 private:
  std::uint32_t first_ = kNoSlot;
  std::uint32_t last_ = kNoSlot;
  std::uint32_t size_ = 0;
};

}  // namespace baton::center
