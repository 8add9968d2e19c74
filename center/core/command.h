// The ledger's commands: what an entry of the log asks the ledger to do.
//
// Plain values, one struct per command of proto/center.proto (center/storage/command_codec.h
// translates). docs/rules.md has the rules (R1 ...) that comments cite.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.h"
#include "common/base/limits.h"
#include "common/base/protocol_enums.h"
#include "common/base/queue_settings.h"
#include "common/base/status.h"
#include "common/base/task_options.h"
#include "common/base/time.h"

namespace baton::center {

struct Enroll {
  StoreId store;
  std::string name;
  std::string address;
  ShardId sealed;  // set: that shard was sealed, a new one is wanted
};

struct Register {
  ShardId shard;
  StoreId store;
  Epoch epoch;
  Life life;
  Offset next_offset;
  Offset created_hi_seen;
  std::uint32_t crc_below = 0;
  std::string address;
};

// `count` tasks with consecutive offsets and the same attributes.
struct CreatedRun {
  std::uint32_t count = 0;
  std::string queue;  // empty: queue_id names it
  QueueId queue_id;
  std::uint32_t priority = kPriorityDefault;
  ProducerId producer;  // none: not part of a producer's sequence
  ProducerSeq seq;      // of the first task
  ProducerSeq resolved_below;
  bool waits = false;    // moved: confirmed only by the ledger
  bool is_void = false;  // waited in an earlier epoch: nobody was told that they exist
  std::vector<ShardId> maybe_at;
  std::vector<std::uint64_t> content_hash;  // one per task where `waits`
  bool unreadable = false;  // damaged before they were reported: quarantined from the start
  // priority, key and type in it are not used: they are above, a hash, and content.
  TaskOptions options;
  std::vector<Uuid> key_hash;                // one per task with an idempotency key; else empty
  std::vector<std::uint32_t> payload_bytes;  // one for all, or one per task; none: not known
  // It waits by its nature (key, order, parent): no plain record has its number anywhere.
  bool only_waits = false;
};

struct Created {
  ShardId shard;
  Epoch epoch;
  Offset from;
  std::vector<CreatedRun> runs;
  Offset durable_end;
  std::uint32_t crc_last = 0;
  WallTime wall;
};

struct AttachSession {
  SessionId session;
  ConnEpoch conn_epoch;
  std::vector<Token> held;
  std::string consumer;
};

struct SessionDemand {
  SessionId session;
  ConnEpoch conn_epoch;
  LineId line;
  std::string queue;
  Millis lease{0};
  std::uint64_t total = 0;
  TaskId task;  // set: only this task
};

struct SessionEndWait {
  SessionId session;
  ConnEpoch conn_epoch;
  LineId line;
};

struct SessionClosed {
  SessionId session;
  ConnEpoch conn_epoch;
};

// Where a result record is.
struct ResultPlace {
  ShardId shard;
  Lsn lsn;
  std::uint32_t bytes = 0;

  explicit operator bool() const { return static_cast<bool>(lsn); }
  friend bool operator==(const ResultPlace&, const ResultPlace&) = default;
};

struct Operation {
  OpSeq seq;
  OperationKind kind = OperationKind::kAck;
  TaskId task;
  Token token;
  bool wants_next = false;
  bool started = false;
  Millis lease{0};
  ResultPlace result;  // ack: of the result; save: of the checkpoint
  std::string reason;
  std::optional<Millis> delay;                              // nack: instead of the queue's backoff
  bool dead = false;                                        // nack: at once
  FailurePolicy on_failed_child = FailurePolicy::kDefault;  // ack
  std::optional<std::uint32_t> percent;                     // save
  std::string progress;                                     // save
  bool checkpoint = false;  // save: `result` is the checkpoint; no place: none any more
};

struct SessionOperations {
  SessionId session;
  OpSeq answered_through;
  std::vector<Operation> operations;
};

struct SessionHeartbeat {
  SessionId session;
  std::vector<Token> tokens;
};

struct GiveBack {
  TaskId task;
  Token token;
  GiveBackReason reason = GiveBackReason::kUndelivered;
};

struct Report {
  ShardId shard;
  Offset durable_end;
};

struct ProducerDone {
  ProducerId producer;
  ProducerSeq resolved_below;
};

struct ShardOffline {
  ShardId shard;
  Epoch epoch;
  Life life;
};

struct Seal {
  ShardId shard;
  Epoch epoch;
  Life life;
  Offset next_offset;
};

struct TermStart {
  Term term;
  ClusterId cluster;
};

struct Tick {
  Millis elapsed{0};
  WallTime wall;
};

struct Remove {
  std::string name;
};

struct Quarantine {
  ShardId shard;
  Epoch epoch;
  std::vector<Offset> offsets;
};

// Makes the queue if there is none.
struct SetQueue {
  std::string queue;
  QueueChange change;
};

struct ActOn {
  TaskAction action = TaskAction::kCancel;
  std::vector<TaskId> tasks;
  std::string reason;
};

struct Purge {
  std::string queue;
};

// A manager's share of what a limited queue may still take; absolute numbers (R22).
struct Borrow {
  std::string queue;
  std::uint64_t have_tasks = 0;
  std::uint64_t have_bytes = 0;
  std::uint64_t want_tasks = 0;
  std::uint64_t want_bytes = 0;
};

struct Continue {};

using Command = std::variant<Enroll, Register, Created, AttachSession, SessionDemand,
                             SessionEndWait, SessionClosed, SessionOperations, SessionHeartbeat,
                             GiveBack, Report, ProducerDone, ShardOffline, Seal, TermStart, Tick,
                             Remove, Quarantine, Continue, SetQueue, ActOn, Purge, Borrow>;

// What one manager sent in one frame. Refused whole (denied) when its incarnation is not the
// manager's current one, or when the manager was declared offline and has not registered again;
// incarnation 0 is the center itself, and the only one that enroll and register need.
struct Batch {
  Incarnation incarnation;
  std::vector<Command> commands;
};

// One entry of the log.
struct Entry {
  Lsn index;
  std::vector<Batch> batches;
};

}  // namespace baton::center
