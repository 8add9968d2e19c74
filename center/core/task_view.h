// TaskView of one task, from wherever the tables keep what is known of it.
#pragma once

#include "center/core/tables.h"

namespace baton::center {

// REQUIRES: below its shard's created_hi.
TaskView task_view(const Tables& tables, TaskId task);

// The state that everybody sees: the flag of a removed shard counts too.
TaskState state_of(const Tables& tables, const Shard& shard, TaskValue value);
// None for a finished task without a row.
QueueId queue_of(const Tables& tables, TaskValue value);

// A finished task whose row is kept for its result: its own payload is not needed any more.
bool is_done(const Tables& tables, TaskValue value);

}  // namespace baton::center
