#include "common/history/judge.h"

#include <algorithm>
#include <set>
#include <utility>

namespace baton::check {

std::uint64_t Judgement::count(std::string_view checker) const {
  return static_cast<std::uint64_t>(
      std::count_if(violations.begin(), violations.end(),
                    [checker](const Violation& found) { return found.checker == checker; }));
}

std::vector<std::string> Judgement::lines() const {
  std::vector<std::string> lines;
  for (const Violation& violation : violations) {
    lines.push_back(std::string(violation.checker) + " " + violation.what);
  }
  if (order.undecided > 0) {
    lines.push_back("C5 undecided for " + std::to_string(order.undecided) + " tasks of " +
                    std::to_string(order.tasks));
  }
  return lines;
}

std::string Judgement::stories(const History& history, std::size_t tasks_max) const {
  std::set<TaskId> told;
  std::string stories;
  for (const Violation& violation : violations) {
    if (told.size() == tasks_max) break;
    if (violation.task && told.insert(violation.task).second)
      stories += history.story(violation.task);
  }
  return stories;
}

Judgement judge(const History& history, JudgeOptions options) {
  Judgement judgement;
  const auto add = [&judgement](std::vector<Violation> found) {
    judgement.violations.insert(judgement.violations.end(), found.begin(), found.end());
  };
  add(check_delivery(history, {.quarantine_allowed = options.quarantine_allowed,
                               .states_asked = options.states_asked,
                               .explained = options.explained}));
  add(check_claims(history, options.redriven));
  add(check_completion(history));
  judgement.order = check_linearizability(history, options.order);
  add(judgement.order.violations);
  if (!options.twice_allowed) add(check_identity(history));
  add(check_payloads(history));
  if (options.healed) {
    add(check_liveness(history, {.dead_allowed = options.dead_allowed,
                                 .quarantine_allowed = options.quarantine_allowed,
                                 .explained = options.explained}));
  }
  add(check_resources(history));
  judgement.totals = totals(history);
  judgement.samples = history.samples().size();
  return judgement;
}

}  // namespace baton::check
