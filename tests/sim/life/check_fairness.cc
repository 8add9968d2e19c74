#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

using Kind = QueueNote::Kind;

// The weights that were stated for each fairness key, by queue and key. The last counts, so that only of
// a key with one weight can anything be said. Tasks without a key have 1.
using Weights = std::map<std::pair<std::string, std::string>, std::set<std::uint32_t>>;

std::uint32_t weight_of(const TaskOptions& options) {
  return options.fair_key.empty() ? 1 : std::max<std::uint32_t>(1, options.fair_weight);
}

Weights all_weights(const LifeTasks& tasks) {
  Weights weights;
  for (const Asked& asked : tasks.produces) {
    if (asked.wish == nullptr) continue;
    const TaskOptions& options = asked.wish->options;
    weights[{asked.wish->queue, options.fair_key}].insert(weight_of(options));
  }
  return weights;
}

// The tasks of one fairness key of one priority; of the empty key those that have none.
struct Lane {
  std::uint32_t weight = 1;
  bool has_one_weight = true;
  std::vector<const LifeTask*> tasks;
  std::vector<Token> granted;  // sorted; those that waited for their turn
};
using Level = std::map<std::string, Lane>;  // by fairness key

void add(const LifeTasks& tasks, const LifeTask& task, const Weights& weights, Level& level) {
  const TaskOptions& options = task.wish->options;
  Lane& lane = level[options.fair_key];
  lane.weight = weight_of(options);
  lane.has_one_weight = weights.at({task.wish->queue, options.fair_key}).size() == 1;
  lane.tasks.push_back(&task);
  for (const LifeClaim& claim : task.claims) {
    if (!tasks.book.was_picked(claim.token)) lane.granted.push_back(claim.token);
  }
}

bool was_picked(const LifeTasks& tasks, const LifeTask& task) {
  return std::ranges::any_of(
      task.claims, [&](const LifeClaim& claim) { return tasks.book.was_picked(claim.token); });
}

// Apart from its fairness key it waits for nothing but its turn.
bool waits_for_turn(const LifeTask& task) {
  TaskOptions options = task.wish->options;
  options.priority = kPriorityDefault;
  options.fair_key.clear();
  options.fair_weight = 0;
  return options == TaskOptions() && !task.was_acted_on();
}

std::size_t granted_between(const Lane& lane, Token after, Token before) {
  return static_cast<std::size_t>(std::ranges::lower_bound(lane.granted, before) -
                                  std::ranges::upper_bound(lane.granted, after));
}

// From when the task is known to have been in its lane, or that had its last turn, until it is
// granted itself: no other lane has more turns than its weight says and one, each of which may begin
// late by one.
void check_wait(const LifeTasks& tasks, const Level& level, const Lane& own, const LifeTask& task,
                std::vector<Violation>& found) {
  const Token granted = task.claims.front().token;
  const auto turn = std::ranges::lower_bound(own.granted, granted);
  Token from(tasks.known_with(task).value() - 1);  // that grant itself passed by it
  if (turn != own.granted.begin()) from = std::max(from, *std::prev(turn));
  if (from > granted || !tasks.is_untouched(task, Token(granted.value() - 1))) return;
  for (const auto& [key, lane] : level) {
    if (&lane == &own || !lane.has_one_weight) continue;
    const std::size_t passed = granted_between(lane, from, granted);
    if (passed <= lane.weight / own.weight + 2) continue;
    found.push_back({"L13",
                     "task " + baton::to_string(task.task) + " of fairness key '" +
                         task.wish->options.fair_key + "' of weight " + std::to_string(own.weight) +
                         " waited while " + std::to_string(passed) + " of key '" + key +
                         "' of weight " + std::to_string(lane.weight) + " were granted in a row",
                     task.task});
    return;
  }
}

}  // namespace

std::vector<Violation> check_fairness(const LifeTasks& tasks) {
  std::vector<Violation> found;
  if (!tasks.book.shards_stayed()) return found;
  std::map<std::pair<std::string, std::uint32_t>, Level> levels;  // by queue and priority
  const Weights weights = all_weights(tasks);
  // Queues in which a copy has whatever the other has, or something was granted out of turn: who comes
  // after that begins behind its lane.
  std::set<std::string> unclear;
  for (const auto& [id, task] : tasks.tasks) {
    if (task.wish == nullptr) continue;
    if (task.wish->options.retry_of || was_picked(tasks, task)) unclear.insert(task.wish->queue);
    add(tasks, task, weights, levels[{task.wish->queue, task.wish->options.priority}]);
  }
  for (auto& [place, level] : levels) {
    if (unclear.contains(place.first) || tasks.was_ever(Kind::kKeyLimit, place.first)) continue;
    if (tasks.was_ever(Kind::kOrdered, place.first)) continue;
    for (auto& [key, lane] : level) std::ranges::sort(lane.granted);
    for (const auto& [key, lane] : level) {
      for (const LifeTask* task : lane.tasks) {
        if (!lane.has_one_weight || task->claims.empty() || !waits_for_turn(*task)) continue;
        check_wait(tasks, level, lane, *task, found);
      }
    }
  }
  return found;
}

}  // namespace baton::check
