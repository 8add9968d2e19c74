#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

// Why the claim came too early for this one of those it runs after; empty: it did not.
std::string too_early(const LifeTasks& tasks, const LifeTask& task, const LifeTask& first) {
  const LifeClaim& claim = task.claims.front();
  for (const LifeOperation* proof : first.proofs()) {
    if (proof->begin < claim.at || first.was_acted(TaskAction::kRedrive, proof->begin)) continue;
    return "was still claimed";
  }
  if (task.wish->options.on_failed == FailurePolicy::kIgnore) return "";
  if (first.maybe_acked(claim.at) || first.was_acted(TaskAction::kComplete, claim.at)) return "";
  // What was cancelled so, or is void, is forgotten, and counts as done.
  if (tasks.explains(first.task, FinalState::kDone)) return "";
  return "had not ended well";
}

}  // namespace

std::vector<Violation> check_after(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const auto& [id, task] : tasks.tasks) {
    if (task.wish == nullptr || task.claims.empty()) continue;
    // Somebody said that it need not wait; what was dead and is redriven does not wait again.
    if (task.was_acted(TaskAction::kResume) || task.was_acted(TaskAction::kRedrive)) continue;
    for (const TaskId before : task.wish->options.after) {
      const LifeTask* first = tasks.find(before);
      const std::string why = first == nullptr ? "" : too_early(tasks, task, *first);
      if (why.empty()) continue;
      found.push_back({"L6",
                       "task " + baton::to_string(id) + " was claimed although task " +
                           baton::to_string(before) + ", after which it runs, " + why,
                       id});
    }
  }
  return found;
}

}  // namespace baton::check
