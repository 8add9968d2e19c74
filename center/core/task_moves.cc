#include "center/core/task_moves.h"

#include <algorithm>
#include <string>
#include <utility>

#include "center/core/family.h"
#include "center/core/finished_rows.h"
#include "center/core/task_view.h"
#include "center/core/waiting.h"
#include "common/base/check.h"

namespace baton::center {
namespace {

Token next_token(Counters& counters) {
  ++counters.grants;
  return counters.newest_token();
}

std::uint32_t payload_bytes(const Tables& tables, TaskId task) {
  return tables.members.shard(task.shard()).tasks.payload_bytes(task.offset());
}

// ---- claims ----

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

// Lease time at which a claim ends whatever renews it, but for the tick cap.
std::int64_t attempt_end_ms(const Tables& tables, const TaskRow& row) {
  const OptionsRow* options = row.options == kNoSlot ? nullptr : &tables.task_options[row.options];
  const std::int64_t timeout = options != nullptr && options->attempt_timeout_ms != 0
                                   ? options->attempt_timeout_ms
                                   : tables.queues[row.queue].settings.attempt_timeout.count();
  const std::int64_t end = row.claimed_at_ms + timeout;
  return options != nullptr && options->total_at_ms != 0 ? std::min(end, options->total_at_ms)
                                                         : end;
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

// ---- ends ----

void set_value(Work& work, TaskId task, TaskValue value) {
  work.tables.members.shard(task.shard()).tasks.set(task.offset(), value);
}

// Nothing is remembered of the task but what its value says.
void remove_row(Work& work, std::uint32_t slot, TaskValue left) {
  const TaskId task = work.tables.rows[slot].task;
  set_value(work, task, left);
  work.tables.rows.remove(slot);
}

void forget_saved(Tables& tables, TaskId task) {
  if (!tables.checkpoints.empty()) tables.checkpoints.erase(task);
  if (!tables.progress.empty()) tables.progress.erase(task);
}

void forget_reason(Tables& tables, TaskId task) {
  if (!tables.reasons.empty()) tables.reasons.erase(task);
}

// The task names its keys no more. REQUIRES: those that wait for it were told.
void forget_wishes(Work& work, const TaskFacts& facts) {
  forget_options(work, facts);
  if (facts.order_key == kNoSlot) return;
  OrderKey& key = work.tables.order_keys.edit(facts.order_key);
  if (--key.tasks == 0) work.tables.order_keys.remove(facts.order_key);
}

void leave_unfinished(Work& work, TaskId task, const TaskFacts& facts) {
  work.tables.queues.edit(facts.queue).bytes -= payload_bytes(work.tables, task);
}

// The task is done or cancelled. REQUIRES: in no index, of no session; its transition is noted.
void end_for_good(Work& work, TaskId task, TaskFacts facts, TaskState state, Cause cause,
                  const ResultPlace& result) {
  Tables& tables = work.tables;
  leave_unfinished(work, task, facts);
  told_end(work, task, facts, state);
  forget_saved(tables, task);
  if (!tables.families.families.empty()) tables.families.families.erase(task);
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

// REQUIRES: as above.
void end_as_dead(Work& work, TaskId task, const TaskFacts& facts) {
  leave_unfinished(work, task, facts);
  told_end(work, task, facts, TaskState::kDead);
  const std::uint32_t slot = make_row(work, task, facts);
  work.tables.rows.edit(slot).state = TaskState::kDead;
  ++work.tables.queues.edit(facts.queue).dead;
}

// Why a task that is about to become ready cannot be: its payload is gone.
Cause gone_cause(const Shard& shard, TaskId task, bool damaged) {
  if (shard.removed) return Cause::kRemoved;
  if (shard.is_missing(task.offset())) return Cause::kSealed;
  return damaged ? Cause::kDamaged : Cause::kCreated;  // kCreated: nothing is wrong
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

// REQUIRES: in no index, of no session; its transition is noted.
void end_as_quarantined(Work& work, TaskId task, const TaskFacts& facts, std::string_view reason) {
  leave_unfinished(work, task, facts);
  told_end(work, task, facts, TaskState::kQuarantined);
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

// Out of claimed, delayed or held: to ready, or to what it must be instead.
void settle_row(Work& work, std::uint32_t slot, TaskState from, Cause cause, Token token,
                SessionId session) {
  const TaskRow& row = work.tables.rows[slot];
  const TaskId task = row.task;
  TaskFacts facts = facts_of(work.tables, task);
  const Cause gone = gone_cause(work.tables.members.shard(task.shard()), task, row.damaged);
  if (gone != Cause::kCreated) {
    note(work, task, from, TaskState::kQuarantined, gone, token, session);
    end_as_quarantined(work, task, facts, gone_reason(gone));
  } else if (has_outlived(work.tables, facts)) {
    note(work, task, from, TaskState::kCancelled, Cause::kTimeToLive, token, session);
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

}  // namespace

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

// ---- at the end of a shard ----

void create_ready(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                  std::uint32_t priority, std::uint32_t bytes, WallTime created) {
  const TaskId first(shard.id, shard.created_hi());
  Queue& in = work.tables.queues.edit(queue);
  in.add_ready(shard.id, first.offset(), count, priority);
  in.created += count;
  in.bytes += count * bytes;
  shard.tasks.append(count, TaskValue::ready(queue, priority), work.tables.counters.created + 1,
                     created);
  shard.tasks.set_payload_bytes(first.offset(), count, bytes);
  work.tables.counters.created += count;
  count_waiting(work, shard, static_cast<std::int64_t>(count));
  note(work, first, TaskState::kNone, TaskState::kReady, Cause::kCreated, {}, {},
       static_cast<std::uint32_t>(count));
  offer(work, queue, first, count);
}

namespace {

// Lease time, in so long; 0: never.
std::int64_t in_lease(const Work& work, Millis stated, Millis of_queue) {
  const Millis span = stated == Millis(0) ? of_queue : stated;
  return span == Millis(0) ? 0 : work.now_ms() + span.count();
}

// Whether the task asks for something that only a row of options can hold.
bool wants_options(const TaskOptions& options, const QueueSettings& settings) {
  return options.wait_timeout + settings.wait_timeout != Millis(0) ||
         options.total_timeout + settings.total_timeout != Millis(0) ||
         options.attempt_timeout != Millis(0) || options.max_attempts != 0 ||
         !options.after.empty() || options.parent || options.retry_of ||
         options.on_failed != FailurePolicy::kDefault;
}

void fill_options(Work& work, const TaskOptions& options, const QueueSettings& settings,
                  OptionsRow& row) {
  const Millis wait =
      options.wait_timeout == Millis(0) ? settings.wait_timeout : options.wait_timeout;
  row.not_before_ms = options.not_before.ms;
  row.time_to_live_at_ms = in_lease(work, options.time_to_live, settings.time_to_live);
  row.total_at_ms = in_lease(work, options.total_timeout, settings.total_timeout);
  row.wait_timeout_ms = wait.count();
  row.attempt_timeout_ms = options.attempt_timeout.count();
  row.max_attempts = options.max_attempts;
  row.on_failed = options.on_failed;
  row.with_completion = options.with_completion;
  row.parent = options.parent;
  row.parent_token = options.parent_token;
  row.retry_of = options.retry_of;
}

std::uint32_t name_order_key(Tables& tables, QueueId queue, const TaskOptions& options) {
  if (options.order_key.empty() && !tables.queues[queue].settings.ordered) return kNoSlot;
  const std::uint32_t slot = tables.order_keys.intern(queue, options.order_key);
  ++tables.order_keys.edit(slot).tasks;
  return slot;
}

std::uint32_t name_fair_key(Tables& tables, QueueId queue, const TaskOptions& options) {
  if (options.fair_key.empty()) return kNoSlot;
  const std::uint32_t slot = tables.fair_keys.intern(queue, options.fair_key);
  FairKey& key = tables.fair_keys.edit(slot);
  ++key.tasks;
  key.weight = std::max(options.fair_weight, 1U);
  return slot;
}

// The first state of a task that nobody else's end decides about.
TaskState first_state(Work& work, TaskId task, const TaskFacts& facts, const OptionsRow* options) {
  if (options != nullptr && options->with_completion) return TaskState::kPending;
  const bool holds = facts.order_key == kNoSlot || enter_key(work, facts.order_key, task);
  if (!holds || (options != nullptr && options->after_open > 0)) return TaskState::kBlocked;
  return facts.ready_at_ms > work.tables.counters.calendar.ms ? TaskState::kDelayed
                                                              : TaskState::kReady;
}

}  // namespace

void create_task(Work& work, Shard& shard, QueueId queue, std::uint32_t priority,
                 const TaskOptions& options, std::uint32_t bytes, WallTime created) {
  Tables& tables = work.tables;
  const TaskId task(shard.id, shard.created_hi());
  // Ready for a moment, so that its page is there.
  shard.tasks.append(1, TaskValue::ready(queue, priority), tables.counters.created + 1, created);
  shard.tasks.set_payload_bytes(task.offset(), 1, bytes);
  ++tables.counters.created;
  Queue& in = tables.queues.edit(queue);
  ++in.created;
  in.bytes += bytes;

  TaskFacts facts;
  facts.queue = queue;
  facts.priority = priority;
  facts.order_key = name_order_key(tables, queue, options);
  facts.fair_key = name_fair_key(tables, queue, options);
  facts.ready_at_ms = options.not_before.ms;
  if (wants_options(options, in.settings)) {
    make_options(work, task, facts);
    OptionsRow& row = tables.task_options.edit(facts.options);
    fill_options(work, options, in.settings, row);
    join_family(work, task, options, row);
  } else {
    facts.mortal_at_ms = in_lease(work, options.time_to_live, in.settings.time_to_live);
  }
  facts.state = first_state(work, task, facts, options_of(tables, facts));
  if (facts.state == TaskState::kReady) facts.ready_at_ms = 0;
  note(work, task, TaskState::kNone, facts.state, Cause::kCreated);
  start_waiting(work, task, facts);
  if (!options.after.empty()) tell_failed(work, task, options);
}

void make_void(Work& work, TaskId task, const TaskFacts& facts, Cause cause) {
  stop_waiting(work, task, facts);
  note(work, task, facts.state, TaskState::kVoid, cause);
  leave_unfinished(work, task, facts);
  set_value(work, task, TaskValue());
  forget_wishes(work, facts);
}

void create_void(Work& work, Shard& shard, std::uint64_t count, WallTime created, Cause cause) {
  const TaskId first(shard.id, shard.created_hi());
  shard.tasks.append(count, TaskValue(), work.tables.counters.created + 1, created);
  work.tables.counters.created += count;
  note(work, first, TaskState::kNone, TaskState::kVoid, cause, {}, {},
       static_cast<std::uint32_t>(count));
}

void create_quarantined(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                        std::uint32_t priority, WallTime created) {
  const TaskId first(shard.id, shard.created_hi());
  Queue& in = work.tables.queues.edit(queue);
  in.created += count;
  in.quarantined += count;
  shard.tasks.append(count, TaskValue::quarantined(queue, priority),
                     work.tables.counters.created + 1, created);
  work.tables.counters.created += count;
  for (std::uint64_t i = 0; i < count; ++i) {
    set_reason(work, TaskId(first.value() + i), "its payload was damaged before it was reported");
  }
  note(work, first, TaskState::kNone, TaskState::kQuarantined, Cause::kDamaged, {}, {},
       static_cast<std::uint32_t>(count));
}

// ---- claims ----

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
  const Millis lease =
      line.lease_ms == 0 ? tables.queues[facts.queue].settings.lease : Millis(line.lease_ms);
  row.state = TaskState::kClaimed;
  row.token = next_token(tables.counters);
  row.session = session_slot;
  row.line = line.id;
  row.lease_ms = static_cast<std::uint32_t>(lease.count());
  row.number = GrantNumber(++session.grants);
  ++row.attempt;
  row.claimed_at_ms = work.now_ms();
  row.deadline_ms = 0;
  session.claims.add(row.token, slot);
  session.served_count = session.served_line == line.id ? session.served_count + 1 : 1;
  session.served_line = line.id;
  extend_claim(work, slot, lease);
  if (!tables.progress.empty()) tables.progress.erase(task);

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
  const OptionsRow* options = row.options == kNoSlot ? nullptr : &tables.task_options[row.options];
  const bool total_over =
      options != nullptr && options->total_at_ms != 0 && options->total_at_ms <= work.now_ms();
  tell_lost(work, slot, total_over ? LostCause::kTimeout : LostCause::kLease);
  const Cause cause = row.deadline_ms >= attempt_end_ms(tables, row) + kTickCap.count()
                          ? Cause::kAttemptTimeout
                          : Cause::kExpired;
  if (total_over) {
    set_reason(work, row.task, "the time for the whole task was over");
    return kill_claim(work, slot, Cause::kTotalTimeout);
  }
  if (settings.on_uncertain == OnUncertain::kHold) return hold_claim(work, slot);
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

// ---- tasks that wait ----

void unblock(Work& work, TaskId task, const TaskFacts& facts, Cause cause) {
  Tables& tables = work.tables;
  const OptionsRow* options = options_of(tables, facts);
  const bool acked = facts.row != kNoSlot && tables.rows[facts.row].acked;
  if (acked || tables.members.shard(task.shard()).removed) return;
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
  const bool acked = facts.row != kNoSlot && work.tables.rows[facts.row].acked;
  // One that waits for its children needs its payload no more.
  if ((!facts.waits() && facts.state != TaskState::kHeld) || acked) return;
  leave_state(work, task, facts);
  note(work, task, facts.state, TaskState::kQuarantined, cause);
  end_as_quarantined(work, task, facts, reason);
}

Offset quarantine_missing(Work& work, Shard& shard, Offset from) {
  Offset at = shard.tasks.next_live(from);
  while (at < shard.created_hi()) {
    if (!work.spend()) return at;
    // A reason of its own for each of perhaps millions would be a waste: the shard says it.
    quarantine(work, TaskId(shard.id, at), Cause::kSealed, "");
    at = shard.tasks.next_live(at.next());
  }
  return at;
}

// ---- ends, by whom it may be ----

void cancel(Work& work, TaskId task, const TaskFacts& facts, Cause cause, std::string_view reason) {
  Token token;
  SessionId session;
  if (facts.state == TaskState::kClaimed) {
    tell_lost(work, facts.row, LostCause::kCancelled);
    token = work.tables.rows[facts.row].token;
    ++work.tables.rows.edit(facts.row).expiries;  // cut off: what it did is uncertain
    session = end_claim(work, facts.row);
  } else {
    leave_state(work, task, facts);
  }
  note(work, task, facts.state, TaskState::kCancelled, cause, token, session);
  set_reason(work, task, reason);
  end_for_good(work, task, facts, TaskState::kCancelled, cause, {});
}

void drop(Work& work, TaskId task, const TaskFacts& facts, Cause cause) {
  cancel(work, task, facts, cause, "");
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
    // What it was to run after, and the times that it had, belong to its first life.
    OptionsRow& options = tables.task_options.edit(facts.options);
    options.after_open = options.after_failed = 0;
    options.time_to_live_at_ms = options.total_at_ms = options.wait_until_ms = 0;
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

void resume(Work& work, TaskId task, const TaskFacts& facts) {
  const Token token = work.tables.rows[facts.row].token;
  leave_state(work, task, facts);
  settle_row(work, facts.row, TaskState::kHeld, Cause::kResumed, token, {});
}

}  // namespace baton::center
