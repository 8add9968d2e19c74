#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

// Why it is no end that the task can have had when it was told; empty: it is one.
std::string no_end(const LifeTasks& tasks, const LifeTask& task, const ToldEnd& told) {
  switch (told.state) {
    case FinalState::kDone:
      if (task.maybe_acked(told.at) || tasks.explains(task.task, FinalState::kDone)) return "";
      return "although nobody had acked it";
    case FinalState::kCancelled:
      return tasks.explains(task.task, told.state) ? "" : "although nothing cancelled it";
    case FinalState::kDead:
    case FinalState::kQuarantined:
      return "";
    case FinalState::kOther:  // void
      return tasks.explains(task.task, told.state) ? "" : "although somebody works on it";
    default:
      return "which is no end";
  }
}

// What shows that it had not ended, or not so; empty: nothing.
std::string not_over(const LifeTasks& tasks, const LifeTask& task, const ToldEnd& told) {
  const bool may_go_on = told.state == FinalState::kDead && task.was_acted(TaskAction::kRedrive);
  if (may_go_on) return "";
  for (const LifeOperation* proof : task.proofs()) {
    if (proof->begin > told.at)
      return std::string(to_string(proof->action)) + " was accepted after that";
  }
  if (!task.claims.empty() && task.claims.back().token >= tasks.granted_after(told.at))
    return "token " + std::to_string(task.claims.back().token.value()) + " was granted after that";
  for (const LifeLook& look : task.looks) {
    if (look.begin < told.at || look.state == told.state) continue;
    // What is finished and has no row looks so, however it ended.
    if (look.state == FinalState::kDone && tasks.explains(task.task, FinalState::kDone)) continue;
    if (told.state == FinalState::kDead && task.was_acted_on()) continue;
    return "it was " + std::string(to_string(look.state)) + " after that";
  }
  return "";
}

}  // namespace

std::vector<Violation> check_told_ends(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const ToldEnd& told : tasks.book.told_ends()) {
    const LifeTask* task = tasks.find(told.task);
    if (task == nullptr) continue;
    std::string why = no_end(tasks, *task, told);
    if (why.empty()) why = not_over(tasks, *task, told);
    if (why.empty()) continue;
    found.push_back({"L14",
                     "somebody who waited for task " + baton::to_string(told.task) +
                         " was told that it is " + std::string(to_string(told.state)) + "; " + why,
                     told.task});
  }
  return found;
}

}  // namespace baton::check
