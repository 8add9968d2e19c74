// Family: what the end of a task, or of a claim, means for others: the next of its ordering key,
// the tasks that run after it, its parent and its children (R7, R8).
//
// One task may be waited for by any number of others: what an entry may not tell them goes on with
// the next one (R21), in the order in which it happened.
#pragma once

#include "center/core/task_facts.h"
#include "center/core/work.h"

namespace baton::center {

// ---- a task ends, or comes back ----

// The task has ended, and is in no index any more. `facts`: of before.
void told_end(Work& work, TaskId task, const TaskFacts& facts, TaskState state);
// A dead task is to run again: who counted it as failed waits for it again.
void told_redrive(Work& work, TaskId task, const TaskFacts& facts);
// These offsets name no task that could ever be done.
void told_void(Work& work, TaskId first, std::uint64_t count);
// The same of all that waits for an offset of the shard not below `from`, within the budget; true
// when all was told.
bool told_lost(Work& work, ShardId shard, Offset& from);

// What waits to be told, within the budget.
void continue_telling(Work& work);

// ---- a task begins ----

// Counts the new task with its parent and with those that it runs after.
void join_family(Work& work, TaskId task, const TaskOptions& options, OptionsRow& row);
// Some of what the new task is to run after have failed already.
void tell_failed(Work& work, TaskId task, const TaskOptions& options);
// The new child comes with the completion of its parent, and has this idempotency key.
void keep_key(Work& work, TaskId child, TaskId parent, const Uuid& key, std::uint64_t content_hash);

// ---- decisions ----

// An operator decided that the failed ones of what the task waits for count as finished. Noted also
// when it goes on waiting.
void ignore_failed(Work& work, TaskId task, const TaskFacts& facts);
// The task runs after nothing any more.
void forget_dependencies(Work& work, TaskId task, const TaskFacts& facts);

// ---- parents and children ----

// The claim that spawned children to come with its completion has ended.
void end_spawning(Work& work, TaskId parent, Token token, bool acked);
// What the failure of a child means for the parent. REQUIRES: it has, or had, children.
FailurePolicy policy_of_parent(const Tables& tables, TaskId parent, const TaskFacts& facts);
// A parent whose own work is done ends when its children have, or as its policy says.
void judge_parent(Work& work, TaskId parent);

}  // namespace baton::center
