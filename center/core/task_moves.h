// Task moves: the only code that changes the state of a task.
//
// Each move keeps pages, rows, ready sets, counts, deadlines and the session's claims in step and
// notes its transition. Which moves exist is the table of states in docs/rules.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "center/core/work.h"

namespace baton::center {

// New tasks at the end of the shard become ready, or void or quarantined from the start.
void create_ready(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                  std::uint32_t priority, WallTime created);
void create_void(Work& work, Shard& shard, std::uint64_t count, WallTime created, Cause cause);
void create_quarantined(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                        std::uint32_t priority, WallTime created);

// ready -> claimed, by the session's line. Returns the claim's row. REQUIRES: the task is ready.
std::uint32_t claim(Work& work, TaskId task, std::uint32_t session, std::uint32_t line);

// claimed -> done. The row stays when there is a result.
void complete(Work& work, std::uint32_t row, const ResultPlace& result);

// claimed -> ready, or quarantined when its payload is known to be gone. Whether the attempt counts
// is told apart from the cause: a handler may give back what it never began.
enum class Attempt : std::uint8_t { kCounts, kTakenBack };
void return_claim(Work& work, std::uint32_t row, Cause cause, Attempt attempt);

// claimed -> delayed until `ready_at_ms`, or dead.
void delay_claim(Work& work, std::uint32_t row, std::int64_t ready_at_ms);
void kill_claim(Work& work, std::uint32_t row);

// delayed -> ready (or quarantined, as above).
void end_backoff(Work& work, std::uint32_t row);

// The claim lasts for `lease` from now on, if it does not last longer anyway (R15).
void extend_claim(Work& work, std::uint32_t row, Millis lease);
// The same by heartbeat: for the lease of its row, and never past the attempt timeout (R14).
void renew_claim(Work& work, std::uint32_t row);

// claimed -> quarantined.
void quarantine_claim(Work& work, std::uint32_t row, std::string_view reason);
// ready or delayed -> quarantined; a claimed task when it comes back. Finished ones are left alone.
void quarantine(Work& work, TaskId task, Cause cause, std::string_view reason);

// Quarantines the waiting tasks of [from, shard's end), which a sealed shard lacks, as many as the
// entry may touch. Returns where it stopped: the shard's end when all are done.
Offset quarantine_missing(Work& work, Shard& shard, Offset from);

// The row of a done task goes; the task stays finished.
void forget_done(Work& work, std::uint32_t row);

// Appends a transition.
void note(Work& work, TaskId task, TaskState from, TaskState to, Cause cause, Token token = {},
          SessionId session = {}, std::uint32_t count = 1);

}  // namespace baton::center
