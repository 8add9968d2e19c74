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
  WallTime not_before;   // 0: none
  Millis expires_in{0};  // until a timeout or its time to live ends it; 0: never
  std::uint32_t percent = 0;
  std::string progress;
  std::uint32_t checkpoint_bytes = 0;
  std::string order_key;
  std::string fair_key;
  TaskId parent;
  std::uint32_t children_open = 0;
  std::uint32_t children_failed = 0;
  TaskId retry_of;
  std::uint32_t payload_bytes = 0;
  std::uint32_t blocked_on = 0;  // unfinished tasks that it runs after
  bool payload_kept = false;     // it stays for as long as what else is kept of the task
};

// What a list lets pass; what is empty or 0 lets everything.
struct TaskFilter {
  std::string reason_has;
  WallTime created_before;
  std::uint32_t attempts_min = 0;
  std::string order_key;
  std::string fair_key;
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
  std::uint64_t held = 0;
  std::uint64_t blocked = 0;
  std::uint64_t cancelled = 0;  // ever
  std::uint64_t bytes = 0;      // of the payloads of unfinished tasks
  bool paused = false;
  std::uint64_t acked = 0;  // of the blocked: only their children are not finished
  Millis key_window{0};     // how far back the idempotency keys reach
};

struct QueueDetailView {
  QueueView queue;
  QueueSettings settings;
  std::uint64_t keys = 0;
  std::uint64_t order_keys = 0;
  std::uint64_t fair_keys = 0;
  std::uint64_t finished_kept = 0;
  std::uint64_t finished_kept_bytes = 0;
};

struct RulePage {
  std::vector<QueueRule> rules;
  std::string next;
};

// Why a task is where it is. The numbers are those of ExplainCode in proto/broker.proto.
enum class ExplainCode : std::uint8_t {
  kFinished = 1,
  kRunning = 2,
  kDelayed = 3,
  kBackoff = 4,
  kPaused = 5,
  kNoConsumer = 6,
  kTurn = 7,
  kInFlightLimit = 8,
  kFairKeyLimit = 9,
  kRateLimit = 10,
  kOrderKey = 11,
  kAfter = 12,
  kChildren = 13,
  kDecision = 14,
  kDead = 15,
  kQuarantined = 16,
  kManagerAway = 17,
  kBarred = 18,
  kPending = 19,
  kPurging = 20,
  kDeadlock = 21,
};
struct Explanation {
  ExplainCode because = ExplainCode::kTurn;
  std::string sentence;
  TaskId other;  // the task that it waits for, if it is one
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

// Where the ledger's clocks stand (R15).
struct LedgerTimes {
  Millis lease{0};    // since the first entry
  WallTime calendar;  // 0 before the first tick
  friend bool operator==(const LedgerTimes&, const LedgerTimes&) = default;
};

// Who a session is for people. Empty where that is not known (any more).
struct SessionName {
  SessionId session;
  std::string consumer;
  std::string manager;  // where it is attached
  friend bool operator==(const SessionName&, const SessionName&) = default;
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

// Tasks that go on only when something is done about them, or about others. Counted over all queues.
struct StuckTotals {
  std::uint64_t held = 0;
  std::uint64_t blocked = 0;
  std::uint64_t dead = 0;
};

}  // namespace baton::center
