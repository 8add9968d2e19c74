// Task ends: the last step of each move: what is written, forgotten and told when a task ends, or
// leaves the hands of a session. Only the moves (task_moves.h, task_claims.h, task_creation.h) call
// these; the transition is theirs to note.
#pragma once

#include <cstdint>
#include <string_view>

#include "center/core/task_facts.h"
#include "center/core/work.h"

namespace baton::center {

// Done or cancelled. REQUIRES: in no index, of no session; `facts` are of before.
void end_for_good(Work& work, TaskId task, TaskFacts facts, TaskState state, Cause cause,
                  const ResultPlace& result);
// REQUIRES: as above.
void end_as_dead(Work& work, TaskId task, const TaskFacts& facts);
void end_as_quarantined(Work& work, TaskId task, const TaskFacts& facts, std::string_view reason);
void end_as_void(Work& work, TaskId task, const TaskFacts& facts);

inline constexpr std::string_view kTimeToLiveReason = "its time to live was over";
inline constexpr std::string_view kTotalTimeoutReason =
    "total timeout: the time for the whole task was over";
// The time for the whole task, from its creation on, is over.
bool total_is_over(const Tables& tables, const TaskFacts& facts);
// Whether the row's task cannot become ready: its payload is gone.
bool is_gone(const Tables& tables, const TaskRow& row);
// Out of claimed, delayed or held: to ready, or to what it must be instead. Notes the transition.
void settle_row(Work& work, std::uint32_t slot, TaskState from, Cause cause, Token token,
                SessionId session);
// Out of the indexes of its state, if it waits or is held.
void leave_state(Work& work, TaskId task, const TaskFacts& facts);

std::uint32_t payload_bytes(const Tables& tables, TaskId task);
void forget_reason(Tables& tables, TaskId task);

}  // namespace baton::center
