#include <algorithm>
#include <map>
#include <set>

#include "common/history/checkers.h"

namespace baton::check {

std::vector<Violation> check_completion(const History& history) {
  std::map<TaskId, std::set<Token>> completions;
  std::map<TaskId, Token> newest;
  for (const Event& event : history.events()) {
    if (event.action == Action::kAck && event.outcome == Outcome::kOk) {
      completions[event.task].insert(event.token);
    }
    if (event.action == Action::kDelivery || event.action == Action::kGrant) {
      newest[event.task] = std::max(newest[event.task], event.token);
    }
  }

  std::vector<Violation> found;
  for (const auto& [task, tokens] : completions) {
    const std::string name = "task " + baton::to_string(task);
    if (tokens.size() > 1) {
      found.push_back(
          {"C3", name + " was completed " + std::to_string(tokens.size()) + " times", task});
    }
    // Had the newer claim been granted before the completion, the completion would have been
    // refused.
    const Token last = *tokens.rbegin();
    if (newest[task] > last) {
      found.push_back({"C3",
                       name + " was completed with token " + std::to_string(last.value()) +
                           " and claimed again with token " + std::to_string(newest[task].value()),
                       task});
    }
  }
  return found;
}

}  // namespace baton::check
