#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

// It was ready, delayed or blocked: somebody must have decided about it, or its parent's claim have
// ended, to make it so only later.
bool waited_all_along(const LifeTasks& tasks, const LifeTask& task, Token until) {
  return !task.wish->options.parent && !task.was_acted_on() && tasks.is_untouched(task, until);
}

}  // namespace

std::vector<Violation> check_purges(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const QueueNote& purge : tasks.book.changes()) {
    if (purge.kind != QueueNote::Kind::kPurge || !purge.ok) continue;
    const Token later = tasks.granted_after(purge.end);
    for (const auto& [id, task] : tasks.tasks) {
      if (task.wish == nullptr || task.wish->queue != purge.queue || task.claims.empty()) continue;
      const Token granted = task.claims.front().token;
      if (granted < later || !tasks.was_known(task, purge.begin)) continue;
      if (!waited_all_along(tasks, task, Token(granted.value() - 1))) continue;
      found.push_back({"L12",
                       "token " + std::to_string(granted.value()) + " of task " +
                           baton::to_string(id) + " was granted after queue '" + purge.queue +
                           "', in which it waited, was purged",
                       id});
    }
  }
  return found;
}

}  // namespace baton::check
