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
  if (row.state == TaskState::kDone || row.acked) view.result = row.result();
}

void add_options(const Tables& tables, const TaskFacts& facts, TaskView& view) {
  std::int64_t end = facts.mortal_at_ms;
  if (const OptionsRow* options = options_of(tables, facts); options != nullptr) {
    end = options->waiting_end_ms(facts.state);
    if (facts.state == TaskState::kClaimed) end = options->total_at_ms;
    view.not_before = WallTime{options->not_before_ms};
    view.parent = options->parent;
    view.retry_of = options->retry_of;
    view.blocked_on = options->after_open;
  }
  if (end != 0 && (facts.waits() || facts.state == TaskState::kClaimed))
    view.expires_in = Millis(std::max<std::int64_t>(1, end - tables.counters.lease_ms));
  if (facts.state == TaskState::kDelayed && facts.row == kNoSlot) {
    view.not_before = WallTime{facts.ready_at_ms};
    view.ready_in =
        Millis(std::max<std::int64_t>(0, facts.ready_at_ms - tables.counters.calendar.ms));
  }
  if (facts.order_key != kNoSlot) view.order_key = tables.order_keys[facts.order_key].name;
  if (facts.fair_key != kNoSlot) view.fair_key = tables.fair_keys[facts.fair_key].name;
}

void add_sides(const Tables& tables, TaskId task, TaskView& view) {
  if (const Checkpoint* saved = tables.checkpoints.find(task); saved != nullptr)
    view.checkpoint_bytes = saved->place.bytes;
  if (const Progress* progress = tables.progress.find(task); progress != nullptr) {
    view.percent = progress->percent;
    view.progress = progress->text;
  }
  if (const Family* family = tables.families.families.find(task); family != nullptr) {
    view.children_open = family->open + family->pending;
    view.children_failed = family->failed;
  }
}

}  // namespace

TaskState seen_state(const Tables& tables, TaskId task, const TaskFacts& facts) {
  return is_lost(tables, task, facts) ? TaskState::kQuarantined : facts.state;
}

TaskState state_of(const Tables& tables, TaskId task) {
  return seen_state(tables, task, facts_of(tables, task));
}

bool needs_payload(const Tables& tables, TaskValue value) {
  if (value.kind() != TaskValue::Kind::kRow) return true;
  const TaskRow& row = tables.rows[value.row_slot()];
  if (row.state == TaskState::kDone || row.state == TaskState::kCancelled) return row.keeps_payload;
  return true;
}

Grant grant_of(const Tables& tables, const Session& session, const TaskRow& row) {
  Grant grant;
  grant.session = session.id;
  grant.manager = session.incarnation;
  grant.conn_epoch = session.conn_epoch;
  grant.number = row.number;
  grant.line = row.line;
  grant.task = row.task;
  grant.token = row.token;
  grant.attempt = row.attempt;
  grant.lease = Millis(row.lease_ms);
  grant.expiries = row.expiries;
  if (tables.checkpoints.empty() && tables.progress.empty()) return grant;
  if (const Checkpoint* saved = tables.checkpoints.find(row.task); saved != nullptr) {
    grant.checkpoint = saved->place;
    grant.checkpoint_token = saved->token;
  }
  if (const Progress* progress = tables.progress.find(row.task); progress != nullptr) {
    grant.percent = progress->percent;
    grant.progress = progress->text;
  }
  return grant;
}

TaskView task_view(const Tables& tables, TaskId task) {
  const Shard& shard = tables.members.shard(task.shard());
  const TaskFacts facts = facts_of(tables, task);
  TaskView view;
  view.task = task;
  view.state = seen_state(tables, task, facts);
  if (!facts.queue) return view;  // finished, and nothing is kept
  view.queue = tables.queues[facts.queue].name;
  view.priority = facts.priority;
  view.created = shard.tasks.created(task.offset());
  view.payload_bytes = shard.tasks.payload_bytes(task.offset());
  view.reason = reason_of(tables, shard, task, view.state);
  view.payload_kept = needs_payload(tables, shard.tasks.get(task.offset()));
  if (facts.row != kNoSlot) add_row(tables, tables.rows[facts.row], view);
  add_options(tables, facts, view);
  add_sides(tables, task, view);
  return view;
}

}  // namespace baton::center
