#include <optional>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

// None: it was to be ready at once.
std::optional<Duration> earliest_of(const LifeTasks& tasks, const LifeTask& task) {
  if (task.wish == nullptr) return std::nullopt;
  const TaskOptions& options = task.wish->options;
  const Duration spread = tasks.book.calendar_spread();
  if (options.not_before.ms != 0) return tasks.book.time_of(options.not_before) - spread;
  // It counts from when a manager took it, which was not before it was asked for.
  if (options.delay > Millis(0)) return task.asked_at + options.delay - spread;
  return std::nullopt;
}

}  // namespace

std::vector<Violation> check_delays(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const auto& [id, task] : tasks.tasks) {
    const std::optional<Duration> earliest = earliest_of(tasks, task);
    if (!earliest) continue;
    for (const LifeClaim& claim : task.claims) {
      if (claim.time >= *earliest || task.was_acted(TaskAction::kRedrive, claim.at)) continue;
      const auto early = std::chrono::duration_cast<Millis>(*earliest - claim.time);
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
