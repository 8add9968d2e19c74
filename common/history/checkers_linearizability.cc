#include <span>

#include "common/history/checkers.h"
#include "common/history/task_search.h"

namespace baton::check {

Linearizability check_linearizability(const History& history, LinearizabilityOptions options) {
  constexpr std::size_t kEventsPerSlice = std::size_t{8} << 20;
  const TaskRules rules{options.lease_share, options.max_attempts, options.outside};
  Linearizability result;
  const std::uint64_t slices = 1 + history.events().size() / kEventsPerSlice;
  for (std::uint64_t slice = 0; slice < slices; ++slice) {
    const std::vector<Step> steps = collect_steps(history, slice, slices, !options.outside);
    for (std::size_t first = 0; first < steps.size();) {
      std::size_t last = first;
      while (last < steps.size() && steps[last].task == steps[first].task) ++last;
      const auto of_task = std::span(steps).subspan(first, last - first);
      const SearchResult found = search_order(of_task, rules, options.budget);
      ++result.tasks;
      result.steps += of_task.size();
      const TaskId task = of_task.front().task;
      if (found.verdict == SearchResult::Verdict::kUndecided) ++result.undecided;
      if (found.verdict == SearchResult::Verdict::kContradiction) {
        result.violations.push_back({"C5",
                                     "no order of its events makes task " + baton::to_string(task) +
                                         " one task: " + found.why,
                                     task});
      }
      first = last;
    }
  }
  return result;
}

}  // namespace baton::check
