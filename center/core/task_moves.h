// Task moves: with task_creation.h and task_claims.h the only code that changes the state of a task.
//
// Each move keeps pages, rows, indexes, counts, deadlines and the session's claims in step and
// notes its transition. Which moves exist is the table of states in docs/rules.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "center/core/task_facts.h"
#include "center/core/work.h"

namespace baton::center {

// ---- tasks that wait ----

// Ready once nothing keeps it from it: its ordering key, what it runs after, its not_before.
// REQUIRES: blocked, pending or delayed by its not_before.
void unblock(Work& work, TaskId task, const TaskFacts& facts, Cause cause);
// delayed -> ready, or quarantined or cancelled instead: its backoff is over.
void end_backoff(Work& work, std::uint32_t row);
// Waiting or held -> quarantined; a claimed task when it comes back. Ended ones are left alone, and
// those that only wait for their children.
void quarantine(Work& work, TaskId task, Cause cause, std::string_view reason);
// Quarantines the waiting tasks of [from, shard's end), which a sealed or removed shard lacks, as
// many as the entry may touch. Returns where it stopped: the shard's end when all are done.
Offset quarantine_missing(Work& work, Shard& shard, Offset from);

// pending, or dead since it was pending -> void.
void make_void(Work& work, TaskId task, const TaskFacts& facts, Cause cause);

// ---- ends, by whom it may be ----

// Waiting, held, blocked or claimed -> cancelled. A claim's session hears of it.
void cancel(Work& work, TaskId task, const TaskFacts& facts, Cause cause, std::string_view reason);
// Waiting, held or blocked -> dead.
void kill(Work& work, TaskId task, const TaskFacts& facts, Cause cause, std::string_view reason);
// held, or blocked by children -> done.
void finish(Work& work, TaskId task, const TaskFacts& facts, Cause cause);

// ---- back from the dead ----

// dead -> ready, or to the end of its ordering key's line; its attempts are forgotten. Of one whose
// own work was done: blocked again, by its children.
void redrive(Work& work, TaskId task, const TaskFacts& facts);
// dead -> gone.
void discard(Work& work, TaskId task, const TaskFacts& facts);
// held -> ready.
void resume(Work& work, TaskId task, const TaskFacts& facts, std::string_view reason);

// Appends a transition.
void note(Work& work, TaskId task, TaskState from, TaskState to, Cause cause, Token token = {},
          SessionId session = {}, std::uint32_t count = 1);

// Why the task is where it is, in words. An empty one leaves what was said before.
void set_reason(Work& work, TaskId task, std::string_view reason);
// The same of a change that what was said before does not explain: an empty one takes it away.
void replace_reason(Work& work, TaskId task, std::string_view reason);

}  // namespace baton::center
