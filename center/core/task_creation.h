// Task creation: the moves at the end of a shard, where tasks begin (task_moves.h has the rest).
#pragma once

#include <cstdint>

#include "center/core/task_facts.h"
#include "center/core/work.h"

namespace baton::center {

// Tasks that ask for nothing: ready from the start. `bytes`: of each payload.
void create_ready(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                  std::uint32_t priority, std::uint32_t bytes, WallTime created);
// One task with what it asks for. REQUIRES: its parent's claim is current, if it names one.
void create_task(Work& work, Shard& shard, QueueId queue, std::uint32_t priority,
                 const TaskOptions& options, std::uint32_t bytes, WallTime created);
void create_void(Work& work, Shard& shard, std::uint64_t count, WallTime created, Cause cause);
void create_quarantined(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                        std::uint32_t priority, WallTime created);

}  // namespace baton::center
