#include "center/core/effects.h"

namespace baton::center {

std::string_view to_string(TaskState state) {
  switch (state) {
    case TaskState::kNone:
      return "none";
    case TaskState::kDelayed:
      return "delayed";
    case TaskState::kReady:
      return "ready";
    case TaskState::kClaimed:
      return "claimed";
    case TaskState::kDone:
      return "done";
    case TaskState::kDead:
      return "dead";
    case TaskState::kCancelled:
      return "cancelled";
    case TaskState::kQuarantined:
      return "quarantined";
    case TaskState::kHeld:
      return "held";
    case TaskState::kBlocked:
      return "blocked";
    case TaskState::kPending:
      return "pending";
    case TaskState::kVoid:
      return "void";
  }
  return "unknown";
}

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::kCreated:
      return "created";
    case Cause::kGranted:
      return "granted";
    case Cause::kAck:
      return "ack";
    case Cause::kNack:
      return "nack";
    case Cause::kReleased:
      return "released";
    case Cause::kUndelivered:
      return "undelivered";
    case Cause::kUnreachable:
      return "unreachable";
    case Cause::kExpired:
      return "expired";
    case Cause::kAttemptTimeout:
      return "attempt_timeout";
    case Cause::kBackoffOver:
      return "backoff_over";
    case Cause::kAttemptsSpent:
      return "attempts_spent";
    case Cause::kDamaged:
      return "damaged";
    case Cause::kSealed:
      return "sealed";
    case Cause::kRemoved:
      return "removed";
    case Cause::kSuperseded:
      return "superseded";
    case Cause::kDuplicate:
      return "duplicate";
    case Cause::kExtended:
      return "extended";
    case Cause::kCancelled:
      return "cancelled";
    case Cause::kKilled:
      return "killed";
    case Cause::kExpiriesSpent:
      return "expiries_spent";
    case Cause::kTotalTimeout:
      return "total_timeout";
    case Cause::kWaitTimeout:
      return "wait_timeout";
    case Cause::kTimeToLive:
      return "time_to_live";
    case Cause::kUncertain:
      return "uncertain";
    case Cause::kRedriven:
      return "redriven";
    case Cause::kDiscarded:
      return "discarded";
    case Cause::kResumed:
      return "resumed";
    case Cause::kCompleted:
      return "completed";
    case Cause::kPurged:
      return "purged";
    case Cause::kDelayOver:
      return "delay_over";
    case Cause::kUnblocked:
      return "unblocked";
    case Cause::kDependencyFailed:
      return "dependency_failed";
    case Cause::kChildrenDone:
      return "children_done";
    case Cause::kChildFailed:
      return "child_failed";
    case Cause::kParentAcked:
      return "parent_acked";
    case Cause::kParentGone:
      return "parent_gone";
    case Cause::kSaved:
      return "saved";
  }
  return "unknown";
}

}  // namespace baton::center
