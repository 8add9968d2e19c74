// TaskWaits: questions that are answered when a task has ended.
//
// Found by task, so that an entry costs no more than its own transitions however many wait.
// Bounded: one more is refused.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proto/center.pb.h"

#include "common/base/ids.h"
#include "common/base/time.h"

namespace baton::center {

// A question about one task, and whom to tell.
struct TaskQuestion {
  v1::Query query;
  TaskId task;
  MonoTime since;
  MonoTime deadline;
  std::function<void(const v1::ChannelAnswer&)> reply;
};

class TaskWaits {
 public:
  static constexpr std::size_t kMax = 65'536;

  [[nodiscard]] bool empty() const { return by_task_.empty(); }
  [[nodiscard]] bool full() const { return by_task_.size() >= kMax; }
  // REQUIRES: not full.
  void add(TaskQuestion question);
  // Those about this task, or those whose time is over by now; they wait no more.
  std::vector<TaskQuestion> take(TaskId task);
  std::vector<TaskQuestion> take_expired(MonoTime now);
  // REQUIRES: not empty.
  [[nodiscard]] MonoTime next_deadline() const { return by_deadline_.begin()->first; }
  void clear();

 private:
  using Key = std::pair<TaskId, std::uint64_t>;

  std::map<Key, TaskQuestion> by_task_;
  std::set<std::pair<MonoTime, Key>> by_deadline_;
  std::uint64_t last_ = 0;
};

}  // namespace baton::center
