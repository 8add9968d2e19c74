#include <unordered_map>
#include <unordered_set>

#include "common/history/checkers.h"

namespace baton::check {

std::vector<Violation> check_liveness(const History& history, LivenessOptions options) {
  std::unordered_map<TaskId, FinalState> states;
  std::unordered_set<TaskId> completed;
  for (const Event& event : history.events()) {
    if (event.outcome != Outcome::kOk) continue;
    if (event.action == Action::kState) states[event.task] = event.state;
    if (event.action == Action::kAck) completed.insert(event.task);
  }
  std::vector<Violation> found;
  for (const Event& event : history.events()) {
    if (event.action != Action::kProduce || event.outcome != Outcome::kOk) continue;
    if (completed.contains(event.task)) continue;
    const auto state = states.find(event.task);
    const FinalState last = state == states.end() ? FinalState::kNotFound : state->second;
    if (last == FinalState::kDone) continue;
    if (last == FinalState::kDead && options.dead_allowed) continue;
    if (last == FinalState::kQuarantined && options.quarantine_allowed) continue;
    if (options.explained && options.explained(event.task, last)) continue;
    found.push_back({"C8",
                     "confirmed task " + baton::to_string(event.task) + " is " +
                         std::string(to_string(last)) + " although everything was healed",
                     event.task});
  }
  return found;
}

}  // namespace baton::check
