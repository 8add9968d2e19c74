// Tables: the whole state of the ledger. A copy shares its pages until they are edited (R26).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "center/core/bar_table.h"
#include "center/core/completion_ring.h"
#include "center/core/family_table.h"
#include "center/core/finished_table.h"
#include "center/core/job_table.h"
#include "center/core/key_table.h"
#include "center/core/ledger.h"
#include "center/core/lent_table.h"
#include "center/core/line_table.h"
#include "center/core/member_table.h"
#include "center/core/options_table.h"
#include "center/core/order_table.h"
#include "center/core/producer_table.h"
#include "center/core/queue_table.h"
#include "center/core/row_table.h"
#include "center/core/session_table.h"
#include "common/base/deadline_heap.h"
#include "common/base/hash64.h"
#include "common/base/paged_map.h"

namespace baton::center {

// Plain numbers, all in one place so that a snapshot cannot forget one.
struct Counters {
  Lsn index;
  ClusterId cluster;
  Generation generation{1};
  Term term;
  std::uint64_t grants = 0;  // ever; the counter in tokens
  std::uint64_t completions = 0;
  std::uint64_t superseded = 0;
  std::uint64_t created = 0;   // ever, void ones too; the order of tasks between shards (R12)
  std::uint64_t sessions = 0;  // ever
  std::uint64_t claimed = 0;
  std::uint64_t waiting = 0;  // ready or delayed
  std::int64_t lease_ms = 0;  // lease time since the first entry
  std::int64_t grace_until_ms = 0;
  WallTime calendar;
  WallTime last_wall;  // as proposed by the last tick; 0 before the first
  std::uint64_t state_hash = 0;

  // That of the last grant: generation (12 bits) . grant counter (52).
  [[nodiscard]] Token newest_token() const {
    return Token((std::uint64_t{generation.value()} << 52) | grants);
  }
};

// What was saved of a claimed task for its next attempt.
struct Checkpoint {
  ResultPlace place;
  Token token;
};
struct Progress {
  std::uint32_t percent = 0;
  std::string text;
};

struct Tables {
  // Deadlines that are kept in order, with the task they belong to.
  struct Nothing {};
  using Deadlines = PagedMap<std::pair<std::int64_t, TaskId>, Nothing>;

  Counters counters;
  MemberTable members;
  QueueTable queues;
  RowTable rows;
  SessionTable sessions;
  LineTable lines;
  ProducerTable producers;
  CompletionRing completions;
  FinishedTable finished;
  BarTable bars;
  JobTable jobs;
  PagedMap<TaskId, std::string> reasons;  // of the last nack, or why a task is quarantined
  DeadlineHeap lease_ends;                // claimed rows
  DeadlineHeap backoff_ends;              // delayed rows

  OptionsTable task_options;
  OrderTable order_keys;
  FairTable fair_keys;
  KeyTable keys;
  FamilyTable families;
  LentTable lent;
  PagedMap<TaskId, Checkpoint> checkpoints;
  PagedMap<TaskId, Progress> progress;
  Deadlines delays;        // calendar time: tasks without a row that wait for their not_before
  Deadlines waiting_ends;  // lease time: tasks that wait and will be ended if they wait too long
  std::set<std::pair<std::int64_t, QueueId>> pause_ends;  // calendar time
  std::set<std::pair<std::int64_t, QueueId>> kept_ends;   // lease time: the oldest finished rows
  std::set<QueueId> rated_queues;                         // those with a limit of their rate

  [[nodiscard]] std::size_t memory_bytes() const {
    return members.memory_bytes() + queues.memory_bytes() + rows.memory_bytes() +
           sessions.memory_bytes() + lines.memory_bytes() + producers.memory_bytes() +
           completions.memory_bytes() + reasons.memory_bytes() + lease_ends.memory_bytes() +
           backoff_ends.memory_bytes() + task_options.memory_bytes() + order_keys.memory_bytes() +
           fair_keys.memory_bytes() + keys.memory_bytes() + families.memory_bytes() +
           checkpoints.memory_bytes() + progress.memory_bytes() + delays.memory_bytes() +
           waiting_ends.memory_bytes();
  }
};

}  // namespace baton::center
