// Task moves: the only code that changes the state of a task.
//
// Each move keeps pages, rows, indexes, counts, deadlines and the session's claims in step and
// notes its transition. Which moves exist is the table of states in docs/rules.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "center/core/task_facts.h"
#include "center/core/work.h"

namespace baton::center {

// ---- at the end of a shard ----

// Tasks that ask for nothing: ready from the start. `bytes`: of each payload.
void create_ready(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                  std::uint32_t priority, std::uint32_t bytes, WallTime created);
// One task with what it asks for. REQUIRES: its parent's claim is current, if it names one.
void create_task(Work& work, Shard& shard, QueueId queue, std::uint32_t priority,
                 const TaskOptions& options, std::uint32_t bytes, WallTime created);
// pending -> void.
void make_void(Work& work, TaskId task, const TaskFacts& facts, Cause cause);
void create_void(Work& work, Shard& shard, std::uint64_t count, WallTime created, Cause cause);
void create_quarantined(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                        std::uint32_t priority, WallTime created);

// ---- claims ----

// ready -> claimed, by the session's line. Returns the claim's row. REQUIRES: the task is ready.
std::uint32_t claim(Work& work, TaskId task, std::uint32_t session, std::uint32_t line);

// claimed -> done; or blocked while it has children that have not ended.
void complete(Work& work, std::uint32_t row, const ResultPlace& result, FailurePolicy policy);

// claimed -> ready, or quarantined when its payload is known to be gone. Whether the attempt counts
// is told apart from the cause: a handler may give back what it never began.
enum class Attempt : std::uint8_t { kCounts, kTakenBack };
void return_claim(Work& work, std::uint32_t row, Cause cause, Attempt attempt);

// The attempt was cut off: claimed -> ready, held or dead, as its queue wants it.
void expire_claim(Work& work, std::uint32_t row);

// claimed -> delayed until `ready_at_ms` (lease time), or dead.
void delay_claim(Work& work, std::uint32_t row, std::int64_t ready_at_ms);
void kill_claim(Work& work, std::uint32_t row, Cause cause);

// The claim lasts for `lease` from now on, if it does not last longer anyway (R15).
void extend_claim(Work& work, std::uint32_t row, Millis lease);
// The same by heartbeat: for the lease of its row, and never past the attempt timeout (R14).
void renew_claim(Work& work, std::uint32_t row);

// claimed -> quarantined.
void quarantine_claim(Work& work, std::uint32_t row, std::string_view reason);

// ---- tasks that wait ----

// Ready once nothing keeps it from it: its ordering key, what it runs after, its not_before.
// REQUIRES: blocked, pending or delayed by its not_before.
void unblock(Work& work, TaskId task, const TaskFacts& facts, Cause cause);
// delayed -> ready (or quarantined, as above): its backoff is over.
void end_backoff(Work& work, std::uint32_t row);
// ready or delayed -> quarantined; a claimed task when it comes back. Ended ones are left alone.
void quarantine(Work& work, TaskId task, Cause cause, std::string_view reason);
// Quarantines the waiting tasks of [from, shard's end), which a sealed shard lacks, as many as the
// entry may touch. Returns where it stopped: the shard's end when all are done.
Offset quarantine_missing(Work& work, Shard& shard, Offset from);

// ---- ends, by whom it may be ----

// Waiting, held, blocked or claimed -> cancelled. A claim's session hears of it.
void cancel(Work& work, TaskId task, const TaskFacts& facts, Cause cause, std::string_view reason);
// The same of a waiting task of which nothing is to be remembered.
void drop(Work& work, TaskId task, const TaskFacts& facts, Cause cause);
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
void resume(Work& work, TaskId task, const TaskFacts& facts);

// The row of a finished task goes; the task stays finished.
void forget_done(Work& work, std::uint32_t row);
// Finished rows that the queue's settings do not allow (any more) go, as far as the budget lets.
void forget_surplus(Work& work, QueueId queue);

// Appends a transition.
void note(Work& work, TaskId task, TaskState from, TaskState to, Cause cause, Token token = {},
          SessionId session = {}, std::uint32_t count = 1);

void set_reason(Work& work, TaskId task, std::string_view reason);

}  // namespace baton::center
