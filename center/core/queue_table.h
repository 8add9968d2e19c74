// QueueTable: the queues, their names, and which of their tasks are ready.
//
// A name is interned at its first use and its id never reused. Ready tasks are kept per (priority,
// shard) as runs, so that an offline shard is skipped whole and a backlog costs 8 bytes per run
// (R27).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "center/core/row_table.h"
#include "common/base/cow.h"
#include "common/base/paged_map.h"
#include "common/base/run_set.h"

namespace baton::center {

struct ReadyShard {
  ShardId shard;
  RunSet offsets;
};

// The ready tasks of one priority of a queue.
struct Level {
  std::uint32_t priority = 0;
  // Grants that passed by an older task, less those of the oldest since (R12).
  std::uint32_t overtaken = 0;
  std::uint64_t ready = 0;
  std::vector<ReadyShard> shards;  // by shard id; may have empty sets

  RunSet& in_shard(ShardId shard);
  // Null when the shard has none.
  [[nodiscard]] const RunSet* find_shard(ShardId shard) const;
};

struct Queue {
  QueueId id;
  std::string name;
  std::uint64_t ready = 0;
  std::uint64_t delayed = 0;
  std::uint64_t claimed = 0;
  std::uint64_t dead = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t done = 0;     // ever
  std::uint64_t created = 0;  // ever
  std::vector<Level> levels;  // highest priority first; those that were ever used

  // The ring of lines that wait for any task (line_table.h): oldest turn first.
  std::uint32_t ring_first = kNoSlot;
  std::uint32_t ring_last = kNoSlot;
  std::uint32_t ring_size = 0;
  std::uint32_t waiting = 0;  // lines with credit, those for one task included

  // Done tasks whose rows are kept, oldest first (finished_table.h).
  std::uint32_t done_first = kNoSlot;
  std::uint32_t done_last = kNoSlot;
  std::uint32_t done_rows = 0;

  Level& level(std::uint32_t priority);
  void add_ready(ShardId shard, Offset first, std::uint64_t count, std::uint32_t priority);
  void put_back(TaskId task, std::uint32_t priority);
  // REQUIRES: it is there.
  void take(TaskId task, std::uint32_t priority);
};

class QueueTable {
 public:
  // The id of `name`, made when it is new. None when there are too many queues.
  QueueId intern(std::string_view name);
  // None when no such queue exists.
  [[nodiscard]] QueueId find(std::string_view name) const;
  [[nodiscard]] bool exists(QueueId id) const { return id && id.value() <= queues_.size(); }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(queues_.size()); }

  // REQUIRES: exists(id).
  const Queue& operator[](QueueId id) const { return *queues_[id.value() - 1]; }
  Queue& edit(QueueId id) { return queues_[id.value() - 1].edit(); }

  using ByName = PagedMap<std::string, QueueId>;
  [[nodiscard]] const ByName& by_name() const { return by_name_; }

  void restore(Queue queue);
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  std::vector<Cow<Queue>> queues_;  // by id - 1
  ByName by_name_;
};

}  // namespace baton::center
