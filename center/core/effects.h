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
  bool duplicate = false;              // by its idempotency key
  TaskState state = TaskState::kNone;  // duplicate: of the winner
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

struct ActedItem {
  Status status;
  TaskState state = TaskState::kNone;  // of the task afterwards
};

struct ActOutcome {
  std::vector<ActedItem> items;  // one per task, in order
};

struct PurgeOutcome {
  Status status;
  std::uint64_t tasks = 0;
};

// What a manager must know of a queue before it confirms.
struct QueueRule {
  std::string queue;
  bool ordered = false;
  bool limits_tasks = false;
  std::uint64_t max_bytes = 0;  // 0: no limit

  friend bool operator==(const QueueRule&, const QueueRule&) = default;
};

struct BorrowOutcome {
  Status status;
  std::uint64_t tasks = 0;  // what the manager has now
  std::uint64_t bytes = 0;
  QueueRule rule;
};

using Outcome =
    std::variant<SimpleOutcome, EnrollOutcome, RegisterOutcome, CreatedOutcome, AttachOutcome,
                 OperationsOutcome, HeartbeatOutcome, ActOutcome, PurgeOutcome, BorrowOutcome>;

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
  std::uint32_t expiries = 0;
  // Of an attempt before, saved under `checkpoint_token`; none when there is no place.
  ResultPlace checkpoint;
  Token checkpoint_token;
  std::uint32_t percent = 0;  // progress that an attempt before saved last
  std::string progress;
};

// A claim that its session lost without its own doing.
struct LostClaim {
  SessionId session;
  Incarnation manager;  // where the session is attached
  ConnEpoch conn_epoch;
  TaskId task;
  Token token;
  LostCause cause = LostCause::kLease;
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
  kRemoved = 14,     // its manager was removed
  kSuperseded = 15,  // no change: an operation with an old token was refused; recorded
  kDuplicate = 16,   // void: the producer's number already names another task
  kExtended = 17,
  kCancelled = 18,
  kKilled = 19,         // dead by its holder's, or an operator's, word
  kExpiriesSpent = 20,  // dead: too many attempts were cut off
  kTotalTimeout = 21,   // dead
  kWaitTimeout = 22,    // dead
  kTimeToLive = 23,     // cancelled
  kUncertain = 24,      // held: its attempt was cut off, and its queue wants a person to look
  kRedriven = 25,
  kDiscarded = 26,
  kResumed = 27,
  kCompleted = 28,  // done by an operator's word
  kPurged = 29,
  kDelayOver = 30,
  kUnblocked = 31,  // its turn in its ordering key has come, or what it runs after has finished
  kDependencyFailed = 32,  // dead: a task that it was to run after
  kChildrenDone = 33,
  kChildFailed = 34,
  kParentAcked = 35,
  kParentGone = 36,  // void: the claim that spawned it ended otherwise
  kSaved = 37,       // no change: a checkpoint
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

  // Whether `next` says the same of the tasks right behind: then they are told together.
  [[nodiscard]] bool leads_to(const Transition& next) const {
    return first.value() + count == next.first.value() && from == next.from && to == next.to &&
           cause == next.cause && token == next.token && session == next.session;
  }
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
  std::vector<LostClaim> lost;
  std::vector<QueueRule> rules;  // that changed
  std::vector<Transition> transitions;
  // Wall readings moved by more than 60 s between two ticks: an alarm.
  bool calendar_jumped = false;
};

}  // namespace baton::center
