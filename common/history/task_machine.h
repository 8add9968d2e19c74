// TaskMachine: one task as the ledger keeps it, as small as C5 needs it (docs/rules.md, "States of a
// task").
//
//   absent -> waiting -> claimed(token, session) -> done, dead, waiting, quarantined
//
// What happens unseen is done only when a step needs it: a task appears, a claim ends by itself
// (its lease, or it never arrived), somebody whom nobody heard of had it in between. Later is never
// worse for such things, so that no step is missed by waiting for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/history/task_steps.h"

namespace baton::check {

struct TaskRules {
  // A claim lasts at least this part of its lease: the clocks of machines run at different rates.
  double lease_share = 0.9;
  // A task is dead at so many nacks, not before and not after. 0: any nack may be the last.
  std::uint32_t max_attempts = 5;
  // Tasks have times, relations and operators: a claim may end before its lease, what waits may end
  // dead, cancelled or done, what is dead may be ready again, and what was acked may wait for
  // children and end otherwise. What was acked or cancelled is never handed out again all the same.
  bool outside = false;
};

struct TaskState {
  enum class Where : std::uint8_t {
    kAbsent,
    kWaiting,  // ready or delayed; with maybe_dead perhaps dead, as the last nack may have been one
               // too many
    kClaimed,
    kDone,
    kDead,
    kQuarantined,
    kOther,
  };
  Where where = Where::kAbsent;
  bool maybe_dead = false;
  std::uint32_t nacks = 0;
  Token token;  // of the claim, or the completion
  std::uint64_t process = 0;
  Token newest;                        // ever granted, as far as known
  Duration now = Duration(INT64_MIN);  // the earliest time at which all this can have happened
  Duration claim_end = Duration(INT64_MIN);  // a claim that nobody ended lasts as long as this

  friend bool operator==(const TaskState&, const TaskState&) = default;
};
// "claimed with token 9 by process 3"
std::string to_string(const TaskState& state);

// The state after the step, with everything at its earliest; none when the step cannot come next.
std::optional<TaskState> after_step(const TaskState& state, const Step& step,
                                    const TaskRules& rules);

}  // namespace baton::check
