// What must be true of the life of every task, whatever went wrong in the run: L1 ... L19 of
// docs/testing.md. One idea a file; each has a test in which it finds a history that is wrong.
#pragma once

#include <vector>

#include "common/history/checkers.h"
#include "tests/sim/life/life_tasks.h"

namespace baton::check {

// L1 ordering keys: once a claim of a key is known to somebody no operation of an older claim of
// another task of that key is accepted; of two tasks of a key the one that was confirmed before the
// other was asked for is claimed for the last time before the other is for the first, unless
// somebody redrove it. Of tasks that name no key, in an ordered queue, that is asked only where the
// first was known to the ledger before the other was asked for, or its manager must have known: one
// that has not heard yet that the queue is ordered confirms at once what the ledger does not know.
std::vector<Violation> check_order_keys(const LifeTasks& tasks);

// L2 idempotency keys: what is answered to a key of a queue is one task with one content; only other
// content is a conflict; nothing else of that key is delivered. Where a queue remembers few, only
// while fewer others can have come than push a key out.
std::vector<Violation> check_idempotency(const LifeTasks& tasks);

// L3 acts: once a cancel, a complete or a discard was confirmed, no claim of the task is current any
// more and none follows; a task of which a completion was told is not cancelled.
std::vector<Violation> check_acts(const LifeTasks& tasks);

// L4 delays: nothing is delivered before its time, by as much as the daemons' calendars may differ.
std::vector<Violation> check_delays(const LifeTasks& tasks);

// L5 families: a child that came with a completion exists exactly if that was accepted; a claim that
// is over spawns none; a parent is done when its children have ended, and dead when one failed and
// its policy says so.
std::vector<Violation> check_families(const LifeTasks& tasks);

// L6 after: nothing is claimed before what it runs after has ended well.
std::vector<Violation> check_after(const LifeTasks& tasks);

// L7 checkpoints: a claim comes with the newest checkpoint that was saved before it.
std::vector<Violation> check_checkpoints(const LifeTasks& tasks);

// L8 pauses: nothing of a queue is granted between a pause that was confirmed and a resume.
std::vector<Violation> check_pauses(const LifeTasks& tasks);

// L9 limits: while a limit of claims at once is confirmed nothing is granted beside so many others.
std::vector<Violation> check_limits(const LifeTasks& tasks);

// L10 priorities: while a queue never lets priorities give way, nothing is granted that the ledger had
// to pass by a task of a higher priority for, which it knew, which waited for nothing but its turn, and
// which was as much in reach: of the same shard, or where no shard was ever away.
std::vector<Violation> check_priorities(const LifeTasks& tasks);

// L11 rates: while a rate is confirmed, no more is granted in any time than it allows, and what a
// queue may save up.
std::vector<Violation> check_rates(const LifeTasks& tasks);

// L12 purges: what waited, and was known to the ledger, when a purge was asked for is not granted for
// the first time once that is confirmed. (That it takes nothing that came later is C1's to find.)
std::vector<Violation> check_purges(const LifeTasks& tasks);

// L13 fairness: where no shard was ever away, a fairness key that has a task waiting is passed by no
// other key of its priority more often than their weights say.
std::vector<Violation> check_fairness(const LifeTasks& tasks);

// L14 told ends: what somebody was told who waited for a task's end is one, something was why, and it
// stayed the end, unless a dead one was redriven.
std::vector<Violation> check_told_ends(const LifeTasks& tasks);

// L15 losses: while it is confirmed after how many attempts that were cut off a task is dead, none
// is granted once more after so many.
std::vector<Violation> check_losses(const LifeTasks& tasks);

// L16 holds: while a queue is confirmed to hold what is uncertain, a task that a handler has got under
// one token is delivered under a later one only where a nack or a release of the first was asked for,
// or somebody asked in between that it go on. What was granted and reached no handler is no delivery.
std::vector<Violation> check_holds(const LifeTasks& tasks);

// L17 early ends: what is cancelled, or dead, of which nothing else can be why than one of its times
// (to live, to wait, in total), its own or its queue's, has been there for that long: it is only
// counted from when the ledger hears of it, and lease time is ahead of the world's by no more than
// the center's clock is fast, and one tick.
std::vector<Violation> check_early_ends(const LifeTasks& tasks);

// L18 attempts: what was ended by the timeout of an attempt has one, and had lasted for that long by the
// ledger's own clock.
std::vector<Violation> check_attempts(const LifeTasks& tasks);

// L19 retention: the result of a done task is kept while fewer tasks of its queue can have ended since
// than the queue keeps.
std::vector<Violation> check_retention(const LifeTasks& tasks);

// All of them.
std::vector<Violation> check_life(const LifeTasks& tasks);

}  // namespace baton::check
