#include <algorithm>
#include <map>
#include <utility>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

struct Key {
  std::string queue;
  Duration window{0};                  // for which it is remembered
  std::vector<const Asked*> answered;  // with a task
  std::vector<const Asked*> conflicts;
};

// So many produces with keys came, or may have come, to the queue behind the first that they can have
// pushed out its key.
bool may_be_pushed_out(const LifeTasks& tasks, const Key& key, const Asked& first,
                       const Asked& then) {
  const auto most = tasks.fewest(QueueNote::Kind::kKeyCount, key.queue);
  if (!most) return false;
  // Which of the two came first to the ledger nobody knows.
  const Moment until = std::max(first.end, then.end);
  const auto others = std::ranges::count_if(tasks.produces, [&](const Asked& asked) {
    return asked.wish != nullptr && asked.wish->queue == key.queue &&
           !asked.wish->options.key.empty() && asked.operation != first.operation &&
           asked.operation != then.operation && asked.begin < until && asked.end > first.begin;
  });
  return static_cast<std::uint64_t>(others) >= *most;
}

void check_key(const LifeTasks& tasks, const std::string& key, const Key& seen,
               std::vector<Violation>& found) {
  for (const Asked* asked : seen.answered) {
    const Asked& first = *seen.answered.front();
    const bool may_be_forgotten = asked->end_at - first.begin_at >= seen.window ||
                                  may_be_pushed_out(tasks, seen, first, *asked);
    if (asked->task != first.task) {
      if (may_be_forgotten) continue;
      found.push_back({"L2",
                       "key '" + key + "' names task " + baton::to_string(first.task) +
                           " and task " + baton::to_string(asked->task),
                       asked->task});
    } else if (asked->content != first.content) {
      found.push_back(
          {"L2",
           "key '" + key + "' names task " + baton::to_string(first.task) + " for two contents",
           asked->task});
    }
  }
  for (const Asked* refused : seen.conflicts) {
    if (seen.answered.empty() || refused->content != seen.answered.front()->content) continue;
    const Asked& first = *seen.answered.front();
    if (refused->end_at - first.begin_at >= seen.window) continue;
    if (may_be_pushed_out(tasks, seen, first, *refused)) continue;
    const TaskId task = first.task;
    found.push_back({"L2",
                     "key '" + key + "' of task " + baton::to_string(task) +
                         " was called a conflict for the content that it has",
                     task});
  }
}

// What was delivered of a key is the task that its answers name, or at least one and the same.
void check_delivered(const LifeTasks& tasks, std::vector<Violation>& found) {
  std::map<std::pair<std::string, std::string>, const LifeTask*> delivered;
  for (const auto& [id, task] : tasks.tasks) {
    if (task.claims.empty() || task.wish == nullptr || task.wish->options.key.empty()) continue;
    const auto [known, first] =
        delivered.try_emplace({task.wish->queue, task.wish->options.key}, &task);
    if (first) continue;
    const Duration apart = std::max(task.claims.front().time - known->second->asked_at,
                                    known->second->claims.front().time - task.asked_at);
    if (apart >= tasks.key_window(task.wish->queue)) continue;
    if (tasks.fewest(QueueNote::Kind::kKeyCount, task.wish->queue)) continue;
    found.push_back({"L2",
                     "key '" + task.wish->options.key + "' was delivered as task " +
                         baton::to_string(known->second->task) + " and as task " +
                         baton::to_string(id),
                     id});
  }
}

}  // namespace

std::vector<Violation> check_idempotency(const LifeTasks& tasks) {
  std::map<std::pair<std::string, std::string>, Key> keys;
  for (const Asked& asked : tasks.produces) {
    if (asked.wish == nullptr || asked.wish->options.key.empty()) continue;
    Key& key = keys[{asked.wish->queue, asked.wish->options.key}];
    key.queue = asked.wish->queue;
    key.window = tasks.key_window(asked.wish->queue);
    if (asked.outcome == Outcome::kOk) {
      key.answered.push_back(&asked);
    } else if (asked.wish->answer == ErrorCode::kConflict) {
      key.conflicts.push_back(&asked);
    }
  }
  std::vector<Violation> found;
  for (const auto& [name, key] : keys) check_key(tasks, name.second, key, found);
  check_delivered(tasks, found);
  return found;
}

}  // namespace baton::check
