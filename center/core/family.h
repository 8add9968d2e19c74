// Family: what the end of a task, or of a claim, means for others: the next of its ordering key,
// the tasks that run after it, its parent and its children (R7, R8).
//
// One task may be waited for by any number of others: what an entry may not tell them goes on with
// the next one (R21).
#pragma once

#include "center/core/task_facts.h"
#include "center/core/work.h"

namespace baton::center {

// The task has ended, and is in no index any more. `dead`: it may come back.
void told_end(Work& work, TaskId task, const TaskFacts& facts, TaskState state);
// A dead task is to run again: who counted it as failed waits for it again. False: somebody has
// gone on without it.
void told_redrive(Work& work, TaskId task, const TaskFacts& facts);

// The claim that spawned children to come with its completion has ended.
void end_spawning(Work& work, TaskId parent, Token token, bool acked);
// A parent whose own work is done ends when its children have, or as its policy says.
void judge_parent(Work& work, TaskId parent);

// Takes the ordering key from its holder; the next in line goes on.
void release_key(Work& work, std::uint32_t order_key, TaskId holder);
// Gives the task the key, or a place in its line. True: it holds the key.
bool enter_key(Work& work, std::uint32_t order_key, TaskId task);

// What waits to be told, within the budget.
void continue_telling(Work& work);

// An operator decided that the failed ones of what the task waits for count as finished.
void ignore_failed(Work& work, TaskId task, const TaskFacts& facts);

// Some of what the new task is to run after have failed already.
void tell_failed(Work& work, TaskId task, const TaskOptions& options);
// Counts the new task with its parent and with those that it runs after.
void join_family(Work& work, TaskId task, const TaskOptions& options, OptionsRow& row);

}  // namespace baton::center
