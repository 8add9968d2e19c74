#include "center/core/task_moves.h"

#include <algorithm>
#include <string>
#include <utility>

#include "center/core/family.h"
#include "center/core/order_lines.h"
#include "center/core/task_claims.h"
#include "center/core/task_ends.h"
#include "center/core/waiting.h"

namespace baton::center {
void note(Work& work, TaskId task, TaskState from, TaskState to, Cause cause, Token token,
          SessionId session, std::uint32_t count) {
  std::vector<Transition>& all = work.effects.transitions;
  const Transition next{task, count, from, to, cause, token, session};
  if (!all.empty() && all.back().leads_to(next)) {
    all.back().count += count;
  } else {
    all.push_back(next);
  }
}

void set_reason(Work& work, TaskId task, std::string_view reason) {
  if (reason.empty()) return;
  work.tables.reasons[task] = std::string(reason.substr(0, kReasonBytesMax));
}

void replace_reason(Work& work, TaskId task, std::string_view reason) {
  if (reason.empty() && !work.tables.reasons.empty()) work.tables.reasons.erase(task);
  set_reason(work, task, reason);
}

// ---- tasks that wait ----

void unblock(Work& work, TaskId task, const TaskFacts& facts, Cause cause) {
  Tables& tables = work.tables;
  const OptionsRow* options = options_of(tables, facts);
  if (is_acked(tables, facts) || is_lost(tables, task, facts)) return;
  const bool holds =
      facts.order_key == kNoSlot || tables.order_keys[facts.order_key].holder == task;
  TaskFacts next = facts;
  if (!holds || (options != nullptr && options->after_open > 0)) {
    next.state = TaskState::kBlocked;
  } else if (facts.row == kNoSlot && facts.ready_at_ms > tables.counters.calendar.ms) {
    next.state = TaskState::kDelayed;
  } else {
    next.state = TaskState::kReady;
    if (facts.row == kNoSlot) next.ready_at_ms = 0;
  }
  if (next.state == facts.state) return;
  stop_waiting(work, task, facts);
  note(work, task, facts.state, next.state, cause);
  start_waiting(work, task, next);
}

void end_backoff(Work& work, std::uint32_t slot) {
  const TaskRow& row = work.tables.rows[slot];
  const Token token = row.token;
  stop_waiting(work, row.task, facts_of(work.tables, row.task));
  settle_row(work, slot, TaskState::kDelayed, Cause::kBackoffOver, token, {});
}

void quarantine(Work& work, TaskId task, Cause cause, std::string_view reason) {
  const TaskFacts facts = facts_of(work.tables, task);
  if (facts.state == TaskState::kClaimed) work.tables.rows.edit(facts.row).damaged = true;
  const bool may = facts.waits() || facts.state == TaskState::kHeld;
  if (!may || is_acked(work.tables, facts)) return;
  leave_state(work, task, facts);
  note(work, task, facts.state, TaskState::kQuarantined, cause);
  end_as_quarantined(work, task, facts, reason);
}

Offset quarantine_missing(Work& work, Shard& shard, Offset from) {
  const Cause cause = shard.removed ? Cause::kRemoved : Cause::kSealed;
  Offset at = shard.tasks.next_live(from);
  while (at < shard.created_hi()) {
    if (!work.spend()) return at;
    // A reason of its own for each of perhaps millions would be a waste: the shard says it.
    quarantine(work, TaskId(shard.id, at), cause, "");
    at = shard.tasks.next_live(at.next());
  }
  return at;
}

void make_void(Work& work, TaskId task, const TaskFacts& facts, Cause cause) {
  if (facts.state == TaskState::kDead) {
    --work.tables.queues.edit(facts.queue).dead;
    work.tables.queues.edit(facts.queue).bytes += payload_bytes(work.tables, task);
  }
  leave_state(work, task, facts);
  note(work, task, facts.state, TaskState::kVoid, cause);
  end_as_void(work, task, facts);
}

// ---- ends, by whom it may be ----

void cancel(Work& work, TaskId task, const TaskFacts& facts, Cause cause, std::string_view reason) {
  if (facts.state == TaskState::kClaimed) return cancel_claim(work, facts.row, cause, reason);
  leave_state(work, task, facts);
  note(work, task, facts.state, TaskState::kCancelled, cause);
  replace_reason(work, task, reason);
  end_for_good(work, task, facts, TaskState::kCancelled, cause, {});
}

void kill(Work& work, TaskId task, const TaskFacts& facts, Cause cause, std::string_view reason) {
  leave_state(work, task, facts);
  note(work, task, facts.state, TaskState::kDead, cause);
  set_reason(work, task, reason);
  end_as_dead(work, task, facts);
}

void finish(Work& work, TaskId task, const TaskFacts& facts, Cause cause) {
  leave_state(work, task, facts);
  note(work, task, facts.state, TaskState::kDone, cause);
  const ResultPlace result = work.tables.rows[facts.row].result();
  end_for_good(work, task, facts, TaskState::kDone, cause, result);
}

// ---- back from the dead ----

void redrive(Work& work, TaskId task, const TaskFacts& facts) {
  Tables& tables = work.tables;
  TaskRow& row = tables.rows.edit(facts.row);
  Queue& queue = tables.queues.edit(facts.queue);
  --queue.dead;
  queue.bytes += payload_bytes(tables, task);
  row.attempt = row.failures = row.expiries = 0;
  forget_reason(tables, task);
  told_redrive(work, task, facts);
  if (facts.options != kNoSlot) {
    // The times that it had belong to its first life.
    OptionsRow& options = tables.task_options.edit(facts.options);
    options.time_to_live_at_ms = options.total_at_ms = options.wait_until_ms = 0;
    options.not_before_ms = 0;
  }
  TaskFacts next = facts;
  next.state = TaskState::kBlocked;
  if (!row.acked && (facts.order_key == kNoSlot || enter_key(work, facts.order_key, task)))
    next.state = TaskState::kReady;
  note(work, task, TaskState::kDead, next.state, Cause::kRedriven, row.token);
  start_waiting(work, task, next);
  if (row.acked) judge_parent(work, task);
}

void discard(Work& work, TaskId task, const TaskFacts& facts) {
  Tables& tables = work.tables;
  Queue& queue = tables.queues.edit(facts.queue);
  --queue.dead;
  queue.bytes += payload_bytes(tables, task);  // end_for_good takes it off again
  note(work, task, TaskState::kDead, TaskState::kCancelled, Cause::kDiscarded);
  end_for_good(work, task, facts, TaskState::kCancelled, Cause::kDiscarded, {});
}

void resume(Work& work, TaskId task, const TaskFacts& facts, std::string_view reason) {
  const Token token = work.tables.rows[facts.row].token;
  leave_state(work, task, facts);
  replace_reason(work, task, reason);
  settle_row(work, facts.row, TaskState::kHeld, Cause::kResumed, token, {});
}

}  // namespace baton::center
