// JobTable: work that an entry was not allowed to finish, as cursors in the state (R21).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "center/core/task_line.h"
#include "common/base/ids.h"

namespace baton::center {

// What became of a task, for those that wait for it.
enum class Ending : std::uint8_t {
  kDone = 1,
  kFailed = 2,   // for good
  kDied = 3,     // it may come back
  kRevived = 4,  // it has
};

struct JobTable {
  // Queues with tasks and lines that may still belong together.
  std::set<QueueId> match_queues;
  // Shards whose tasks may be granted again: the next queue to look at.
  std::map<ShardId, QueueId> offer_shards;
  // Shards that were sealed or removed, whose missing tasks are being quarantined: the next offset
  // to look at.
  std::map<ShardId, Offset> seal_shards;
  // Queues that are being purged: their tasks below these marks, from `next` on.
  struct Purge {
    std::map<ShardId, Offset> ends;
    TaskId next;
  };
  std::map<QueueId, Purge> purges;
  // Tasks that ended, or came back, and that others wait for: the next of them to tell. In the order
  // in which it happened.
  struct Telling {
    TaskId task;
    Ending ending = Ending::kDone;
    TaskId parent;  // to be told first; none: told already, or there is none
    TaskId next;    // of those that run after it, the first that may not have been told
  };
  std::deque<Telling> tellings;
  // Claims that ended: what becomes of the children that were to come with their completion.
  struct Birth {
    TaskId parent;
    Token token;  // of the claim
    bool acked = false;
    TaskId next;  // of its children, the first that may not have been looked at
  };
  std::deque<Birth> births;
  // Ordering keys that nobody holds, with a line that was not followed to its first live task.
  std::deque<std::uint32_t> free_keys;
  // Queues whose dead tasks hold their ordering keys no more: the name of the next key to look at.
  std::map<QueueId, std::string> dead_keys;
  // Lines of ordering keys in which too many have gone: the place of the next to look at.
  std::map<std::uint32_t, TaskLine::Place> sweep_lines;
  // Queues whose `max_per_fair_key` was changed: the name of the next fairness key to look at.
  std::map<QueueId, std::string> fair_limits;
  // Queues that keep more finished rows than they may.
  std::set<QueueId> surplus_queues;

  [[nodiscard]] bool empty() const {
    return match_queues.empty() && offer_shards.empty() && seal_shards.empty() && purges.empty() &&
           tellings.empty() && births.empty() && free_keys.empty() && dead_keys.empty() &&
           sweep_lines.empty() && fair_limits.empty() && surplus_queues.empty();
  }
};

}  // namespace baton::center
