// NamedTable<Key>: the keys of queues (ordering keys, fairness keys), by slot and by name.
//
// Key has `queue`, `name` and in_use().
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "center/core/slot_table.h"
#include "common/base/ids.h"
#include "common/base/paged_map.h"

namespace baton::center {

template <class Key>
class NamedTable : public SlotTable<Key> {
 public:
  using Names = PagedMap<std::pair<QueueId, std::string>, std::uint32_t>;

  // The key's slot; kNoSlot: there is none.
  [[nodiscard]] std::uint32_t find(QueueId queue, const std::string& name) const {
    const std::uint32_t* known = by_name_.find({queue, name});
    return known == nullptr ? kNoSlot : *known;
  }
  // In the order of queues, and of names within one.
  [[nodiscard]] const Names& names() const { return by_name_; }

  // How many the queue has.
  [[nodiscard]] std::uint32_t count(QueueId queue) const {
    return queue.value() < counts_.size() ? counts_[queue.value()] : 0;
  }

  // REQUIRES: its name is new in its queue.
  std::uint32_t add(Key key) {
    const std::pair<QueueId, std::string> name(key.queue, key.name);
    const std::uint32_t slot = SlotTable<Key>::add(std::move(key));
    name_slot(name, slot);
    return slot;
  }
  // REQUIRES: nothing names it any more.
  void remove(std::uint32_t slot) {
    const QueueId queue = (*this)[slot].queue;
    by_name_.erase({queue, (*this)[slot].name});
    --counts_[queue.value()];
    SlotTable<Key>::remove(slot);
  }
  void restore(std::uint32_t slot, Key key) {
    name_slot({key.queue, key.name}, slot);
    SlotTable<Key>::restore(slot, std::move(key));
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    return SlotTable<Key>::memory_bytes() + by_name_.memory_bytes();
  }

 private:
  void name_slot(const std::pair<QueueId, std::string>& name, std::uint32_t slot) {
    by_name_.insert(name, slot);
    const std::uint32_t queue = name.first.value();
    if (queue >= counts_.size()) counts_.resize(queue + 1);
    ++counts_[queue];
  }

  Names by_name_;
  std::vector<std::uint32_t> counts_;  // by queue id
};

}  // namespace baton::center
