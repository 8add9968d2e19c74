#include "center/core/task_ends.h"

#include "center/core/family.h"
#include "center/core/finished_rows.h"
#include "center/core/order_lines.h"
#include "center/core/task_moves.h"
#include "center/core/waiting.h"

namespace baton::center {

std::uint32_t payload_bytes(const Tables& tables, TaskId task) {
  return tables.members.shard(task.shard()).tasks.payload_bytes(task.offset());
}

void forget_reason(Tables& tables, TaskId task) {
  if (!tables.reasons.empty()) tables.reasons.erase(task);
}

namespace {

void set_value(Work& work, TaskId task, TaskValue value) {
  work.tables.members.shard(task.shard()).tasks.set(task.offset(), value);
}

// Nothing is remembered of the task but what its value says.
void remove_row(Work& work, std::uint32_t slot, TaskValue left) {
  const TaskId task = work.tables.rows[slot].task;
  set_value(work, task, left);
  work.tables.rows.remove(slot);
}

// What only a task that may run again needs.
void forget_life(Tables& tables, TaskId task) {
  if (!tables.checkpoints.empty()) tables.checkpoints.erase(task);
  if (!tables.progress.empty()) tables.progress.erase(task);
  if (!tables.families.families.empty()) tables.families.families.erase(task);
}

// The task names its keys no more. REQUIRES: those that wait for it were told.
void forget_wishes(Work& work, const TaskFacts& facts) {
  forget_options(work, facts);
  if (facts.order_key != kNoSlot) leave_key(work, facts.order_key);
}

void leave_unfinished(Work& work, TaskId task, const TaskFacts& facts) {
  work.tables.queues.edit(facts.queue).bytes -= payload_bytes(work.tables, task);
}

// Why a task that is about to become ready cannot be: its payload is gone.
Cause gone_cause(const Tables& tables, const TaskRow& row) {
  const Shard& shard = tables.members.shard(row.task.shard());
  if (shard.removed) return Cause::kRemoved;
  if (shard.is_missing(row.task.offset())) return Cause::kSealed;
  return row.damaged ? Cause::kDamaged : Cause::kCreated;  // kCreated: nothing is wrong
}

std::string_view gone_reason(Cause cause) {
  switch (cause) {
    case Cause::kRemoved:
      return "its manager was removed";
    case Cause::kSealed:
      return "its shard was sealed and lacks the payload";
    default:
      return "the payload is damaged or missing";
  }
}

bool has_outlived(const Tables& tables, const TaskFacts& facts) {
  const OptionsRow* options = options_of(tables, facts);
  return options != nullptr && options->time_to_live_at_ms != 0 &&
         options->time_to_live_at_ms <= tables.counters.lease_ms;
}

// A row that says nothing that a task which was never claimed does not is dropped.
void start_waiting_small(Work& work, TaskId task, TaskFacts facts) {
  const TaskRow& row = work.tables.rows[facts.row];
  if (row.attempt == 0 && row.failures == 0 && row.expiries == 0) {
    const OptionsRow* options = options_of(work.tables, facts);
    facts.ready_at_ms = options == nullptr ? 0 : options->not_before_ms;
    forget_reason(work.tables, task);
    remove_row(work, facts.row, TaskValue::ready(facts.queue, facts.priority));
    facts.row = kNoSlot;
  }
  start_waiting(work, task, facts);
}

}  // namespace

void end_for_good(Work& work, TaskId task, TaskFacts facts, TaskState state, Cause cause,
                  const ResultPlace& result) {
  Tables& tables = work.tables;
  leave_unfinished(work, task, facts);
  told_end(work, task, facts, state);
  forget_life(tables, task);
  Queue& queue = tables.queues.edit(facts.queue);
  ++(state == TaskState::kDone ? queue.done : queue.cancelled);
  if (keeps_row(queue.settings, cause, static_cast<bool>(result))) {
    const std::uint32_t slot = make_row(work, task, facts);
    facts = facts_of(tables, task);
    TaskRow& row = tables.rows.edit(slot);
    row.state = state;
    row.deadline_ms = work.now_ms();
    row.result_shard = result.shard;
    row.result_lsn = result.lsn;
    row.result_bytes = result.bytes;
    row.keeps_payload = queue.settings.keep == KeepFinished::kAll;
    forget_wishes(work, facts);
    row.options = row.order_key = row.fair_key = kNoSlot;
    add_finished(tables, slot);
    forget_surplus(work, facts.queue);
    return;
  }
  forget_reason(tables, task);
  if (facts.row != kNoSlot) {
    remove_row(work, facts.row, TaskValue());
  } else {
    set_value(work, task, TaskValue());
  }
  forget_wishes(work, facts);
}

void end_as_dead(Work& work, TaskId task, const TaskFacts& facts) {
  leave_unfinished(work, task, facts);
  told_end(work, task, facts, TaskState::kDead);
  const std::uint32_t slot = make_row(work, task, facts);
  work.tables.rows.edit(slot).state = TaskState::kDead;
  ++work.tables.queues.edit(facts.queue).dead;
}

void end_as_quarantined(Work& work, TaskId task, const TaskFacts& facts, std::string_view reason) {
  leave_unfinished(work, task, facts);
  told_end(work, task, facts, TaskState::kQuarantined);
  forget_life(work.tables, task);
  ++work.tables.queues.edit(facts.queue).quarantined;
  set_reason(work, task, reason);
  if (facts.row == kNoSlot) {
    set_value(work, task, TaskValue::quarantined(facts.queue, facts.priority));
  } else {
    TaskRow& row = work.tables.rows.edit(facts.row);
    row.state = TaskState::kQuarantined;
    row.options = row.order_key = row.fair_key = kNoSlot;
  }
  forget_wishes(work, facts);
}

void end_as_void(Work& work, TaskId task, const TaskFacts& facts) {
  leave_unfinished(work, task, facts);
  told_end(work, task, facts, TaskState::kVoid);
  forget_reason(work.tables, task);
  if (facts.row == kNoSlot) {
    set_value(work, task, TaskValue());
  } else {
    remove_row(work, facts.row, TaskValue());
  }
  forget_wishes(work, facts);
}

bool total_is_over(const Tables& tables, const TaskFacts& facts) {
  const OptionsRow* options = options_of(tables, facts);
  return options != nullptr && options->total_at_ms != 0 &&
         options->total_at_ms <= tables.counters.lease_ms;
}

bool is_gone(const Tables& tables, const TaskRow& row) {
  return gone_cause(tables, row) != Cause::kCreated;
}

void settle_row(Work& work, std::uint32_t slot, TaskState from, Cause cause, Token token,
                SessionId session) {
  const TaskRow& row = work.tables.rows[slot];
  const TaskId task = row.task;
  TaskFacts facts = facts_of(work.tables, task);
  const Cause gone = gone_cause(work.tables, row);
  if (gone != Cause::kCreated) {
    note(work, task, from, TaskState::kQuarantined, gone, token, session);
    end_as_quarantined(work, task, facts, gone_reason(gone));
  } else if (total_is_over(work.tables, facts)) {
    note(work, task, from, TaskState::kDead, Cause::kTotalTimeout, token, session);
    set_reason(work, task, kTotalTimeoutReason);
    end_as_dead(work, task, facts);
  } else if (has_outlived(work.tables, facts)) {
    note(work, task, from, TaskState::kCancelled, Cause::kTimeToLive, token, session);
    set_reason(work, task, kTimeToLiveReason);
    end_for_good(work, task, facts, TaskState::kCancelled, Cause::kTimeToLive, {});
  } else {
    note(work, task, from, TaskState::kReady, cause, token, session);
    facts.state = TaskState::kReady;
    start_waiting_small(work, task, facts);
  }
}

void leave_state(Work& work, TaskId task, const TaskFacts& facts) {
  if (facts.waits()) return stop_waiting(work, task, facts);
  if (facts.state == TaskState::kHeld) --work.tables.queues.edit(facts.queue).held;
}

}  // namespace baton::center
