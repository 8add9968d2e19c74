#include "center/core/operation_outcomes.h"

namespace baton::center {

OperationOutcome to_outcome(OpSeq seq, Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return {seq, ErrorCode::kOk, "", false};
    case Verdict::kFinishedUnknown:
      return {seq, ErrorCode::kOk, "the task is finished; by whom is no longer known", true};
    case Verdict::kSuperseded:
      return {seq, ErrorCode::kClaimSuperseded,
              "the claim is over: its lease ended, it was given back, or another has the task",
              false};
    case Verdict::kNotFound:
      return {seq, ErrorCode::kNotFound, "no such task", false};
    case Verdict::kBadLease:
      return {seq, ErrorCode::kInvalidArgument, "a lease lasts 3 s to 12 h", false};
    case Verdict::kBadOperation:
      return {seq, ErrorCode::kInvalidArgument, "not an operation that exists", false};
    case Verdict::kUnknownYet:
      return {seq, ErrorCode::kUnavailable, "the ledger does not know the task yet", false};
    case Verdict::kTooMany:
      return {seq, ErrorCode::kRetryLater, "too many operations whose answers are not taken",
              false};
  }
  return {seq, ErrorCode::kInternal, "", false};
}

}  // namespace baton::center
