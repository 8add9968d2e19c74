// Task claims: the moves into and out of a claim (task_moves.h has the rest).
#pragma once

#include <cstdint>
#include <string_view>

#include "center/core/task_facts.h"
#include "center/core/work.h"

namespace baton::center {

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

// claimed -> delayed until `ready_at_ms` (lease time), or quarantined as above; or dead.
void delay_claim(Work& work, std::uint32_t row, std::int64_t ready_at_ms);
void kill_claim(Work& work, std::uint32_t row, Cause cause);

// The claim lasts for `lease` from now on, if it does not last longer anyway (R15).
void extend_claim(Work& work, std::uint32_t row, Millis lease);
// The same by heartbeat: for the lease of its row, and never past the attempt timeout (R14).
void renew_claim(Work& work, std::uint32_t row);

// claimed -> quarantined.
void quarantine_claim(Work& work, std::uint32_t row, std::string_view reason);

// claimed -> cancelled. Its session hears of it.
void cancel_claim(Work& work, std::uint32_t row, Cause cause, std::string_view reason);

}  // namespace baton::center
