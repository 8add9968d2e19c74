// SlotTable<Row>: rows found by small numbers, which are used again.
//
// Row has in_use(): false for Row{}, which is what a free slot holds. A copy shares its pages until
// they are edited (R26). Which slot is taken next shows nowhere outside: it may differ after a
// restore, so nothing that can be seen may depend on the order of slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "center/core/task_value.h"
#include "common/base/check.h"
#include "common/base/paged_vector.h"

namespace baton::center {

inline constexpr std::uint32_t kNoSlot = 0xffffffffU;

template <class Row>
class SlotTable {
 public:
  // REQUIRES: the row is in use; fewer than TaskValue::kRowMax are.
  std::uint32_t add(Row row) {
    BATON_CHECK(row.in_use());
    ++used_;
    if (free_.empty()) {
      BATON_CHECK(rows_.size() < TaskValue::kRowMax);
      rows_.push_back(std::move(row));
      return static_cast<std::uint32_t>(rows_.size() - 1);
    }
    const std::uint32_t slot = free_[free_.size() - 1];
    free_.resize(free_.size() - 1);
    rows_.edit(slot) = std::move(row);
    return slot;
  }
  void remove(std::uint32_t slot) {
    --used_;
    rows_.edit(slot) = Row{};
    free_.push_back(slot);
  }

  const Row& operator[](std::uint32_t slot) const { return rows_[slot]; }
  Row& edit(std::uint32_t slot) { return rows_.edit(slot); }

  [[nodiscard]] std::size_t used() const { return used_; }
  // Slots are [0, slots()).
  [[nodiscard]] std::size_t slots() const { return rows_.size(); }
  [[nodiscard]] bool in_use(std::uint32_t slot) const {
    return slot < rows_.size() && rows_[slot].in_use();
  }
  [[nodiscard]] std::size_t memory_bytes() const {
    return rows_.memory_bytes() + free_.memory_bytes();
  }

  // Puts a row back where it was in a snapshot; finish_restore() then finds the free slots.
  void restore(std::uint32_t slot, Row row) {
    if (slot >= rows_.size()) rows_.resize(std::size_t{slot} + 1);
    rows_.edit(slot) = std::move(row);
  }
  void finish_restore() {
    free_.resize(0);
    for (std::size_t slot = rows_.size(); slot-- > 0;) {
      if (!rows_[slot].in_use()) free_.push_back(static_cast<std::uint32_t>(slot));
    }
    used_ = rows_.size() - free_.size();
  }

 private:
  PagedVector<Row> rows_;
  PagedVector<std::uint32_t> free_;
  std::size_t used_ = 0;
};

}  // namespace baton::center
