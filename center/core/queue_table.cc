#include "center/core/queue_table.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace baton::center {

RunSet& Level::in_shard(ShardId shard) {
  const auto at =
      std::lower_bound(shards.begin(), shards.end(), shard,
                       [](const ReadyShard& entry, ShardId id) { return entry.shard < id; });
  if (at != shards.end() && at->shard == shard) return at->offsets;
  return shards.insert(at, ReadyShard{shard, {}})->offsets;
}

const RunSet* Level::find_shard(ShardId shard) const {
  for (const ReadyShard& entry : shards) {
    if (entry.shard == shard) return entry.offsets.empty() ? nullptr : &entry.offsets;
  }
  return nullptr;
}

Level& Queue::level(std::uint32_t priority) {
  const auto at = std::find_if(levels.begin(), levels.end(), [priority](const Level& level) {
    return level.priority <= priority;
  });
  if (at != levels.end() && at->priority == priority) return *at;
  Level level;
  level.priority = priority;
  return *levels.insert(at, std::move(level));
}

void Queue::add_ready(ShardId shard, Offset first, std::uint64_t count, std::uint32_t priority) {
  Level& in = level(priority);
  in.in_shard(shard).push_back(first.value(), count);
  in.ready += count;
  ready += count;
}

void Queue::put_back(TaskId task, std::uint32_t priority) {
  Level& in = level(priority);
  BATON_CHECK(in.in_shard(task.shard()).insert(task.offset().value()));
  ++in.ready;
  ++ready;
}

void Queue::take(TaskId task, std::uint32_t priority) {
  Level& in = level(priority);
  BATON_CHECK(in.in_shard(task.shard()).erase(task.offset().value()));
  --in.ready;
  --ready;
}

QueueId QueueTable::intern(std::string_view name) {
  if (const QueueId known = find(name)) return known;
  if (queues_.size() >= TaskValue::kQueueIdMax) return {};
  Queue queue;
  queue.id = QueueId(static_cast<std::uint32_t>(queues_.size() + 1));
  queue.name = name;
  const QueueId id = queue.id;
  restore(std::move(queue));
  return id;
}

QueueId QueueTable::find(std::string_view name) const {
  const QueueId* id = by_name_.find(std::string(name));
  return id == nullptr ? QueueId() : *id;
}

void QueueTable::restore(Queue queue) {
  BATON_CHECK(queue.id.value() == queues_.size() + 1);
  by_name_.insert(queue.name, queue.id);
  queues_.emplace_back(std::move(queue));
}

std::size_t QueueTable::memory_bytes() const {
  std::size_t bytes = queues_.capacity() * sizeof(Cow<Queue>) + by_name_.memory_bytes();
  for (const auto& queue : queues_) {
    bytes += sizeof(Queue) + queue->levels.capacity() * sizeof(Level);
    for (const Level& level : queue->levels) {
      bytes += level.shards.capacity() * sizeof(ReadyShard);
      for (const ReadyShard& entry : level.shards) bytes += entry.offsets.memory_bytes();
    }
  }
  return bytes;
}

}  // namespace baton::center
