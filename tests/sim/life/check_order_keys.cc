#include <map>
#include <utility>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

using Line = std::vector<const LifeTask*>;  // the tasks of one key

// By token: a grant of the key was made while an older claim of it was current.
void check_alone(const std::string& key, const LifeTask& older, const LifeTask& newer,
                 std::vector<Violation>& found) {
  for (const LifeOperation* proof : older.proofs()) {
    for (const LifeClaim& claim : newer.claims) {
      if (claim.token <= proof->token || claim.at > proof->begin) continue;
      found.push_back(
          {"L1",
           "tasks " + baton::to_string(older.task) + " and " + baton::to_string(newer.task) +
               " of ordering key '" + key + "' were claimed at the same time, with tokens " +
               std::to_string(proof->token.value()) + " and " + std::to_string(claim.token.value()),
           older.task});
      return;
    }
  }
}

// The ledger knew of the first when the second was asked for. That is so of whatever names a key, and
// what is confirmed before; in an ordered queue only where its manager can have confirmed nothing else.
bool was_first(const LifeTasks& tasks, const LifeTask& first, const LifeTask& second) {
  if (first.confirmed > second.asked) return false;
  if (tasks.was_known(first, second.asked)) return true;
  return tasks.had_heard(first.task.shard(), tasks.ordered_since(first.wish->queue), first.asked);
}

void check_turn(const LifeTasks& tasks, const std::string& key, const LifeTask& first,
                const LifeTask& second, std::vector<Violation>& found) {
  if (first.claims.empty() || second.claims.empty()) return;
  const LifeClaim& last = first.claims.back();
  const LifeClaim& begun = second.claims.front();
  if (last.token < begun.token || first.was_acted(TaskAction::kRedrive, last.at)) return;
  if (!was_first(tasks, first, second)) return;
  found.push_back({"L1",
                   "task " + baton::to_string(second.task) + " of ordering key '" + key +
                       "' was claimed with token " + std::to_string(begun.token.value()) +
                       " before task " + baton::to_string(first.task) +
                       ", which came first and got " + std::to_string(last.token.value()),
                   second.task});
}

// It enters the line when it is born, not when it is confirmed.
bool enters_late(const LifeTask& task) { return task.wish->options.with_completion; }

}  // namespace

std::vector<Violation> check_order_keys(const LifeTasks& tasks) {
  std::map<std::pair<std::string, std::string>, Line> lines;
  for (const auto& [id, task] : tasks.tasks) {
    if (const std::string* key = tasks.order_key(task); key != nullptr)
      lines[{task.wish->queue, *key}].push_back(&task);
  }
  std::vector<Violation> found;
  for (const auto& [name, line] : lines) {
    for (const LifeTask* one : line) {
      for (const LifeTask* other : line) {
        if (one == other) continue;
        check_alone(name.second, *one, *other, found);
        if (enters_late(*one) || enters_late(*other)) continue;
        check_turn(tasks, name.second, *one, *other, found);
      }
    }
  }
  return found;
}

}  // namespace baton::check
