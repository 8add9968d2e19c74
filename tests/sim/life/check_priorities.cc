#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

using Kind = QueueNote::Kind;

// While a queue lets no priority give way.
struct Strict {
  const std::string& queue;
  Token from;
  Moment until = 0;
};

// Nothing stood between it and a grant but its turn.
std::vector<const LifeTask*> those_in_turn(const LifeTasks& tasks, const std::string& queue) {
  std::vector<const LifeTask*> waiting;
  for (const auto& [id, task] : tasks.tasks) {
    if (!task.is_plain() || task.wish->queue != queue) continue;
    if (!task.claims.empty() && !task.was_acted_on()) waiting.push_back(&task);
  }
  return waiting;
}

// Whoever got the other could have had this one.
bool was_in_reach(const LifeTasks& tasks, const LifeTask& task, const LifeClaim& other) {
  if (tasks.known_with(task) > other.token) return false;
  return task.task.shard() == other.task.shard() || tasks.book.shards_stayed();
}

const LifeTask* passed_by(const LifeTasks& tasks, const std::vector<const LifeTask*>& waiting,
                          const LifeTask& granted, const LifeClaim& claim) {
  for (const LifeTask* task : waiting) {
    if (task->wish->options.priority <= granted.wish->options.priority) continue;
    if (was_in_reach(tasks, *task, claim) && tasks.is_untouched(*task, claim.token)) return task;
  }
  return nullptr;
}

void check_strict(const LifeTasks& tasks, const Strict& strict, std::vector<Violation>& found) {
  const std::vector<const LifeTask*> waiting = those_in_turn(tasks, strict.queue);
  for (const auto& [id, task] : tasks.tasks) {
    // A copy has the priority of the other.
    if (task.wish == nullptr || task.wish->queue != strict.queue || task.wish->options.retry_of)
      continue;
    for (const LifeClaim& claim : task.claims) {
      if (claim.token < strict.from || claim.at > strict.until) continue;
      if (tasks.book.was_picked(claim.token)) continue;
      const LifeTask* better = passed_by(tasks, waiting, task, claim);
      if (better == nullptr) continue;
      found.push_back(
          {"L10",
           "token " + std::to_string(claim.token.value()) + " of task " + baton::to_string(id) +
               " of priority " + std::to_string(task.wish->options.priority) +
               " was granted while task " + baton::to_string(better->task) + " of priority " +
               std::to_string(better->wish->options.priority) + " waited",
           id});
    }
  }
}

}  // namespace

std::vector<Violation> check_priorities(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const QueueNote& change : tasks.book.changes()) {
    if (change.kind != Kind::kAgeing || !change.ok || change.value != 0) continue;
    // One key for all leaves no choice.
    if (tasks.was_ever(Kind::kOrdered, change.queue)) continue;
    const Moment until = tasks.holds_until(change);
    check_strict(tasks, {change.queue, tasks.granted_after(change.end), until}, found);
  }
  return found;
}

}  // namespace baton::check
