// Ordering keys (R7): one task of a key may be handed out, the others wait in line behind it.
//
// What waits no more leaves its place in the line; it is passed over at the front, and swept out
// when there are more of the gone than of those that wait. Both within the budget (R21).
#pragma once

#include "center/core/work.h"

namespace baton::center {

// Takes the ordering key from its holder; the next in line goes on.
void release_key(Work& work, std::uint32_t order_key, TaskId holder);
// Gives the task the key, or a place at the end of its line. True: it holds the key.
bool enter_key(Work& work, std::uint32_t order_key, TaskId task);
// A task that named the key, and neither holds it nor waits for it, has gone; with the last of them
// the key does.
void leave_key(Work& work, std::uint32_t order_key);
// The queue's dead tasks hold no keys any more.
void release_dead(Work& work, QueueId queue);
// Keys that an entry could not hand on and lines that it could not sweep, within the budget.
void continue_releasing(Work& work);

}  // namespace baton::center
