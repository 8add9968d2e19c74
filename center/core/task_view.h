// TaskView of one task, from wherever the tables keep what is known of it.
#pragma once

#include "center/core/task_facts.h"

namespace baton::center {

// REQUIRES: below its shard's created_hi.
TaskView task_view(const Tables& tables, TaskId task);

// The state that everybody sees: the flag of a removed shard counts too.
// REQUIRES: as above.
TaskState state_of(const Tables& tables, TaskId task);
TaskState seen_state(const Tables& tables, TaskId task, const TaskFacts& facts);

// What a manager is told of a claim. REQUIRES: the row is claimed by the session.
Grant grant_of(const Tables& tables, const Session& session, const TaskRow& row);

// Whether the task's payload may still be wanted. Not that of a finished one whose row is kept for
// its result, nor that of one that only waits for its children.
bool needs_payload(const Tables& tables, TaskValue value);

}  // namespace baton::center
