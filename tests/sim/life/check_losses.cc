#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

// Attempts of the task that were cut off before this delivery.
std::uint32_t lost_before(const LifeTasks& tasks, Token token) {
  const auto known = tasks.book.expiries_handed().find(token);
  return known == tasks.book.expiries_handed().end() ? 0 : known->second;
}

void check_task(const LifeTasks& tasks, const LifeTask& task, const QueueNote& limit, Token from,
                Moment until, std::vector<Violation>& found) {
  for (std::size_t i = 1; i < task.claims.size(); i++) {
    const LifeClaim& before = task.claims[i - 1];
    const LifeClaim& claim = task.claims[i];
    // So that what was cut off last was cut off while the limit held.
    if (before.token < from || claim.at > until) continue;
    const std::uint32_t lost = lost_before(tasks, claim.token);
    if (lost < limit.value || lost == lost_before(tasks, before.token)) continue;
    found.push_back({"L15",
                     "token " + std::to_string(claim.token.value()) + " of task " +
                         baton::to_string(task.task) + " was granted after " +
                         std::to_string(lost) + " attempts were cut off, although queue '" +
                         limit.queue + "' is limited to " + std::to_string(limit.value),
                     task.task});
    return;
  }
}

}  // namespace

std::vector<Violation> check_losses(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const QueueNote& limit : tasks.book.changes()) {
    if (limit.kind != QueueNote::Kind::kLossLimit || !limit.ok) continue;
    const Token from = tasks.granted_after(limit.end);
    const Moment until = tasks.holds_until(limit);
    for (const auto& [id, task] : tasks.tasks) {
      if (task.wish == nullptr || task.wish->queue != limit.queue || task.was_acted_on()) continue;
      check_task(tasks, task, limit, from, until, found);
    }
  }
  return found;
}

}  // namespace baton::check
