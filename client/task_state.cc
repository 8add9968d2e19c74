#include "client/task_state.h"

#include <array>
#include <cstddef>
#include <string>

namespace baton::client {
namespace {

constexpr std::array<std::string_view, 12> kStateNames = {
    "none",      "delayed",     "ready", "claimed", "done",    "dead",
    "cancelled", "quarantined", "held",  "blocked", "pending", "void"};

}  // namespace

std::string_view to_string(TaskState state) { return kStateNames[static_cast<std::size_t>(state)]; }

Result<TaskState> parse_task_state(std::string_view text) {
  std::string all;
  for (std::size_t i = 1; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == text) return static_cast<TaskState>(i);
    all += (i > 1 ? ", " : "") + std::string(kStateNames[i]);
  }
  return Status(ErrorCode::kInvalidArgument,
                "no state is called '" + std::string(text) + "'; there are " + all);
}

TaskState task_state_from_wire(int number) {
  const bool known = number >= 0 && number < static_cast<int>(kStateNames.size());
  return known ? static_cast<TaskState>(number) : TaskState::kNone;
}

}  // namespace baton::client
