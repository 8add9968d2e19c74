#include "tests/sim/life/life_checkers.h"

namespace baton::check {

std::vector<Violation> check_delays(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const auto& [id, task] : tasks.tasks) {
    if (task.wish == nullptr || task.wish->options.delay == Millis(0)) continue;
    // It counts from when a manager took it, which was not before it was asked for.
    const Duration earliest =
        task.asked_at + task.wish->options.delay - tasks.book.calendar_spread();
    for (const LifeClaim& claim : task.claims) {
      if (claim.time >= earliest || task.was_acted(TaskAction::kRedrive, claim.at)) continue;
      const auto early = std::chrono::duration_cast<Millis>(earliest - claim.time);
      found.push_back({"L4",
                       "task " + baton::to_string(id) + " was delivered " +
                           std::to_string(early.count()) + " ms before its time",
                       id});
      break;
    }
  }
  return found;
}

}  // namespace baton::check
