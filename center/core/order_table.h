// OrderTable: the ordering keys in use (R7).
//
// A key has a holder, the one task of it that may be handed out, and a line of tasks behind it in
// the order in which the ledger heard of them. A key that no task names is forgotten; dead tasks do,
// since they may come back.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "center/core/named_table.h"
#include "center/core/task_line.h"

namespace baton::center {

struct OrderKey {
  QueueId queue;     // none: the slot is free
  std::string name;  // empty: the one key of an ordered queue
  TaskId holder;
  TaskLine line;            // some may have ended while waiting, or have come again further back
  std::uint64_t tasks = 0;  // that name it and have not gone

  [[nodiscard]] bool in_use() const { return static_cast<bool>(queue); }
};

class OrderTable : public NamedTable<OrderKey> {
 public:
  // The key's slot, made when it is new.
  std::uint32_t intern(QueueId queue, const std::string& name) {
    const std::uint32_t known = find(queue, name);
    if (known != kNoSlot) return known;
    OrderKey key;
    key.queue = queue;
    key.name = name;
    return add(std::move(key));
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t bytes = NamedTable::memory_bytes();
    for (std::uint32_t slot = 0; slot < slots(); ++slot) bytes += (*this)[slot].line.memory_bytes();
    return bytes;
  }
};

}  // namespace baton::center
