#include <cstdint>
#include <set>
#include <string>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

// Those that may have had children: acked, they are done when these are.
std::set<TaskId> parents_of(const LifeTasks& tasks) {
  std::set<TaskId> parents;
  for (const Asked& produce : tasks.produces) {
    if (produce.wish != nullptr && produce.wish->options.parent)
      parents.insert(produce.wish->options.parent);
  }
  return parents;
}

// Certainly done before the other was.
bool was_done_before(const LifeTask& task, const LifeOperation& completion) {
  const LifeOperation* own = task.completion();
  return own != nullptr && own->end < completion.begin;
}

// Of the queue's tasks, those that may have been finished after this one: all but those that certainly
// were before, and one for each produce that nobody was told the outcome of.
std::uint64_t later_ends(const LifeTasks& tasks, const LifeTask& task,
                         const LifeOperation& completion, const std::set<TaskId>& parents) {
  const auto is_of_queue = [&task](const Wish* wish) {
    return wish != nullptr && wish->queue == task.wish->queue;
  };
  std::uint64_t later = 0;
  for (const auto& [id, other] : tasks.tasks) {
    if (id == task.task || !is_of_queue(other.wish)) continue;
    if (parents.contains(id) || !was_done_before(other, completion)) ++later;
  }
  for (const Asked& produce : tasks.produces)
    later += is_of_queue(produce.wish) && produce.outcome == Outcome::kUnknown ? 1U : 0U;
  return later;
}

}  // namespace

std::vector<Violation> check_retention(const LifeTasks& tasks) {
  std::vector<Violation> found;
  const std::set<TaskId> parents = parents_of(tasks);
  for (const LostResult& lost : tasks.book.lost_results()) {
    const LifeTask* task = tasks.find(lost.task);
    if (task == nullptr || task->wish == nullptr) continue;
    const auto kept = tasks.fewest(QueueNote::Kind::kKeepCount, task->wish->queue);
    const LifeOperation* completion = task->completion();
    const bool may_be_gone =
        kept && (completion == nullptr || later_ends(tasks, *task, *completion, parents) >= *kept);
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
