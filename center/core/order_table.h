// OrderTable: the ordering keys in use (R7).
//
// A key has a holder, the one task of it that may be handed out, and a line of tasks behind it in
// the order in which the ledger heard of them. A key that no task names is forgotten; dead tasks do,
// since they may come back.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "center/core/row_table.h"
#include "common/base/cow.h"
#include "common/base/paged_map.h"

namespace baton::center {

struct OrderKey {
  QueueId queue;
  std::string name;  // empty: the one key of an ordered queue
  TaskId holder;
  std::vector<TaskId> line;  // those before `begin` have gone; some may have ended while waiting
  std::size_t begin = 0;
  std::uint64_t tasks = 0;  // that name it and have not gone
};

class OrderTable {
 public:
  // The key's slot, made when it is new.
  std::uint32_t intern(QueueId queue, const std::string& name) {
    if (const std::uint32_t* known = by_name_.find({queue, name})) return *known;
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(keys_.size());
      keys_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    OrderKey key;
    key.queue = queue;
    key.name = name;
    keys_[slot] = Cow<OrderKey>(std::move(key));
    by_name_.insert({queue, name}, slot);
    return slot;
  }

  const OrderKey& operator[](std::uint32_t slot) const { return *keys_[slot]; }
  OrderKey& edit(std::uint32_t slot) { return keys_[slot].edit(); }
  [[nodiscard]] std::size_t slots() const { return keys_.size(); }
  [[nodiscard]] bool used(std::uint32_t slot) const {
    return slot < keys_.size() && static_cast<bool>(keys_[slot]);
  }
  [[nodiscard]] std::size_t size() const { return by_name_.size(); }

  void push(std::uint32_t slot, TaskId task) { edit(slot).line.push_back(task); }
  // The first of the line leaves it. REQUIRES: there is one.
  TaskId pop(std::uint32_t slot) {
    OrderKey& key = edit(slot);
    const TaskId task = key.line[key.begin++];
    if (key.begin * 2 > key.line.size()) {
      key.line.erase(key.line.begin(), key.line.begin() + static_cast<std::ptrdiff_t>(key.begin));
      key.begin = 0;
    }
    return task;
  }
  // REQUIRES: nothing names it any more.
  void remove(std::uint32_t slot) {
    by_name_.erase({keys_[slot]->queue, keys_[slot]->name});
    keys_[slot].reset();
    free_.push_back(slot);
  }

  void restore(std::uint32_t slot, OrderKey key) {
    if (slot >= keys_.size()) keys_.resize(std::size_t{slot} + 1);
    by_name_.insert({key.queue, key.name}, slot);
    keys_[slot] = Cow<OrderKey>(std::move(key));
  }
  void finish_restore() {
    free_.clear();
    for (std::size_t slot = keys_.size(); slot-- > 0;) {
      if (!keys_[slot]) free_.push_back(static_cast<std::uint32_t>(slot));
    }
  }
  [[nodiscard]] bool has(QueueId queue, const std::string& name) const {
    return by_name_.find({queue, name}) != nullptr;
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t bytes = keys_.capacity() * sizeof(Cow<OrderKey>) + by_name_.memory_bytes();
    for (const auto& key : keys_) {
      if (key) bytes += sizeof(OrderKey) + key->line.capacity() * sizeof(TaskId);
    }
    return bytes;
  }

 private:
  std::vector<Cow<OrderKey>> keys_;
  std::vector<std::uint32_t> free_;  // which slot is taken next shows nowhere outside
  PagedMap<std::pair<QueueId, std::string>, std::uint32_t> by_name_;
};

}  // namespace baton::center
