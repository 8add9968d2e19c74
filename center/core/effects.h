// What applying an entry brings about: answers, grants, transitions.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "center/core/command.h"

namespace baton::center {

enum class TaskState : std::uint8_t {
  kNone = 0,  // not known (yet), or finished and forgotten: Ledger::find tells which
  kDelayed = 1,
  kReady = 2,
  kClaimed = 3,
  kDone = 4,
  kDead = 5,
  kCancelled = 6,
  kQuarantined = 7,
  kHeld = 8,
  kBlocked = 9,
  kPending = 10,
  kVoid = 11,
};
std::string_view to_string(TaskState state);

struct SimpleOutcome {
  Status status;
};

struct EnrollOutcome {
  Status status;
  ClusterId cluster;
  ShardId shard;
  Offset created_hi;
  Epoch epoch;
};

struct RegisterOutcome {
  RegisterResult result = RegisterResult::kUnknown;
  Offset created_hi;
  Incarnation incarnation;
  Epoch epoch;  // the registered ones
  Life life;
};

struct Winner {
  Offset offset;
  TaskId task;
  ErrorCode code = ErrorCode::kOk;
};

struct CreatedOutcome {
  Status status;
  Offset created_hi;
  std::vector<Winner> winners;
  std::vector<std::pair<std::string, QueueId>> queues;
};

struct AttachOutcome {
  Status status;
  ConnEpoch conn_epoch;
  std::vector<Token> kept;
};

struct OperationOutcome {
  OpSeq seq;
  ErrorCode code = ErrorCode::kOk;
  std::string message;
  bool finished_unknown = false;
};

struct OperationsOutcome {
  std::vector<OperationOutcome> outcomes;
};

struct HeartbeatOutcome {
  Status status;
  std::vector<Token> lost;
};

using Outcome = std::variant<SimpleOutcome, EnrollOutcome, RegisterOutcome, CreatedOutcome,
                             AttachOutcome, OperationsOutcome, HeartbeatOutcome>;

// A claim that the entry gave to a session; the service sends it to the session's manager.
struct Grant {
  SessionId session;
  Incarnation manager;  // where the session is attached
  ConnEpoch conn_epoch;
  GrantNumber number;
  LineId line;
  TaskId task;
  Token token;
  std::uint32_t attempt = 0;
  Millis lease{0};
};

enum class Cause : std::uint8_t {
  kCreated = 1,
  kGranted = 2,
  kAck = 3,
  kNack = 4,
  kReleased = 5,
  kUndelivered = 6,
  kUnreachable = 7,
  kExpired = 8,
  kAttemptTimeout = 9,
  kBackoffOver = 10,
  kAttemptsSpent = 11,
  kDamaged = 12,
  kSealed = 13,
  kRemoved = 14,     // from none: all unfinished tasks of the run, by the flag of their shard
  kSuperseded = 15,  // no change: an operation with an old token was refused; recorded
  kDuplicate = 16,   // void: the producer's number already names another task
  kExtended = 17,
};
std::string_view to_string(Cause cause);

// `count` consecutive tasks went from one state to another. The archive keeps these with their
// entry.
struct Transition {
  TaskId first;
  std::uint32_t count = 1;
  TaskState from = TaskState::kNone;
  TaskState to = TaskState::kNone;
  Cause cause = Cause::kCreated;
  Token token;
  SessionId session;
};

struct BatchEffects {
  // Not ok: the whole batch was refused (its manager's incarnation is not current) and `outcomes`
  // is empty.
  Status status;
  std::vector<Outcome> outcomes;  // one per command, in order
};

struct Effects {
  std::vector<BatchEffects> batches;  // one per batch of the entry, in order
  std::vector<Grant> grants;
  std::vector<Transition> transitions;
  // Wall readings moved by more than 60 s between two ticks: an alarm.
  bool calendar_jumped = false;
};

}  // namespace baton::center
