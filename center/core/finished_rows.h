// Finished rows: which finished tasks are remembered, and for how long (R18): as their queue's
// settings say, and a million in all.
#pragma once

#include <cstdint>

#include "center/core/work.h"

namespace baton::center {

// Whether a task that ended so keeps a row.
bool keeps_row(const QueueSettings& settings, Cause cause, bool has_result);

// What the row keeps on managers: its result, and its payload if it may be retried.
std::uint64_t finished_bytes(const Tables& tables, std::uint32_t row);

// The row has just become done or cancelled.
void add_finished(Tables& tables, std::uint32_t row);

// The oldest rows of all queues that are over their age go, as far as the budget lets them.
void forget_aged(Work& work);
// Whether forget_aged() has something to do by now.
bool finished_row_is_due(const Tables& tables);

// The row of a finished task goes; the task stays finished.
void forget_done(Work& work, std::uint32_t row);
// Finished rows that the queue's settings do not allow (any more) go, as far as the budget lets.
void forget_surplus(Work& work, QueueId queue);
// What of that was left over.
void continue_forgetting(Work& work);

// Enters when the queue's oldest row is due; again whenever that changed, or its settings.
void update_kept_end(Tables& tables, QueueId queue);

}  // namespace baton::center
