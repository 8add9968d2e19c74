// TaskState: where a task stands, as everybody sees it. docs/glossary.md has the picture.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/status.h"

namespace baton::client {

enum class TaskState : std::uint8_t {
  kNone = 0,
  kDelayed = 1,
  kReady = 2,
  kClaimed = 3,
  kDone = 4,
  kDead = 5,
  kCancelled = 6,
  kQuarantined = 7,
  kHeld = 8,
  kBlocked = 9,
  kPending = 10,
  kVoid = 11,
};

// "ready", "claimed", ...
std::string_view to_string(TaskState state);
// invalid_argument names the states there are.
Result<TaskState> parse_task_state(std::string_view text);
// kNone for a number that this build does not know.
TaskState task_state_from_wire(int number);

}  // namespace baton::client
