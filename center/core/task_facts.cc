#include "center/core/task_facts.h"

namespace baton::center {
namespace {

TaskFacts facts_of_row(const Tables& tables, std::uint32_t slot) {
  const TaskRow& row = tables.rows[slot];
  TaskFacts facts;
  facts.state = row.state;
  facts.queue = row.queue;
  facts.priority = row.priority;
  facts.row = slot;
  facts.options = row.options;
  facts.order_key = row.order_key;
  facts.fair_key = row.fair_key;
  if (row.state == TaskState::kDelayed) facts.ready_at_ms = row.deadline_ms;
  return facts;
}

}  // namespace

TaskFacts facts_of(const Tables& tables, TaskId task) {
  const TaskPages& pages = tables.members.shard(task.shard()).tasks;
  const Offset offset = task.offset();
  const TaskValue value = pages.get(offset);
  if (value.kind() == TaskValue::Kind::kRow) return facts_of_row(tables, value.row_slot());
  TaskFacts facts;
  if (value.finished()) {
    facts.state = TaskState::kDone;
    return facts;
  }
  facts.state = TaskState::kReady;
  facts.queue = value.queue();
  facts.priority = value.priority();
  switch (value.kind()) {
    case TaskValue::Kind::kFinished:
    case TaskValue::Kind::kRow:
    case TaskValue::Kind::kReady:
      break;
    case TaskValue::Kind::kQuarantined:
      facts.state = TaskState::kQuarantined;
      break;
    case TaskValue::Kind::kDelayed:
      facts.state = TaskState::kDelayed;
      facts.ready_at_ms = pages.time(offset, value.kind());
      break;
    case TaskValue::Kind::kMortal:
      facts.mortal_at_ms = pages.time(offset, value.kind());
      break;
    case TaskValue::Kind::kQueued:
      facts.state = TaskState::kBlocked;
      facts.order_key = pages.extra(offset);
      break;
    case TaskValue::Kind::kOrdered:
      facts.order_key = pages.extra(offset);
      break;
    case TaskValue::Kind::kFair:
      facts.fair_key = pages.extra(offset);
      break;
    case TaskValue::Kind::kOptions: {
      facts.options = pages.extra(offset);
      const OptionsRow& options = tables.task_options[facts.options];
      facts.state = options.state;
      facts.order_key = options.order_key;
      facts.fair_key = options.fair_key;
      facts.ready_at_ms = options.not_before_ms;
      break;
    }
  }
  return facts;
}

bool is_lost(const Tables& tables, TaskId task, const TaskFacts& facts) {
  return (facts.waits() || facts.state == TaskState::kHeld) && !is_acked(tables, facts) &&
         tables.members.shard(task.shard()).removed;
}

}  // namespace baton::center
