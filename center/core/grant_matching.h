// Grant matching: which waiting line gets which ready task (R10, R12, R13).
//
// Runs at the end of every command that made a grant possible, inside the apply. Two directions,
// since at rest there are either tasks without lines or lines without tasks (but for barred pairs):
// - tasks came: the oldest of the highest priority picks a line, its own manager's among the next
//   16 if there is one;
// - credit came: the session's lines take turns and pick a task, a local one if that is within the
//   bound.
#pragma once

#include "center/core/work.h"

namespace baton::center {

// Matches what the commands since the last call have brought together, within the entry's budget;
// what is left becomes a job.
void settle_matches(Work& work);

// The shard's tasks may be granted again: settle_matches() will offer those of all queues, as far
// as the budget lets them be looked for now.
void offer_shard(Work& work, ShardId shard);

// Takes up jobs of matching and offering again, within the budget.
void continue_matches(Work& work);

// Puts all lines of the session into their rings, or takes them out, as its credit says.
void update_waiting(Tables& tables, std::uint32_t session);

}  // namespace baton::center
