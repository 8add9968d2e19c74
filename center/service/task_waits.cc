#include "center/service/task_waits.h"

namespace baton::center {

void TaskWaits::add(TaskQuestion question) {
  const Key key{question.task, ++last_};
  by_deadline_.emplace(question.deadline, key);
  by_task_.emplace(key, std::move(question));
}

std::vector<TaskQuestion> TaskWaits::take(TaskId task) {
  std::vector<TaskQuestion> taken;
  auto at = by_task_.lower_bound({task, 0});
  while (at != by_task_.end() && at->first.first == task) {
    by_deadline_.erase({at->second.deadline, at->first});
    taken.push_back(std::move(at->second));
    at = by_task_.erase(at);
  }
  return taken;
}

std::vector<TaskQuestion> TaskWaits::take_expired(MonoTime now) {
  std::vector<TaskQuestion> taken;
  while (!by_deadline_.empty() && by_deadline_.begin()->first <= now) {
    const auto at = by_task_.find(by_deadline_.begin()->second);
    taken.push_back(std::move(at->second));
    by_task_.erase(at);
    by_deadline_.erase(by_deadline_.begin());
  }
  return taken;
}

void TaskWaits::clear() {
  by_task_.clear();
  by_deadline_.clear();
}

}  // namespace baton::center
