#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

const char* ending(TaskAction action) {
  switch (action) {
    case TaskAction::kCancel:
      return "a cancel";
    case TaskAction::kComplete:
      return "a complete";
    case TaskAction::kDiscard:
      return "a discard";
    default:
      return nullptr;  // not for good
  }
}

void check_over(const LifeTasks& tasks, const LifeTask& task, const ActNote& act,
                std::vector<Violation>& found) {
  const std::string what = std::string(ending(act.action)) + " of task " +
                           baton::to_string(task.task) + " was confirmed";
  for (const LifeOperation* proof : task.proofs()) {
    if (proof->begin < act.end) continue;
    found.push_back({"L3",
                     std::string(to_string(proof->action)) + " with token " +
                         std::to_string(proof->token.value()) + " was accepted after " + what,
                     task.task});
  }
  const Token later = tasks.granted_after(act.end);
  if (!task.claims.empty() && task.claims.back().token >= later) {
    found.push_back(
        {"L3",
         "token " + std::to_string(task.claims.back().token.value()) + " was granted after " + what,
         task.task});
  }
}

bool has_children(const LifeTasks& tasks, TaskId parent) {
  for (const Asked& asked : tasks.produces) {
    if (asked.wish != nullptr && asked.wish->options.parent == parent) return true;
  }
  return false;
}

}  // namespace

std::vector<Violation> check_acts(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const auto& [id, task] : tasks.tasks) {
    for (const ActNote& act : task.acts) {
      if (!act.ok() || ending(act.action) == nullptr) continue;
      check_over(tasks, task, act, found);
      const LifeOperation* done = task.completion();
      if (act.action != TaskAction::kCancel || done == nullptr || done->end > act.begin) continue;
      if (has_children(tasks, id)) continue;  // it waited for them
      found.push_back(
          {"L3", "task " + baton::to_string(id) + " was cancelled after it was completed", id});
    }
  }
  return found;
}

}  // namespace baton::check
