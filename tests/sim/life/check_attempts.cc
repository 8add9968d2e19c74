#include "tests/sim/life/life_checkers.h"

namespace baton::check {

std::vector<Violation> check_attempts(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const TimedOut& attempt : tasks.book.timed_out()) {
    const LifeTask* task = tasks.find(attempt.task);
    // A copy has the timeout of the other.
    if (task == nullptr || task->wish == nullptr || task->wish->options.retry_of) continue;
    const Millis timeout = task->wish->options.attempt_timeout;
    if (timeout != Millis(0) && attempt.lasted >= timeout) continue;
    found.push_back(
        {"L18",
         "the attempt with token " + std::to_string(attempt.token.value()) + " of task " +
             baton::to_string(attempt.task) + " was timed out after " +
             std::to_string(attempt.lasted.count()) + " ms, " +
             (timeout == Millis(0) ? "and it has no timeout"
                                   : "before its " + std::to_string(timeout.count()) + " ms"),
         attempt.task});
  }
  return found;
}

}  // namespace baton::check
