// JobTable: work that an entry was not allowed to finish, as cursors in the state (R21).
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "common/base/ids.h"

namespace baton::center {

struct JobTable {
  // Queues with tasks and lines that may still belong together.
  std::set<QueueId> match_queues;
  // Shards whose tasks may be granted again: the next queue to look at.
  std::map<ShardId, QueueId> offer_shards;
  // Sealed shards whose missing tasks are being quarantined: the next offset to look at.
  std::map<ShardId, Offset> seal_shards;

  [[nodiscard]] bool empty() const {
    return match_queues.empty() && offer_shards.empty() && seal_shards.empty();
  }
};

}  // namespace baton::center
