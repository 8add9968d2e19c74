// FinishedTable: the rows of finished tasks that are kept, in order of finishing: of each queue, and
// of all (R18). finished_rows.h says which are, and for how long.
#pragma once

#include <cstdint>

#include "center/core/queue_table.h"
#include "center/core/row_table.h"

namespace baton::center {

class FinishedTable {
 public:
  static constexpr std::uint32_t kMax = 1'000'000;

  // The row has just become done.
  void add(RowTable& rows, Queue& queue, std::uint32_t slot);
  // Takes the row out of the order. REQUIRES: the oldest of its queue (the oldest of all is).
  void remove(RowTable& rows, Queue& queue, std::uint32_t slot);

  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::uint32_t oldest() const { return first_; }  // kNoSlot when empty
  [[nodiscard]] std::uint32_t newest() const { return last_; }
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
