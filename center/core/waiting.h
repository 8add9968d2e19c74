// Waiting: the tasks that are neither claimed nor ended, and the indexes that find them: the ready
// sets of their queue, the delays, and the ends of those that may wait only for so long.
//
// A task that was never claimed is kept as small as what it asks for allows (task_value.h).
#pragma once

#include <cstdint>

#include "center/core/task_facts.h"
#include "center/core/work.h"

namespace baton::center {

// Writes where the task stands, and enters it into the indexes of its state (facts.waits()).
// REQUIRES: it is in none; with a row, that its other fields are right.
void start_waiting(Work& work, TaskId task, TaskFacts facts);
// Takes it out of the indexes. What is written of it stays until the next write.
void stop_waiting(Work& work, TaskId task, const TaskFacts& facts);

// The lease time at which the task has waited for long enough, for whatever reason; 0: never.
std::int64_t waiting_end_ms(const Tables& tables, const TaskFacts& facts);

// The task's row, made if it has none. REQUIRES: in no index.
std::uint32_t make_row(Work& work, TaskId task, const TaskFacts& facts);

// A slot of options for a task that has none yet; what was beside its value moves into it.
std::uint32_t make_options(Work& work, TaskId task, TaskFacts& facts);

// The task leaves the tables of what it asks for: options, fairness key. Its order key is given up
// by release_key().
void forget_options(Work& work, const TaskFacts& facts);

// Somebody may be waiting for these tasks, which are ready.
void offer(Work& work, QueueId queue, TaskId first, std::uint64_t count);
void offer_queue(Work& work, QueueId queue);
// The queue, or one of its fairness keys, may have claims begin again.
void reopen_queue(Work& work, QueueId queue);

void count_waiting(Work& work, Shard& shard, std::int64_t change);

}  // namespace baton::center
