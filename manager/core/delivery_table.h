// DeliveryTable: the way of a grant from the ledger to its client, via the payload's manager.
//
// Grants gather per shard and leave as fetches of many tasks, a few fetches per shard at a time.
// What a fetch brings back decides: deliver, give back as damaged (missing or wrong checksum:
// quarantined), or give back as unreachable (the payload's manager does not answer). A payload that
// did not fit into the answer is fetched again.
//
// Bounds: a connection's grants are bounded by its credit (kSessionWindowMax).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/base/ids.h"
#include "common/base/limits.h"
#include "common/base/status.h"
#include "manager/core/relay_values.h"

namespace baton::manager {

class DeliveryTable {
 public:
  struct Options {
    std::size_t fetches_per_shard_max = 4;
    std::size_t fetch_tasks_max = 256;
    // A fetch aims at this many bytes, by the average of what the shard gave before.
    std::size_t fetch_bytes_target = std::size_t{1} << 20;
  };
  struct Fetch {
    std::uint64_t id = 0;
    ShardId shard;
    std::vector<TaskId> tasks;
  };
  // What became of one task of a fetch.
  enum class Fate : std::uint8_t { kDeliver, kDamaged, kUnreachable, kAgain };
  struct Item {
    Deliver delivery;
    Fate fate = Fate::kDeliver;
  };

  DeliveryTable() = default;
  explicit DeliveryTable(Options options) : options_(options) {}

  void add(Deliver delivery);
  // Marks what is under way with one of these tokens.
  void mark_lost(const std::set<Token>& tokens);

  // The next fetch to start, or nothing now. `may_deliver(connection)`: false keeps the grants of a
  // connection that has enough to read waiting.
  template <class MayDeliver>
  std::optional<Fetch> next_fetch(MayDeliver may_deliver) {
    for (auto& [shard, queue] : shards_) {
      if (queue.in_flight >= options_.fetches_per_shard_max || queue.waiting.empty()) continue;
      std::vector<Deliver> chosen = choose(queue, may_deliver);
      if (!chosen.empty()) return start_fetch(shard, queue, std::move(chosen));
    }
    return {};
  }

  // The answer: one code per task, in order. ok: delivered by the caller (`bytes` is the size of
  // all payloads); data_loss, not_found: damaged; retry_later: did not fit, or the shard is not
  // there; anything else, also for want of any answer: unreachable.
  std::vector<Item> finish(std::uint64_t fetch, const std::vector<ErrorCode>& codes,
                           std::size_t bytes);
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::size_t in_flight() const { return fetches_.size(); }

 private:
  struct ShardQueue {
    std::deque<Deliver> waiting;
    std::size_t in_flight = 0;
    // Before anything was fetched: careful enough for payloads of the largest size.
    std::size_t bytes_per_task = std::size_t{64} << 10;
  };
  struct InFlight {
    ShardId shard;
    std::vector<Deliver> deliveries;
  };

  [[nodiscard]] std::size_t fetch_tasks(const ShardQueue& queue) const;
  Fetch start_fetch(ShardId shard, ShardQueue& queue, std::vector<Deliver> chosen);
  InFlight take(std::uint64_t fetch);

  template <class MayDeliver>
  std::vector<Deliver> choose(ShardQueue& queue, MayDeliver may_deliver) {
    std::vector<Deliver> chosen;
    const std::size_t tasks_max = fetch_tasks(queue);
    std::deque<Deliver> kept;
    while (!queue.waiting.empty() && chosen.size() < tasks_max) {
      Deliver next = std::move(queue.waiting.front());
      queue.waiting.pop_front();
      if (may_deliver(next.connection)) {
        chosen.push_back(std::move(next));
      } else {
        kept.push_back(std::move(next));
      }
    }
    queue.waiting.insert(queue.waiting.begin(), std::make_move_iterator(kept.begin()),
                         std::make_move_iterator(kept.end()));
    return chosen;
  }

  Options options_;
  std::map<ShardId, ShardQueue> shards_;
  std::map<std::uint64_t, InFlight> fetches_;
  std::uint64_t next_id_ = 1;
  std::size_t waiting_ = 0;
};

}  // namespace baton::manager
