// What may become of a task, and what the end of an attempt says: the one table that the auditor,
// `baton audit verify` and the history of a task go by.
//
// It is written down a second time on purpose: the ledger's code does not read it, so that a
// mistake there is found here. A new cause or state gets its lines in transition_rules.cc.
#pragma once

#include <string_view>

#include "center/core/command.h"
#include "center/core/effects.h"

namespace baton::center {

// Whether a task may go from one state to another for that reason. What creates tasks comes from
// kNone; what only notes something (kExtended, kSuperseded) changes no state.
bool is_legal(TaskState from, TaskState to, Cause cause);

// No state is changed, and the task need not be in `from`.
bool is_note(const Transition& transition);
// Nothing more may become of a task in such a state.
bool is_final(TaskState state);

// What became of the attempt when its claim ended with `transition`.
enum class AttemptEnd : std::uint8_t {
  kNone = 0,       // no claim ended
  kTold = 1,       // its holder said so, or never had it
  kUncertain = 2,  // it was cut off: its holder may still be working
};
// `entry` is the one that brought the transition about: where the cause does not tell how the claim
// ended (the payload was found to be gone on the way back), its commands do.
AttemptEnd attempt_end(const Transition& transition, const Entry& entry);
// The attempt is taken back, as if it had never been (R14).
bool takes_attempt_back(const Transition& transition, const Entry& entry);

// Why an operator acted on the task of this transition, as he said it; empty when it was nobody's
// act.
std::string_view act_reason(const Entry& entry, const Transition& transition);
// What a session said in `entry` about its claim; null when it said nothing.
const Operation* find_operation(const Entry& entry, const Transition& transition);

}  // namespace baton::center
