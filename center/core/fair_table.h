// FairTable: the fairness keys with unfinished tasks: who a queue is shared between.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "center/core/row_table.h"
#include "common/base/paged_map.h"

namespace baton::center {

struct FairKey {
  QueueId queue;  // none: the slot is free
  std::string name;
  std::uint64_t serial = 0;  // in the order of first use: breaks ties
  std::uint32_t weight = 1;  // as the last task of it said
  std::uint32_t claimed = 0;
  std::uint64_t tasks = 0;  // unfinished
};

class FairTable {
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
    keys_[slot] = FairKey{queue, name, ++last_serial_, 1, 0, 0};
    by_name_.insert({queue, name}, slot);
    return slot;
  }
  const FairKey& operator[](std::uint32_t slot) const { return keys_[slot]; }
  FairKey& edit(std::uint32_t slot) { return keys_[slot]; }
  [[nodiscard]] std::size_t slots() const { return keys_.size(); }
  [[nodiscard]] bool used(std::uint32_t slot) const {
    return slot < keys_.size() && keys_[slot].queue;
  }
  [[nodiscard]] std::size_t size() const { return by_name_.size(); }
  [[nodiscard]] bool has(QueueId queue, const std::string& name) const {
    return by_name_.find({queue, name}) != nullptr;
  }

  // REQUIRES: nothing names it any more.
  void remove(std::uint32_t slot) {
    by_name_.erase({keys_[slot].queue, keys_[slot].name});
    keys_[slot] = FairKey{};
    free_.push_back(slot);
  }

  [[nodiscard]] std::uint64_t last_serial() const { return last_serial_; }
  void restore_last_serial(std::uint64_t last) { last_serial_ = last; }
  void restore(std::uint32_t slot, FairKey key) {
    if (slot >= keys_.size()) keys_.resize(std::size_t{slot} + 1);
    by_name_.insert({key.queue, key.name}, slot);
    keys_[slot] = std::move(key);
  }
  void finish_restore() {
    free_.clear();
    for (std::size_t slot = keys_.size(); slot-- > 0;) {
      if (!keys_[slot].queue) free_.push_back(static_cast<std::uint32_t>(slot));
    }
  }
  [[nodiscard]] std::size_t memory_bytes() const {
    return keys_.capacity() * sizeof(FairKey) + by_name_.memory_bytes();
  }

 private:
  std::vector<FairKey> keys_;
  std::vector<std::uint32_t> free_;  // which slot is taken next shows nowhere outside
  PagedMap<std::pair<QueueId, std::string>, std::uint32_t> by_name_;
  std::uint64_t last_serial_ = 0;
};

}  // namespace baton::center
