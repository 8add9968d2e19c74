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
  }
  return "unknown";
}

}  // namespace baton::center
