#include <algorithm>
#include <cstdint>
#include <optional>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

// How many finished tasks the queue was ever told to keep, the fewest; none: it keeps more than there
// are in any run.
std::optional<std::uint64_t> kept_of(const LifeTasks& tasks, const std::string& queue) {
  std::optional<std::uint64_t> fewest;
  for (const QueueNote& change : tasks.book.changes()) {
    if (change.kind != QueueNote::Kind::kKeepCount || change.queue != queue) continue;
    fewest = fewest ? std::min(*fewest, change.value) : change.value;
  }
  return fewest;
}

// Certainly done before the other was.
bool was_done_before(const LifeTask& task, const LifeOperation& completion) {
  const LifeOperation* own = task.completion();
  return own != nullptr && own->end < completion.begin;
}

// Of the queue's tasks, those that may have been finished after this one: all that were ever asked
// for, but for those that certainly were before. Its own produces are among them.
std::uint64_t later_ends(const LifeTasks& tasks, const LifeTask& task,
                         const LifeOperation& completion) {
  const std::string& queue = task.wish->queue;
  std::uint64_t asked = 0;
  std::uint64_t before = 0;
  for (const Asked& produce : tasks.produces)
    asked += produce.wish != nullptr && produce.wish->queue == queue ? 1U : 0U;
  for (const auto& [id, other] : tasks.tasks) {
    const bool counted = other.wish != nullptr && other.wish->queue == queue;
    before += counted && was_done_before(other, completion) ? 1U : 0U;
  }
  return asked - before;
}

}  // namespace

std::vector<Violation> check_retention(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const LostResult& lost : tasks.book.lost_results()) {
    const LifeTask* task = tasks.find(lost.task);
    if (task == nullptr || task->wish == nullptr) continue;
    const auto kept = kept_of(tasks, task->wish->queue);
    const LifeOperation* completion = task->completion();
    const bool may_be_gone =
        kept && (completion == nullptr || later_ends(tasks, *task, *completion) > *kept);
    if (may_be_gone) continue;
    found.push_back(
        {"L19",
         "task " + baton::to_string(lost.task) +
             " was acked with a result, and that is not kept, although its queue keeps " +
             (kept ? std::to_string(*kept) + " and fewer can have ended since" : "all"),
         lost.task});
  }
  return found;
}

}  // namespace baton::check
