// Tables: the whole state of the ledger. A copy shares its pages until they are edited (R26).
#pragma once

#include <cstdint>
#include <string>

#include "center/core/bar_table.h"
#include "center/core/completion_ring.h"
#include "center/core/finished_table.h"
#include "center/core/job_table.h"
#include "center/core/ledger.h"
#include "center/core/line_table.h"
#include "center/core/member_table.h"
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

struct Tables {
  LedgerOptions options;
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

  [[nodiscard]] std::size_t memory_bytes() const {
    return members.memory_bytes() + queues.memory_bytes() + rows.memory_bytes() +
           sessions.memory_bytes() + lines.memory_bytes() + producers.memory_bytes() +
           completions.memory_bytes() + reasons.memory_bytes() + lease_ends.memory_bytes() +
           backoff_ends.memory_bytes();
  }
};

}  // namespace baton::center
