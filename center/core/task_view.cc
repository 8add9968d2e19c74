#include "center/core/task_view.h"

#include <algorithm>

namespace baton::center {
namespace {

std::string reason_of(const Tables& tables, const Shard& shard, TaskId task, TaskState state) {
  const std::string* reason = tables.reasons.find(task);
  if (reason != nullptr) return *reason;
  if (state != TaskState::kQuarantined) return {};
  return shard.removed ? "its manager was removed" : "its shard was sealed and lacks the payload";
}

void add_row(const Tables& tables, const TaskRow& row, TaskView& view) {
  const std::int64_t left = row.deadline_ms - tables.counters.lease_ms;
  view.priority = row.priority;
  view.attempt = row.attempt;
  view.failures = row.failures;
  view.expiries = row.expiries;
  view.token = row.token;
  if (row.state == TaskState::kClaimed) {
    view.session = tables.sessions[row.session].id;
    view.consumer = tables.sessions[row.session].consumer;
    view.lease_left = Millis(std::max<std::int64_t>(0, left));
  }
  if (row.state == TaskState::kDelayed) view.ready_in = Millis(std::max<std::int64_t>(0, left));
  if (row.state == TaskState::kDone) view.result = row.result();
}

}  // namespace

TaskState state_of(const Tables& tables, const Shard& shard, TaskValue value) {
  switch (value.kind()) {
    case TaskValue::Kind::kFinished:
      return TaskState::kDone;
    case TaskValue::Kind::kQuarantined:
      return TaskState::kQuarantined;
    case TaskValue::Kind::kReady:
      return shard.removed ? TaskState::kQuarantined : TaskState::kReady;
    case TaskValue::Kind::kRow:
      break;
  }
  const TaskState state = tables.rows[value.row_slot()].state;
  return shard.removed && state == TaskState::kReady ? TaskState::kQuarantined : state;
}

QueueId queue_of(const Tables& tables, TaskValue value) {
  if (value.finished()) return {};
  return value.kind() == TaskValue::Kind::kRow ? tables.rows[value.row_slot()].queue
                                               : value.queue();
}

bool is_done(const Tables& tables, TaskValue value) {
  return value.kind() == TaskValue::Kind::kRow &&
         tables.rows[value.row_slot()].state == TaskState::kDone;
}

TaskView task_view(const Tables& tables, TaskId task) {
  const Shard& shard = tables.members.shard(task.shard());
  const TaskValue value = shard.tasks.get(task.offset());
  TaskView view;
  view.task = task;
  view.state = state_of(tables, shard, value);
  if (value.finished()) return view;
  view.queue = tables.queues[queue_of(tables, value)].name;
  view.created = shard.tasks.created(task.offset());
  view.reason = reason_of(tables, shard, task, view.state);
  if (value.kind() == TaskValue::Kind::kRow) {
    add_row(tables, tables.rows[value.row_slot()], view);
  } else {
    view.priority = value.priority();
  }
  return view;
}

}  // namespace baton::center
