#include "center/core/member_table.h"

#include <utility>

namespace baton::center {

std::uint32_t MemberTable::find_by_name(std::string_view name) const {
  for (std::uint32_t slot = 0; slot < managers_.size(); ++slot) {
    if (!managers_[slot].removed && managers_[slot].name == name) return slot;
  }
  return kNoManager;
}

std::uint32_t MemberTable::find_by_store(StoreId store) const {
  for (std::uint32_t slot = 0; slot < managers_.size(); ++slot) {
    if (managers_[slot].store == store) return slot;
  }
  return kNoManager;
}

std::uint32_t MemberTable::find_by_incarnation(Incarnation incarnation) const {
  const std::uint32_t* slot = by_incarnation_.find(incarnation);
  return slot == nullptr ? kNoManager : *slot;
}

std::uint32_t MemberTable::add_manager(Manager manager) {
  managers_.push_back(std::move(manager));
  return static_cast<std::uint32_t>(managers_.size() - 1);
}

Shard& MemberTable::add_shard(std::uint32_t manager) {
  Shard& shard = shards_.emplace_back();
  shard.id = ShardId(static_cast<std::uint32_t>(shards_.size()));
  shard.manager = manager;
  shard.store = managers_[manager].store;
  managers_[manager].shards.push_back(shard.id);
  return shard;
}

Incarnation MemberTable::begin_life(std::uint32_t manager) {
  by_incarnation_.erase(managers_[manager].incarnation);
  last_incarnation_ = last_incarnation_.next();
  managers_[manager].incarnation = last_incarnation_;
  by_incarnation_.insert(last_incarnation_, manager);
  return last_incarnation_;
}

void MemberTable::finish_restore(Incarnation last) {
  last_incarnation_ = last;
  for (std::uint32_t slot = 0; slot < managers_.size(); ++slot) {
    if (managers_[slot].incarnation) by_incarnation_.insert(managers_[slot].incarnation, slot);
  }
}

std::size_t MemberTable::memory_bytes() const {
  std::size_t bytes = managers_.capacity() * sizeof(Manager) + shards_.capacity() * sizeof(Shard);
  for (const Shard& shard : shards_) bytes += shard.tasks.memory_bytes();
  return bytes;
}

}  // namespace baton::center
