#include <algorithm>
#include <unordered_map>
#include <utility>

#include "common/history/checkers.h"

namespace baton::check {

std::vector<Violation> check_completion(const History& history) {
  std::vector<std::pair<TaskId, Token>> completions;
  std::unordered_map<TaskId, Token> newest;
  for (const Event& event : history.events()) {
    if (event.action == Action::kAck && event.outcome == Outcome::kOk) {
      completions.emplace_back(event.task, event.token);
    }
    if (is_claim(event.action)) {
      newest[event.task] = std::max(newest[event.task], event.token);
    }
  }
  // An echo of a completion is the same one.
  std::sort(completions.begin(), completions.end());
  completions.erase(std::unique(completions.begin(), completions.end()), completions.end());

  std::vector<Violation> found;
  for (auto at = completions.begin(); at != completions.end();) {
    const TaskId task = at->first;
    const auto end = std::find_if(at, completions.end(),
                                  [task](const auto& other) { return other.first != task; });
    if (end - at > 1) {
      found.push_back({"C3",
                       "task " + baton::to_string(task) + " was completed " +
                           std::to_string(end - at) + " times",
                       task});
    }
    // Had the newer claim been granted before the completion, the completion would have been
    // refused.
    const Token last = std::prev(end)->second;
    if (const auto claim = newest.find(task); claim != newest.end() && claim->second > last) {
      found.push_back({"C3",
                       "task " + baton::to_string(task) + " was completed with token " +
                           std::to_string(last.value()) + " and claimed again with token " +
                           std::to_string(claim->second.value()),
                       task});
    }
    at = end;
  }
  return found;
}

}  // namespace baton::check
