#include <algorithm>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

// Whoever had this claim may have given it up: there is nothing to be uncertain about.
bool was_given_up(const LifeTask& task, const LifeClaim& claim, Moment before) {
  return std::ranges::any_of(task.operations, [&](const LifeOperation& operation) {
    if (operation.action != Action::kNack && operation.action != Action::kRelease) return false;
    return operation.token == claim.token && operation.outcome != Outcome::kFail &&
           operation.begin < before;
  });
}

// Somebody may have decided, and not before the claim was granted, that the task goes on.
bool was_decided(const LifeTasks& tasks, const LifeTask& task, const LifeClaim& claim,
                 Moment before) {
  return std::ranges::any_of(task.acts, [&](const ActNote& act) {
    if (act.action != TaskAction::kResume && act.action != TaskAction::kRedrive) return false;
    if (act.begin >= before) return false;
    if (!act.code) return true;
    return act.ok() && claim.token < tasks.granted_after(act.end);
  });
}

void check_held(const LifeTasks& tasks, const LifeTask& task, const QueueNote& hold, Token from,
                Moment until, std::vector<Violation>& found) {
  for (std::size_t i = 1; i < task.claims.size(); i++) {
    const LifeClaim& first = task.claims[i - 1];
    const LifeClaim& second = task.claims[i];
    // So that what became of the first did so while the queue held.
    if (first.token < from || second.at > until || first.token == second.token) continue;
    if (was_given_up(task, first, second.at) || was_decided(tasks, task, first, second.at))
      continue;
    found.push_back({"L16",
                     "task " + baton::to_string(task.task) + " was delivered with token " +
                         std::to_string(first.token.value()) + " and again with " +
                         std::to_string(second.token.value()) + ", although queue '" + hold.queue +
                         "' holds what is uncertain: nobody gave it up or let it go on",
                     task.task});
    return;
  }
}

}  // namespace

std::vector<Violation> check_holds(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const QueueNote& hold : tasks.book.changes()) {
    if (hold.kind != QueueNote::Kind::kHold || !hold.ok || hold.value == 0) continue;
    const Token from = tasks.granted_after(hold.end);
    const Moment until = tasks.holds_until(hold);
    for (const auto& [id, task] : tasks.tasks) {
      if (task.wish != nullptr && task.wish->queue == hold.queue)
        check_held(tasks, task, hold, from, until, found);
    }
  }
  return found;
}

}  // namespace baton::check
