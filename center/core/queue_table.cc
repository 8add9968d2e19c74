#include "center/core/queue_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/check.h"

namespace baton::center {

namespace {

// The step of a lane of weight 1: divisible by many weights, and far from overflow.
constexpr std::uint64_t kTurnStep = 1'000'000;

std::size_t memory_of(const Lane& lane) {
  std::size_t bytes = lane.shards.capacity() * sizeof(ReadyShard);
  for (const ReadyShard& entry : lane.shards) bytes += entry.offsets.memory_bytes();
  return bytes;
}

}  // namespace

RunSet& Lane::in_shard(ShardId shard) {
  const auto at =
      std::lower_bound(shards.begin(), shards.end(), shard,
                       [](const ReadyShard& entry, ShardId id) { return entry.shard < id; });
  if (at != shards.end() && at->shard == shard) return at->offsets;
  return shards.insert(at, ReadyShard{shard, {}})->offsets;
}

const RunSet* Lane::find_shard(ShardId shard) const {
  for (const ReadyShard& entry : shards) {
    if (entry.shard == shard) return entry.offsets.empty() ? nullptr : &entry.offsets;
  }
  return nullptr;
}

bool Level::has_ready_in(ShardId shard) const {
  if (plain.find_shard(shard) != nullptr) return true;
  for (auto at = fair.begin(); !at.done(); ++at) {
    if (at->second.find_shard(shard) != nullptr) return true;
  }
  return false;
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
  in.plain.in_shard(shard).push_back(first.value(), count);
  in.plain.ready += count;
  in.ready += count;
  ready += count;
  if (!in.fair.empty() && !in.plain.in_turn) enter_turns(in, in.plain, kNoSlot);
}

void Queue::put_back(TaskId task, std::uint32_t priority, std::uint32_t fair_key,
                     const FairKey* key) {
  Level& in = level(priority);
  if (fair_key != kNoSlot && in.fair.find(fair_key) == nullptr) {
    Lane lane;
    lane.serial = key->serial;
    // As if it had had its turn just now: who never waits with more than one task gains nothing.
    lane.pass = in.pass + kTurnStep / key->weight;
    if (in.fair.empty() && in.plain.ready > 0) enter_turns(in, in.plain, kNoSlot);
    in.fair.insert(fair_key, std::move(lane));
  }
  Lane& lane = in.edit_lane(fair_key);
  BATON_CHECK(lane.in_shard(task.shard()).insert(task.offset().value()));
  ++lane.ready;
  ++in.ready;
  ++ready;
  if (fair_key != kNoSlot) {
    update_turns(fair_key, *key);
  } else if (!in.fair.empty() && !lane.in_turn) {
    enter_turns(in, lane, kNoSlot);
  }
}

void Queue::take(TaskId task, std::uint32_t priority, std::uint32_t fair_key) {
  Level& in = level(priority);
  Lane& lane = in.edit_lane(fair_key);
  BATON_CHECK(lane.in_shard(task.shard()).erase(task.offset().value()));
  --lane.ready;
  --in.ready;
  --ready;
  if (lane.ready > 0) return;
  leave_turns(in, lane);
  drop_if_empty(in, fair_key);
}

// A lane without tasks keeps nothing: put_back() says where it starts when it comes back.
void Queue::drop_if_empty(Level& in, std::uint32_t fair_key) {
  if (fair_key != kNoSlot) in.fair.erase(fair_key);
  if (!in.fair.empty()) return;
  leave_turns(in, in.plain);
  in.pass = 0;
  in.plain.pass = 0;
}

void Queue::update_turns(std::uint32_t fair_key, const FairKey& key) {
  const bool may = settings.max_per_fair_key == 0 || key.claimed < settings.max_per_fair_key;
  for (Level& in : levels) {
    Lane* lane = in.fair.edit(fair_key);
    if (lane == nullptr || lane->in_turn == may) continue;
    if (may) {
      enter_turns(in, *lane, fair_key);
    } else {
      leave_turns(in, *lane);
    }
  }
}

void Queue::enter_turns(Level& in, Lane& lane, std::uint32_t fair_key) {
  lane.pass = std::max(lane.pass, in.pass);
  take_place(in, lane, fair_key);
}

void Queue::take_place(Level& in, Lane& lane, std::uint32_t fair_key) {
  lane.in_turn = true;
  in.turns.insert({lane.pass, lane.serial}, fair_key);
}

void Queue::restore_lane(Level& in, std::uint32_t fair_key, std::uint32_t overtaken,
                         std::uint64_t pass, bool in_turn) {
  Lane& lane = in.edit_lane(fair_key);
  leave_turns(in, lane);
  lane.overtaken = overtaken;
  lane.pass = pass;  // behind the others, if it was passed over
  if (in_turn && lane.ready > 0 && !in.fair.empty()) take_place(in, lane, fair_key);
}

void Queue::leave_turns(Level& in, Lane& lane) {
  if (!std::exchange(lane.in_turn, false)) return;
  in.turns.erase({lane.pass, lane.serial});
}

void Queue::had_turn(Level& in, std::uint32_t fair_key, std::uint32_t weight) {
  if (in.fair.empty()) return;
  Lane& lane = in.edit_lane(fair_key);
  in.pass = lane.pass;
  const bool was_in = lane.in_turn;
  leave_turns(in, lane);
  lane.pass += kTurnStep / weight;
  if (was_in) enter_turns(in, lane, fair_key);
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
      bytes += memory_of(level.plain) + level.fair.memory_bytes() + level.turns.memory_bytes();
      for (auto at = level.fair.begin(); !at.done(); ++at) bytes += memory_of(at->second);
    }
  }
  return bytes;
}

}  // namespace baton::center
