// What can be seen of the ledger from outside: plain copies, true at one index.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "center/core/command.h"
#include "center/core/effects.h"

namespace baton::center {

struct TaskView {
  TaskId task;
  std::string queue;  // empty: finished long ago, its row is gone
  TaskState state = TaskState::kNone;
  std::uint32_t priority = 0;
  std::uint32_t attempt = 0;
  std::uint32_t failures = 0;
  std::uint32_t expiries = 0;
  Token token;
  SessionId session;
  std::string consumer;
  Millis lease_left{0};
  Millis ready_in{0};
  WallTime created;
  std::string reason;
  ResultPlace result;
};

struct TaskPage {
  std::vector<TaskView> tasks;
  std::string next;  // cursor; empty at the end
};

struct QueueView {
  std::string name;
  QueueId id;
  std::uint64_t ready = 0;
  std::uint64_t delayed = 0;
  std::uint64_t claimed = 0;
  std::uint64_t dead = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t done = 0;     // ever
  std::uint64_t created = 0;  // ever
  std::uint32_t waiting = 0;  // lines with credit
};

struct QueuePage {
  std::vector<QueueView> queues;
  std::string next;
};

struct ShardView {
  ShardId shard;
  Epoch epoch;
  Life life;
  Offset created_hi;
  Offset durable_end;  // highest that anybody reported
  bool online = false;
  bool sealed = false;
  bool removed = false;
  std::uint64_t waiting = 0;
};

struct ManagerView {
  std::string name;
  std::string address;
  StoreId store;
  Incarnation incarnation;
  std::vector<ShardView> shards;
  std::uint64_t sessions = 0;
  bool online = false;
  WallTime since;  // up or down since then (calendar time of the ledger)
};

struct SessionView {
  Status status;  // not_found: removed; conflict: attached elsewhere or by a later connection
  ConnEpoch conn_epoch;
  GrantNumber grants;  // given out since attach
  std::uint64_t credit_total = 0;
  std::vector<Grant> claims;  // above the number asked for
};

struct LiveOffsets {
  struct Run {
    Offset first;
    std::uint64_t count = 0;
  };
  Offset created_hi;
  std::vector<Run> runs;
  Epoch epoch;  // of the shard
};

struct LedgerTotals {
  std::uint64_t waiting = 0;  // ready or delayed
  std::uint64_t claimed = 0;
  std::uint64_t sessions = 0;
  std::uint64_t grants = 0;  // ever
  std::uint64_t completions = 0;
  std::uint64_t superseded = 0;
  std::size_t memory_bytes = 0;  // of containers that grow with tasks
  Millis lease_time{0};
};

}  // namespace baton::center
