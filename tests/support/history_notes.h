// Events of a history, as every simulated program writes them down.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/protocol_enums.h"
#include "common/base/status.h"
#include "common/history/event.h"

namespace baton::sim {

// `process` asks for the task of this payload (sim_payload.h).
check::Event produce_event(Duration at, std::uint64_t process, std::string_view payload);

// A claim that `process` was given, or an operation on it.
check::Event claim_event(check::Action action, Duration at, std::uint64_t process, TaskId task,
                         Token token);
// What the payload that came with a delivery says of itself.
void add_payload(check::Event& delivery, std::string_view payload);

check::Action action_of(OperationKind kind);
// Only a refusal because the claim is over is known to have had no effect.
check::Outcome outcome_of(ErrorCode code, bool finished_unknown = false);

// Of the ledger's TaskState or of the client library's.
template <class TaskState>
check::FinalState final_state(TaskState state) {
  switch (state) {
    case TaskState::kReady:
    case TaskState::kDelayed:
      return check::FinalState::kWaiting;
    case TaskState::kClaimed:
      return check::FinalState::kClaimed;
    case TaskState::kDone:
      return check::FinalState::kDone;
    case TaskState::kDead:
      return check::FinalState::kDead;
    case TaskState::kQuarantined:
      return check::FinalState::kQuarantined;
    case TaskState::kCancelled:
      return check::FinalState::kCancelled;
    default:
      return check::FinalState::kOther;
  }
}

}  // namespace baton::sim
