#include <algorithm>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

// From when the pause was confirmed until something may have ended it; empty where an older resume
// of the queue may still have come behind it. Another pause that ends by itself ends this one, too.
struct Rest {
  Moment begin = 0;
  Moment end = 0;
};

Rest rest_after(const LifeTasks& tasks, const QueueNote& pause) {
  Rest rest{pause.end, kNever};
  for (const QueueNote& change : tasks.book.changes()) {
    const bool is_other_until = change.until > Duration(0) && &change != &pause;
    if (change.kind != QueueNote::Kind::kResume && !is_other_until) continue;
    if (change.queue != pause.queue) continue;
    if (change.begin < pause.end && (!change.ok || change.end > pause.begin)) return {};
    if (change.begin >= pause.end) rest.end = std::min(rest.end, change.begin);
  }
  return rest;
}

}  // namespace

std::vector<Violation> check_pauses(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const QueueNote& pause : tasks.book.changes()) {
    if (pause.kind != QueueNote::Kind::kPause || !pause.ok) continue;
    const Rest rest = rest_after(tasks, pause);
    const Token later = tasks.granted_after(rest.begin);
    for (const auto& [id, task] : tasks.tasks) {
      if (task.wish == nullptr || task.wish->queue != pause.queue) continue;
      for (const LifeClaim& claim : task.claims) {
        if (claim.token < later || claim.at > rest.end) continue;
        if (pause.until > Duration(0) && claim.time >= pause.until) continue;
        found.push_back({"L8",
                         "token " + std::to_string(claim.token.value()) + " of task " +
                             baton::to_string(id) + " was granted while queue '" + pause.queue +
                             "' was paused",
                         id});
      }
    }
  }
  return found;
}

std::vector<Violation> check_life(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const auto check :
       {check_order_keys, check_idempotency, check_acts, check_delays, check_families, check_after,
        check_checkpoints, check_pauses, check_limits, check_priorities, check_rates, check_purges,
        check_fairness, check_told_ends, check_losses, check_holds, check_early_ends,
        check_attempts, check_retention}) {
    const std::vector<Violation> more = check(tasks);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

}  // namespace baton::check
