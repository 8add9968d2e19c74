#include "center/core/transition_rules.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace baton::center {
namespace {

using enum TaskState;

struct Rule {
  Cause cause;
  TaskState from;
  TaskState to;
};

constexpr Rule kRules[] = {
    {Cause::kCreated, kNone, kReady},
    {Cause::kCreated, kNone, kVoid},
    {Cause::kDuplicate, kNone, kVoid},
    {Cause::kDamaged, kNone, kQuarantined},
    {Cause::kGranted, kReady, kClaimed},
    {Cause::kAck, kClaimed, kDone},
    {Cause::kNack, kClaimed, kDelayed},
    {Cause::kAttemptsSpent, kClaimed, kDead},
    {Cause::kReleased, kClaimed, kReady},
    {Cause::kUndelivered, kClaimed, kReady},
    {Cause::kUnreachable, kClaimed, kReady},
    {Cause::kExpired, kClaimed, kReady},
    {Cause::kAttemptTimeout, kClaimed, kReady},
    {Cause::kBackoffOver, kDelayed, kReady},
    {Cause::kDamaged, kReady, kQuarantined},
    {Cause::kDamaged, kDelayed, kQuarantined},
    {Cause::kDamaged, kClaimed, kQuarantined},
    {Cause::kSealed, kReady, kQuarantined},
    {Cause::kSealed, kDelayed, kQuarantined},
    {Cause::kSealed, kClaimed, kQuarantined},
    {Cause::kRemoved, kReady, kQuarantined},
    {Cause::kRemoved, kDelayed, kQuarantined},
    {Cause::kRemoved, kClaimed, kQuarantined},
    {Cause::kExtended, kClaimed, kClaimed},
    {Cause::kSuperseded, kNone, kNone},
    {Cause::kSaved, kClaimed, kClaimed},

    {Cause::kCreated, kNone, kDelayed},
    {Cause::kCreated, kNone, kBlocked},
    {Cause::kCreated, kNone, kPending},
    {Cause::kDelayOver, kDelayed, kReady},
    {Cause::kUnblocked, kBlocked, kReady},
    {Cause::kUnblocked, kBlocked, kDelayed},
    {Cause::kParentAcked, kPending, kReady},
    {Cause::kParentAcked, kPending, kDelayed},
    {Cause::kParentAcked, kPending, kBlocked},
    {Cause::kParentGone, kPending, kVoid},
    {Cause::kParentGone, kDead, kVoid},
    {Cause::kDuplicate, kPending, kVoid},
    {Cause::kDuplicate, kDead, kVoid},
    {Cause::kDamaged, kBlocked, kQuarantined},
    {Cause::kDamaged, kPending, kQuarantined},
    {Cause::kDamaged, kHeld, kQuarantined},
    {Cause::kSealed, kBlocked, kQuarantined},
    {Cause::kSealed, kPending, kQuarantined},
    {Cause::kSealed, kHeld, kQuarantined},
    {Cause::kRemoved, kBlocked, kQuarantined},
    {Cause::kRemoved, kPending, kQuarantined},
    {Cause::kRemoved, kHeld, kQuarantined},

    {Cause::kUncertain, kClaimed, kHeld},
    {Cause::kExpiriesSpent, kClaimed, kDead},
    {Cause::kWaitTimeout, kReady, kDead},
    {Cause::kTotalTimeout, kClaimed, kDead},
    {Cause::kTotalTimeout, kReady, kDead},
    {Cause::kTotalTimeout, kDelayed, kDead},
    {Cause::kTotalTimeout, kBlocked, kDead},
    {Cause::kTotalTimeout, kPending, kDead},
    {Cause::kTotalTimeout, kHeld, kDead},
    {Cause::kTimeToLive, kClaimed, kCancelled},
    {Cause::kTimeToLive, kReady, kCancelled},
    {Cause::kTimeToLive, kDelayed, kCancelled},
    {Cause::kTimeToLive, kBlocked, kCancelled},
    {Cause::kTimeToLive, kPending, kCancelled},
    {Cause::kTimeToLive, kHeld, kCancelled},

    // Done itself; what becomes of its children decides the rest.
    {Cause::kAck, kClaimed, kBlocked},
    {Cause::kChildrenDone, kBlocked, kDone},
    {Cause::kChildFailed, kBlocked, kDead},
    {Cause::kDependencyFailed, kBlocked, kDead},
    {Cause::kDependencyFailed, kPending, kDead},

    {Cause::kCancelled, kReady, kCancelled},
    {Cause::kCancelled, kDelayed, kCancelled},
    {Cause::kCancelled, kBlocked, kCancelled},
    {Cause::kCancelled, kPending, kCancelled},
    {Cause::kCancelled, kHeld, kCancelled},
    {Cause::kCancelled, kClaimed, kCancelled},
    {Cause::kPurged, kReady, kCancelled},
    {Cause::kPurged, kDelayed, kCancelled},
    {Cause::kPurged, kBlocked, kCancelled},
    {Cause::kDiscarded, kDead, kCancelled},
    {Cause::kRedriven, kDead, kReady},
    {Cause::kRedriven, kDead, kBlocked},
    {Cause::kResumed, kHeld, kReady},
    {Cause::kResumed, kBlocked, kReady},
    {Cause::kResumed, kBlocked, kDelayed},
    {Cause::kResumed, kBlocked, kBlocked},
    {Cause::kCompleted, kHeld, kDone},
    {Cause::kCompleted, kBlocked, kDone},
    {Cause::kKilled, kClaimed, kDead},
    {Cause::kKilled, kReady, kDead},
    {Cause::kKilled, kDelayed, kDead},
    {Cause::kKilled, kBlocked, kDead},
    {Cause::kKilled, kHeld, kDead},
};

// The same as bits, by cause and state: it is asked for every transition.
constexpr std::size_t kCauses = 256;
constexpr std::size_t kStates = 32;
constexpr auto kLegal = [] {
  std::array<std::array<std::uint32_t, kStates>, kCauses> legal{};
  for (const Rule& rule : kRules) {
    legal[static_cast<std::size_t>(rule.cause)][static_cast<std::size_t>(rule.from)] |=
        std::uint32_t{1} << static_cast<unsigned>(rule.to);
  }
  return legal;
}();

// How a claim ended, by the cause of its end. A cause that is not here leaves it uncertain: better
// one warning too many.
enum class Ended : std::uint8_t {
  kTold,
  kTakenBack,    // told, and the attempt does not count
  kAsked,        // told; the operation says whether the attempt counts
  kCutOff,       // uncertain
  kSeeTheEntry,  // the cause tells why the task is where it is, not how the claim ended
};
struct EndRule {
  Cause cause;
  Ended ended;
};
constexpr EndRule kEnds[] = {
    {Cause::kAck, Ended::kTold},
    {Cause::kNack, Ended::kTold},
    {Cause::kAttemptsSpent, Ended::kTold},
    {Cause::kReleased, Ended::kAsked},
    {Cause::kUndelivered, Ended::kTakenBack},
    {Cause::kUnreachable, Ended::kTakenBack},
    {Cause::kExpired, Ended::kCutOff},
    {Cause::kAttemptTimeout, Ended::kCutOff},
    {Cause::kDamaged, Ended::kSeeTheEntry},
    {Cause::kSealed, Ended::kSeeTheEntry},
    {Cause::kRemoved, Ended::kSeeTheEntry},
    {Cause::kTimeToLive, Ended::kSeeTheEntry},
    {Cause::kTotalTimeout, Ended::kSeeTheEntry},
    {Cause::kKilled, Ended::kTold},
};

Ended ended_by(Cause cause) {
  const auto* const rule = std::find_if(std::begin(kEnds), std::end(kEnds),
                                        [&](const EndRule& r) { return r.cause == cause; });
  return rule == std::end(kEnds) ? Ended::kCutOff : rule->ended;
}

// Of the entry's commands of one kind, the first that `fits`.
template <class T, class Fits>
const T* find_command(const Entry& entry, Fits&& fits) {
  for (const Batch& batch : entry.batches) {
    for (const Command& command : batch.commands) {
      const T* found = std::get_if<T>(&command);
      if (found != nullptr && fits(*found)) return found;
    }
  }
  return nullptr;
}

// The manager could not deliver the task, or the session attached without the claim.
bool was_given_back(const Entry& entry, const Transition& transition) {
  const bool given_back = find_command<GiveBack>(entry, [&](const GiveBack& command) {
    return command.task == transition.first && command.token == transition.token;
  });
  const bool left_out = find_command<AttachSession>(entry, [&](const AttachSession& command) {
    return command.session == transition.session &&
           std::find(command.held.begin(), command.held.end(), transition.token) ==
               command.held.end();
  });
  return given_back || left_out;
}

bool ends_claim(const Transition& transition) {
  return transition.from == kClaimed && transition.to != kClaimed;
}

}  // namespace

bool is_legal(TaskState from, TaskState to, Cause cause) {
  const auto a = static_cast<std::size_t>(from);
  const auto b = static_cast<std::size_t>(to);
  if (a >= kStates || b >= kStates) return false;
  return (kLegal[static_cast<std::size_t>(cause)][a] >> b & 1) != 0;
}

bool is_note(const Transition& transition) {
  return transition.from == kNone && transition.to == kNone;
}

bool is_final(TaskState state) { return state == kDone || state == kVoid || state == kCancelled; }

AttemptEnd attempt_end(const Transition& transition, const Entry& entry) {
  if (!ends_claim(transition)) return AttemptEnd::kNone;
  switch (ended_by(transition.cause)) {
    case Ended::kTold:
    case Ended::kTakenBack:
    case Ended::kAsked:
      return AttemptEnd::kTold;
    case Ended::kCutOff:
      return AttemptEnd::kUncertain;
    case Ended::kSeeTheEntry:
      break;
  }
  const bool told =
      find_operation(entry, transition) != nullptr || was_given_back(entry, transition);
  return told ? AttemptEnd::kTold : AttemptEnd::kUncertain;
}

std::string_view act_reason(const Entry& entry, const Transition& transition) {
  switch (transition.cause) {
    case Cause::kCancelled:
    case Cause::kKilled:
    case Cause::kRedriven:
    case Cause::kDiscarded:
    case Cause::kResumed:
    case Cause::kCompleted:
      break;
    default:
      return {};
  }
  const ActOn* act = find_command<ActOn>(entry, [&](const ActOn& command) {
    return std::find(command.tasks.begin(), command.tasks.end(), transition.first) !=
           command.tasks.end();
  });
  return act == nullptr ? std::string_view() : std::string_view(act->reason);
}

bool takes_attempt_back(const Transition& transition, const Entry& entry) {
  if (!ends_claim(transition)) return false;
  const Operation* said = find_operation(entry, transition);
  switch (ended_by(transition.cause)) {
    case Ended::kTold:
    case Ended::kCutOff:
      return false;
    case Ended::kTakenBack:
      return true;
    case Ended::kAsked:
    case Ended::kSeeTheEntry:
      break;
  }
  if (said != nullptr) return said->kind == OperationKind::kRelease && !said->started;
  return was_given_back(entry, transition);
}

// Of several the last that decided something: an extend may stand before the nack.
const Operation* find_operation(const Entry& entry, const Transition& transition) {
  const Operation* found = nullptr;
  find_command<SessionOperations>(entry, [&](const SessionOperations& command) {
    if (command.session != transition.session) return false;
    for (const Operation& operation : command.operations) {
      const bool same = operation.task == transition.first && operation.token == transition.token;
      const bool decides =
          operation.kind != OperationKind::kExtend && operation.kind != OperationKind::kSave;
      if (same && (found == nullptr || decides)) found = &operation;
    }
    return false;
  });
  return found;
}

}  // namespace baton::center
