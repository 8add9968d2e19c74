// MemberTable: the managers and shards of the cluster, who is up, and how much of each shard is
// known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "center/core/command.h"
#include "center/core/task_pages.h"
#include "common/base/paged_map.h"

namespace baton::center {

struct Shard {
  ShardId id;
  std::uint32_t manager = 0;  // slot
  StoreId store;
  Epoch epoch;  // 0 before the first register
  Life life;
  bool online = false;
  bool sealed = false;    // readable, never appended to; what its store has may still be reported
  bool sealing = false;   // the job that quarantines what is missing still runs
  bool removed = false;   // with its manager: what was unfinished counts as quarantined
  Offset missing_from;    // sealed: tasks at or above it have no payload
  Offset durable_end{1};  // highest that anybody reported
  std::uint32_t crc_last = 0;  // of record created_hi - 1; 0 when that was reported as unreadable
  // For moved numbers (R5): the entry of the last register whose life has reported all that it had
  // then.
  Lsn registered_at;
  Offset registered_next;
  Lsn caught_up_at;
  std::uint64_t waiting = 0;  // ready or delayed
  TaskPages tasks;

  [[nodiscard]] Offset created_hi() const { return tasks.end(); }
  // Sealed, and nothing of it is to come.
  [[nodiscard]] bool all_reported() const { return sealed && created_hi() >= missing_from; }
  // Not known to be gone: payloads at or above are missing.
  [[nodiscard]] bool is_missing(Offset offset) const { return sealed && offset >= missing_from; }
};

struct Manager {
  std::string name;  // stays with the slot once removed, as sessions and shards name it
  std::string address;
  StoreId store;
  Incarnation incarnation;      // 0 before the first register
  std::vector<ShardId> shards;  // the last one is appended to
  bool online = false;
  bool removed = false;
  WallTime since;  // up or down since then
  std::uint64_t sessions = 0;
};

class MemberTable {
 public:
  static constexpr std::uint32_t kManagersMax = 1U << 16;

  // Null when there is none.
  [[nodiscard]] const Shard* find_shard(ShardId id) const {
    return id && id.value() <= shards_.size() ? &shards_[id.value() - 1] : nullptr;
  }
  [[nodiscard]] Shard* find_shard(ShardId id) {
    return id && id.value() <= shards_.size() ? &shards_[id.value() - 1] : nullptr;
  }
  // REQUIRES: it exists.
  [[nodiscard]] const Shard& shard(ShardId id) const { return shards_[id.value() - 1]; }
  [[nodiscard]] Shard& shard(ShardId id) { return shards_[id.value() - 1]; }
  [[nodiscard]] const std::vector<Shard>& shards() const { return shards_; }

  [[nodiscard]] const std::vector<Manager>& managers() const { return managers_; }
  [[nodiscard]] const Manager& manager(std::uint32_t slot) const { return managers_[slot]; }
  [[nodiscard]] Manager& manager(std::uint32_t slot) { return managers_[slot]; }
  // kNoManager when there is none.
  static constexpr std::uint32_t kNoManager = 0xffffffffU;
  [[nodiscard]] std::uint32_t find_by_name(std::string_view name) const;
  [[nodiscard]] std::uint32_t find_by_store(StoreId store) const;  // also removed ones
  [[nodiscard]] std::uint32_t find_by_incarnation(Incarnation incarnation) const;

  std::uint32_t add_manager(Manager manager);
  // The manager's new shard: the one it appends to from now on.
  Shard& add_shard(std::uint32_t manager);
  [[nodiscard]] bool full() const {
    return managers_.size() >= kManagersMax || shards_.size() >= kShardIdMax;
  }
  // A new incarnation for the manager; the one before is dead.
  Incarnation begin_life(std::uint32_t manager);
  [[nodiscard]] Incarnation last_incarnation() const { return last_incarnation_; }

  // The shard that a manager appends to.
  [[nodiscard]] Shard& current_shard(const Manager& manager) {
    return shard(manager.shards.back());
  }
  // Whether tasks of the shard may be granted: somebody is there to serve their payloads (R13).
  [[nodiscard]] bool is_available(const Shard& shard) const {
    if (shard.removed || shard.sealing) return false;
    return shard.sealed ? managers_[shard.manager].online : shard.online;
  }

  // ---- snapshots ----
  void restore_manager(Manager manager) { managers_.push_back(std::move(manager)); }
  void restore_shard(Shard shard) { shards_.push_back(std::move(shard)); }
  void finish_restore(Incarnation last);

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  std::vector<Manager> managers_;                        // by slot; few
  std::vector<Shard> shards_;                            // by id - 1; few
  PagedMap<Incarnation, std::uint32_t> by_incarnation_;  // only current ones
  Incarnation last_incarnation_;
};

}  // namespace baton::center
