// Commands about whole queues: settings, purge, and what managers may store (R21, R22).
#pragma once

#include "center/core/work.h"

namespace baton::center {

SimpleOutcome apply_set_queue(Work& work, const SetQueue& command);
PurgeOutcome apply_purge(Work& work, const Purge& command);
BorrowOutcome apply_borrow(Work& work, Sender sender, const Borrow& command);

// Goes on with purges, within the budget.
void continue_purges(Work& work);
// Changed limits of fairness keys that were not brought to all of them, within the budget.
void continue_fair_limits(Work& work);

// Queues whose pause ends by the calendar, and those whose rate lets claims begin again.
void open_queues(Work& work, std::int64_t elapsed_ms);
// Whether a queue has tasks and consumers and waits only for its rate.
bool waits_for_rate(const Tables& tables, QueueId queue);

QueueRule rule_of(const Queue& queue);

}  // namespace baton::center
