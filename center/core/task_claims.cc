#include "center/core/task_claims.h"

#include <algorithm>
#include <limits>

#include "center/core/family.h"
#include "center/core/order_lines.h"
#include "center/core/task_ends.h"
#include "center/core/task_moves.h"
#include "center/core/task_view.h"
#include "center/core/waiting.h"
#include "common/base/check.h"

namespace baton::center {
namespace {

Token next_token(Counters& counters) {
  ++counters.grants;
  return counters.newest_token();
}

// The queue's order of priorities has moved on (ageing).
void pass_levels(Queue& queue, std::uint32_t priority) {
  if (queue.levels.size() < 2 || queue.settings.ageing == 0) return;
  for (Level& level : queue.levels) {
    if (level.priority == priority) level.passed = 0;
    if (level.priority < priority && level.ready > 0) ++level.passed;
  }
}

void begin_in_queue(Tables& tables, const TaskFacts& facts) {
  Queue& queue = tables.queues.edit(facts.queue);
  ++queue.claimed;
  ++tables.counters.claimed;
  if (queue.settings.max_rate > 0) queue.rate_credit -= Queue::kClaimCredit;
  pass_levels(queue, facts.priority);
  if (facts.fair_key == kNoSlot) return;
  FairKey& key = tables.fair_keys.edit(facts.fair_key);
  ++key.claimed;
  queue.update_turns(facts.fair_key, key);
}

void take_turn(Tables& tables, const TaskFacts& facts) {
  Queue& queue = tables.queues.edit(facts.queue);
  Level& level = queue.level(facts.priority);
  if (level.fair.empty()) return;
  queue.had_turn(level, facts.fair_key,
                 facts.fair_key == kNoSlot ? 1 : tables.fair_keys[facts.fair_key].weight);
}

void end_in_queue(Work& work, const TaskRow& row) {
  Tables& tables = work.tables;
  Queue& queue = tables.queues.edit(row.queue);
  --queue.claimed;
  --tables.counters.claimed;
  if (row.fair_key != kNoSlot) {
    FairKey& key = tables.fair_keys.edit(row.fair_key);
    --key.claimed;
    queue.update_turns(row.fair_key, key);
  }
  const bool limited = queue.settings.max_in_flight > 0 || queue.settings.max_per_fair_key > 0;
  if (limited && queue.ready > 0) reopen_queue(work, row.queue);
}

// The row's task does not belong to its session any more.
SessionId leave_session(Work& work, std::uint32_t slot) {
  Tables& tables = work.tables;
  TaskRow& row = tables.rows.edit(slot);
  Session& session = tables.sessions.edit(row.session);
  const bool was_full = session.claims.size() >= kSessionWindowMax;
  session.claims.remove(row.token);
  // Credit that the window held back can be used now.
  if (was_full && session.grants < session.credit) work.eager_sessions.push_back(row.session);
  row.session = kNoSlot;
  row.number = GrantNumber();
  tables.lease_ends.erase(slot);
  end_in_queue(work, row);
  return session.id;
}

// What spawned with its completion is told how that claim ended.
SessionId end_claim(Work& work, std::uint32_t slot, bool acked = false) {
  const TaskId task = work.tables.rows[slot].task;
  const Token token = work.tables.rows[slot].token;
  const SessionId session = leave_session(work, slot);
  if (!work.tables.families.families.empty()) end_spawning(work, task, token, acked);
  return session;
}

void tell_lost(Work& work, std::uint32_t slot, LostCause cause) {
  const TaskRow& row = work.tables.rows[slot];
  const Session& session = work.tables.sessions[row.session];
  work.effects.lost.push_back(
      {session.id, session.incarnation, session.conn_epoch, row.task, row.token, cause});
}

// Never earlier than it was.
void set_lease_end(Work& work, std::uint32_t slot, std::int64_t deadline_ms) {
  TaskRow& row = work.tables.rows.edit(slot);
  if (deadline_ms <= row.deadline_ms) return;
  row.deadline_ms = deadline_ms;
  work.tables.lease_ends.set(slot, deadline_ms, row.token.value());
}

constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();

// Lease time at which the claim ends by what the task itself has asked for; kNoEnd: it has not.
std::int64_t own_end_ms(const Tables& tables, const TaskRow& row) {
  if (row.options == kNoSlot) return kNoEnd;
  const OptionsRow& options = tables.task_options[row.options];
  const std::int64_t attempt =
      options.attempt_timeout_ms == 0 ? kNoEnd : row.claimed_at_ms + options.attempt_timeout_ms;
  const std::int64_t total = options.total_at_ms == 0 ? kNoEnd : options.total_at_ms;
  return std::min(attempt, total);
}

// Lease time at which a claim ends whatever renews it, but for the tick cap.
std::int64_t attempt_end_ms(const Tables& tables, const TaskRow& row) {
  const bool has_own =
      row.options != kNoSlot && tables.task_options[row.options].attempt_timeout_ms != 0;
  const std::int64_t of_queue =
      row.claimed_at_ms + tables.queues[row.queue].settings.attempt_timeout.count();
  return std::min(has_own ? kNoEnd : of_queue, own_end_ms(tables, row));
}

// Shorter than what was asked for where the task has less time than that, for a shorter one than any
// lease the shortest.
Millis lease_of(const Tables& tables, const TaskRow& row, Millis asked) {
  const std::int64_t left = own_end_ms(tables, row) - row.claimed_at_ms;
  return std::min(asked, std::max(kLeaseMin, Millis(left)));
}

// The attempt was cut off, and its queue wants a person to decide.
void hold_claim(Work& work, std::uint32_t slot) {
  const SessionId session = end_claim(work, slot);
  TaskRow& row = work.tables.rows.edit(slot);
  row.state = TaskState::kHeld;
  ++work.tables.queues.edit(row.queue).held;
  set_reason(work, row.task, "an attempt was cut off: nobody knows what it did");
  note(work, row.task, TaskState::kClaimed, TaskState::kHeld, Cause::kUncertain, row.token,
       session);
}

}  // namespace

std::uint32_t claim(Work& work, TaskId task, std::uint32_t session_slot, std::uint32_t line_slot) {
  Tables& tables = work.tables;
  const TaskFacts facts = facts_of(tables, task);
  BATON_CHECK(facts.state == TaskState::kReady);
  take_turn(tables, facts);
  stop_waiting(work, task, facts);
  const std::uint32_t slot = make_row(work, task, facts);
  begin_in_queue(tables, facts);

  TaskRow& row = tables.rows.edit(slot);
  const Line& line = tables.lines[line_slot];
  Session& session = tables.sessions.edit(session_slot);
  row.state = TaskState::kClaimed;
  row.token = next_token(tables.counters);
  row.session = session_slot;
  row.line = line.id;
  row.number = GrantNumber(++session.grants);
  ++row.attempt;
  row.claimed_at_ms = work.now_ms();
  const Millis lease = lease_of(
      tables, row,
      line.lease_ms == 0 ? tables.queues[facts.queue].settings.lease : Millis(line.lease_ms));
  row.lease_ms = static_cast<std::uint32_t>(lease.count());
  row.deadline_ms = 0;
  session.claims.add(row.token, slot);
  session.served_count = session.served_line == line.id ? session.served_count + 1 : 1;
  session.served_line = line.id;
  extend_claim(work, slot, lease);

  note(work, task, TaskState::kReady, TaskState::kClaimed, Cause::kGranted, row.token, session.id);
  work.effects.grants.push_back(grant_of(tables, session, row));
  return slot;
}

void extend_claim(Work& work, std::uint32_t slot, Millis lease) {
  set_lease_end(work, slot, work.now_ms() + lease.count() + kTickCap.count());
}

void renew_claim(Work& work, std::uint32_t slot) {
  const TaskRow& row = work.tables.rows[slot];
  const std::int64_t wanted = work.now_ms() + row.lease_ms;
  const std::int64_t latest = attempt_end_ms(work.tables, row);
  set_lease_end(work, slot, std::min(wanted, latest) + kTickCap.count());
}

void cancel_claim(Work& work, std::uint32_t slot, Cause cause, std::string_view reason) {
  tell_lost(work, slot, LostCause::kCancelled);
  ++work.tables.rows.edit(slot).expiries;  // cut off: what it did is uncertain
  const SessionId session = end_claim(work, slot);
  const TaskRow& row = work.tables.rows[slot];
  const TaskId task = row.task;
  note(work, task, TaskState::kClaimed, TaskState::kCancelled, cause, row.token, session);
  replace_reason(work, task, reason);
  end_for_good(work, task, facts_of(work.tables, task), TaskState::kCancelled, cause, {});
}

void complete(Work& work, std::uint32_t slot, const ResultPlace& result, FailurePolicy policy) {
  Tables& tables = work.tables;
  const SessionId session = end_claim(work, slot, true);
  TaskRow& row = tables.rows.edit(slot);
  const TaskId task = row.task;
  ++tables.counters.completions;
  tables.completions.add(task, row.token);
  if (Family* family = tables.families.families.edit(task); family != nullptr) {
    if (policy != FailurePolicy::kDefault) family->policy = policy;
    row.acked = true;
    // It was claimed in time, and its own work is done: the next of its ordering key may go on.
    if (row.options != kNoSlot) tables.task_options.edit(row.options).time_to_live_at_ms = 0;
    if (row.order_key != kNoSlot) release_key(work, row.order_key, task);
    row.result_shard = result.shard;
    row.result_lsn = result.lsn;
    row.result_bytes = result.bytes;
    note(work, task, TaskState::kClaimed, TaskState::kBlocked, Cause::kAck, row.token, session);
    TaskFacts facts = facts_of(tables, task);
    facts.state = TaskState::kBlocked;
    start_waiting(work, task, facts);
    judge_parent(work, task);
    return;
  }
  note(work, task, TaskState::kClaimed, TaskState::kDone, Cause::kAck, row.token, session);
  end_for_good(work, task, facts_of(tables, task), TaskState::kDone, Cause::kAck, result);
}

void return_claim(Work& work, std::uint32_t slot, Cause cause, Attempt attempt) {
  const SessionId session = end_claim(work, slot);
  TaskRow& row = work.tables.rows.edit(slot);
  if (attempt == Attempt::kTakenBack) --row.attempt;
  settle_row(work, slot, TaskState::kClaimed, cause, row.token, session);
}

void expire_claim(Work& work, std::uint32_t slot) {
  Tables& tables = work.tables;
  TaskRow& row = tables.rows.edit(slot);
  const QueueSettings& settings = tables.queues[row.queue].settings;
  ++row.expiries;
  const bool total_over = total_is_over(tables, facts_of(tables, row.task));
  tell_lost(work, slot, total_over ? LostCause::kTimeout : LostCause::kLease);
  const Cause cause = row.deadline_ms >= attempt_end_ms(tables, row) + kTickCap.count()
                          ? Cause::kAttemptTimeout
                          : Cause::kExpired;
  if (total_over) {
    set_reason(work, row.task, kTotalTimeoutReason);
    return kill_claim(work, slot, Cause::kTotalTimeout);
  }
  // Nobody could run it any more, nor decide about it: it settles as what its payload is.
  if (settings.on_uncertain == OnUncertain::kHold && !is_gone(tables, row))
    return hold_claim(work, slot);
  if (row.expiries >= settings.max_expiries) {
    set_reason(work, row.task, "too many attempts were cut off");
    return kill_claim(work, slot, Cause::kExpiriesSpent);
  }
  return_claim(work, slot, cause, Attempt::kCounts);
}

void delay_claim(Work& work, std::uint32_t slot, std::int64_t ready_at_ms) {
  const SessionId session = end_claim(work, slot);
  const TaskRow& row = work.tables.rows[slot];
  const TaskId task = row.task;
  if (is_gone(work.tables, row))
    return settle_row(work, slot, TaskState::kClaimed, Cause::kNack, row.token, session);
  note(work, task, TaskState::kClaimed, TaskState::kDelayed, Cause::kNack, row.token, session);
  TaskFacts facts = facts_of(work.tables, task);
  facts.state = TaskState::kDelayed;
  facts.ready_at_ms = ready_at_ms;
  start_waiting(work, task, facts);
}

void kill_claim(Work& work, std::uint32_t slot, Cause cause) {
  const SessionId session = end_claim(work, slot);
  const TaskRow& row = work.tables.rows[slot];
  note(work, row.task, TaskState::kClaimed, TaskState::kDead, cause, row.token, session);
  end_as_dead(work, row.task, facts_of(work.tables, row.task));
}

void quarantine_claim(Work& work, std::uint32_t slot, std::string_view reason) {
  const SessionId session = end_claim(work, slot);
  const TaskRow& row = work.tables.rows[slot];
  note(work, row.task, TaskState::kClaimed, TaskState::kQuarantined, Cause::kDamaged, row.token,
       session);
  end_as_quarantined(work, row.task, facts_of(work.tables, row.task), reason);
}

}  // namespace baton::center
