// QueueTable: the queues, their names and settings, and which of their tasks are ready.
//
// A name is interned at its first use and its id never reused. Ready tasks are kept per (priority,
// fairness key, shard) as runs, so that an offline shard is skipped whole and a backlog costs 8
// bytes per run (R27).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "center/core/fair_table.h"
#include "center/core/row_table.h"
#include "common/base/cow.h"
#include "common/base/paged_map.h"
#include "common/base/queue_settings.h"
#include "common/base/run_set.h"

namespace baton::center {

struct ReadyShard {
  ShardId shard;
  RunSet offsets;
};

// The ready tasks of one priority and one fairness key (or none).
struct Lane {
  // Grants that passed by an older task, less those of the oldest since (R12).
  std::uint32_t overtaken = 0;
  std::uint64_t ready = 0;
  std::vector<ReadyShard> shards;  // by shard id; may have empty sets
  // Among other lanes: where it stands in the order of turns, and whether it is in it.
  std::uint64_t pass = 0;
  std::uint64_t serial = 0;  // of its fairness key; 0: of those without
  bool in_turn = false;

  RunSet& in_shard(ShardId shard);
  // Null when the shard has none.
  [[nodiscard]] const RunSet* find_shard(ShardId shard) const;
};

// The ready tasks of one priority of a queue.
//
// Without fairness keys there is only the plain lane. With them lanes take turns: each stands at a
// pass, the lowest is next, and a grant moves it on by a step divided by its weight (stride
// scheduling), so that a lane's share does not depend on how much waits in it.
struct Level {
  std::uint32_t priority = 0;
  // Grants to higher priorities since this one, with something ready, had its own (ageing).
  std::uint32_t passed = 0;
  std::uint64_t ready = 0;
  Lane plain;
  PagedMap<std::uint32_t, Lane> fair;  // by slot of the fairness key; those with ready tasks
  // Lanes that may be next; only kept while there are fair ones. (pass, serial) to slot, kNoSlot
  // for the plain lane.
  using Turns = PagedMap<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t>;
  Turns turns;
  std::uint64_t pass = 0;  // where the lane stood that had the last turn

  [[nodiscard]] const Lane& lane(std::uint32_t fair_key) const {
    return fair_key == kNoSlot ? plain : *fair.find(fair_key);
  }
  Lane& edit_lane(std::uint32_t fair_key) {
    return fair_key == kNoSlot ? plain : *fair.edit(fair_key);
  }
  [[nodiscard]] bool has_ready_in(ShardId shard) const;
};

struct Queue {
  QueueId id;
  std::string name;
  std::uint64_t ready = 0;
  std::uint64_t delayed = 0;
  std::uint64_t claimed = 0;
  std::uint64_t dead = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t held = 0;
  std::uint64_t blocked = 0;
  std::uint64_t acked = 0;  // of these: their own work is done
  std::uint64_t pending = 0;
  std::uint64_t done = 0;       // ever
  std::uint64_t cancelled = 0;  // ever
  std::uint64_t created = 0;    // ever
  std::uint64_t bytes = 0;      // of the payloads of unfinished tasks

  QueueSettings settings;
  bool is_set = false;           // by somebody: it is listed though it never had a task
  bool purging = false;          // a purge is at work: nothing is granted until it has gone through
  bool changing_turns = false;   // by a new max_per_fair_key: nothing is granted until all have it
  std::int64_t rate_credit = 0;  // while the rate is limited: claims that may begin, in thousandths
  std::vector<Level> levels;     // highest priority first; those that were ever used

  // The ring of lines that wait for any task (line_table.h): oldest turn first.
  std::uint32_t ring_first = kNoSlot;
  std::uint32_t ring_last = kNoSlot;
  std::uint32_t ring_size = 0;
  std::uint32_t waiting = 0;  // lines with credit, those for one task included

  // Done tasks whose rows are kept, oldest first (finished_table.h).
  std::uint32_t done_first = kNoSlot;
  std::uint32_t done_last = kNoSlot;
  std::uint32_t done_rows = 0;
  std::uint64_t done_bytes = 0;  // of the payloads and results of those
  std::int64_t kept_end_ms = 0;  // its entry in Tables::kept_ends; 0: none

  Level& level(std::uint32_t priority);
  // New tasks at the end of their shard, without fairness keys.
  void add_ready(ShardId shard, Offset first, std::uint64_t count, std::uint32_t priority);
  // `key`: null for a task without a fairness key, whose slot is then kNoSlot.
  void put_back(TaskId task, std::uint32_t priority, std::uint32_t fair_key, const FairKey* key);
  // REQUIRES: it is there.
  void take(TaskId task, std::uint32_t priority, std::uint32_t fair_key);
  // The fairness key was given a claim, or one of its claims ended: it may or may not have turns.
  void update_turns(std::uint32_t fair_key, const FairKey& key);
  // A turn of the lane is over.
  void had_turn(Level& level, std::uint32_t fair_key, std::uint32_t weight);

  [[nodiscard]] std::uint64_t unfinished() const {
    return ready + delayed + claimed + held + blocked + pending;
  }
  // Puts the lane where it stood in a snapshot.
  void restore_lane(Level& level, std::uint32_t fair_key, std::uint32_t overtaken,
                    std::uint64_t pass, bool in_turn);

  // Whether a task of it may be granted now, as far as the queue goes.
  [[nodiscard]] bool is_open() const {
    return !settings.paused && !purging && !changing_turns &&
           (settings.max_in_flight == 0 || claimed < settings.max_in_flight) &&
           (settings.max_rate == 0 || rate_credit >= kClaimCredit);
  }
  static constexpr std::int64_t kClaimCredit = 1000;

 private:
  void enter_turns(Level& level, Lane& lane, std::uint32_t fair_key);
  void take_place(Level& level, Lane& lane, std::uint32_t fair_key);
  void leave_turns(Level& level, Lane& lane);
  void drop_if_empty(Level& level, std::uint32_t fair_key);
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
