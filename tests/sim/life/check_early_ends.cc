#include <algorithm>
#include <optional>

#include "common/base/limits.h"
#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

using Kind = QueueNote::Kind;

// The shortest that the queue ever had for tasks that state none; none: it never had one.
std::optional<Millis> shortest_of(const LifeTasks& tasks, const std::string& queue, Kind kind) {
  std::optional<Millis> shortest;
  for (const QueueNote& change : tasks.book.changes()) {
    if (change.kind != kind || change.queue != queue || change.value == 0) continue;
    const Millis time = std::chrono::seconds(change.value);
    shortest = shortest ? std::min(*shortest, time) : time;
  }
  return shortest;
}

std::optional<Millis> stated_or(Millis stated, std::optional<Millis> of_queue) {
  return stated == Millis(0) ? of_queue : std::optional(stated);
}

bool was_purged(const LifeTasks& tasks, const LifeTask& task) {
  return std::ranges::any_of(tasks.book.changes(), [&](const QueueNote& change) {
    return change.kind == Kind::kPurge && change.queue == task.wish->queue;
  });
}

// It may be dead for what a handler said, or for its children, or what it ran after; a lease is too
// long for as many attempts to be cut off as are allowed where nobody says a number.
bool may_have_failed(const LifeTasks& tasks, const LifeTask& task) {
  if (!task.wish->options.after.empty()) return true;
  if (tasks.was_ever(Kind::kLossLimit, task.wish->queue)) return true;
  return std::ranges::any_of(task.operations, [](const LifeOperation& operation) {
    const bool ends = operation.action == Action::kNack || operation.action == Action::kAck;
    return ends && operation.outcome != Outcome::kFail;
  });
}

// The shortest time that is why it ended so; none: there is none, or something else may be why.
std::optional<Millis> time_of_end(const LifeTasks& tasks, const LifeTask& task, FinalState state) {
  const TaskOptions& options = task.wish->options;
  const std::string& queue = task.wish->queue;
  if (state == FinalState::kCancelled && !was_purged(tasks, task))
    return stated_or(options.time_to_live, shortest_of(tasks, queue, Kind::kTimeToLive));
  if (state != FinalState::kDead || may_have_failed(tasks, task)) return std::nullopt;
  const auto total =
      stated_or(options.total_timeout, shortest_of(tasks, queue, Kind::kTotalTimeout));
  const auto wait = stated_or(options.wait_timeout, std::nullopt);
  return total && wait ? std::min(total, wait) : total ? total : wait;
}

void check_end(const LifeTasks& tasks, const LifeTask& task, FinalState state, Duration seen,
               std::vector<Violation>& found) {
  const std::optional<Millis> time = time_of_end(tasks, task, state);
  if (!time) return;
  const Duration was_there = seen - task.asked_at;
  // The center's own clock may be fast by a twentieth.
  if (was_there + kTickCap >= Duration(*time) * 100 / 106) return;
  found.push_back(
      {"L17",
       "task " + baton::to_string(task.task) + " was seen " + std::string(to_string(state)) + ' ' +
           std::to_string(std::chrono::duration_cast<Millis>(was_there).count()) +
           " ms after it was asked for, although it had " + std::to_string(time->count()) + " ms",
       task.task});
}

// Whether it has its times for itself: a copy has those of the other, a child ends with its parent.
bool is_its_own(const LifeTask& task) {
  return task.wish != nullptr && !task.wish->options.retry_of && !task.wish->options.parent &&
         !task.was_acted_on();
}

}  // namespace

std::vector<Violation> check_early_ends(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const auto& [id, task] : tasks.tasks) {
    if (!is_its_own(task)) continue;
    const std::size_t before = found.size();
    for (const LifeLook& look : task.looks) {
      if (found.size() == before) check_end(tasks, task, look.state, look.time, found);
    }
  }
  for (const ToldEnd& told : tasks.book.told_ends()) {
    const LifeTask* task = tasks.find(told.task);
    if (task != nullptr && is_its_own(*task)) check_end(tasks, *task, told.state, told.time, found);
  }
  return found;
}

}  // namespace baton::check
