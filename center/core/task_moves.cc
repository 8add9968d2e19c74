#include "center/core/task_moves.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/check.h"

namespace baton::center {
namespace {

Token next_token(Counters& counters) {
  ++counters.grants;
  return counters.newest_token();
}

// A task became ready: somebody may be waiting for it.
void offer(Work& work, QueueId queue, TaskId first, std::uint64_t count) {
  const auto& by_task = work.tables.lines.by_task();
  if (!by_task.empty()) {
    const TaskId end(first.value() + count);
    for (auto at = by_task.lower_bound(first); at != by_task.end() && at->first < end; ++at) {
      work.wanted_tasks.push_back(at->first);
    }
  }
  if (work.tables.queues[queue].ring_size == 0) return;
  if (work.ready_queues.empty() || work.ready_queues.back() != queue)
    work.ready_queues.push_back(queue);
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
  --tables.queues.edit(row.queue).claimed;
  --tables.counters.claimed;
  return session.id;
}

void count_waiting(Work& work, Shard& shard, std::int64_t change) {
  shard.waiting += static_cast<std::uint64_t>(change);
  work.tables.counters.waiting += static_cast<std::uint64_t>(change);
}

// Never earlier than it was.
void set_lease_end(Work& work, std::uint32_t slot, std::int64_t deadline_ms) {
  TaskRow& row = work.tables.rows.edit(slot);
  if (deadline_ms <= row.deadline_ms) return;
  row.deadline_ms = deadline_ms;
  work.tables.lease_ends.set(slot, deadline_ms, row.token.value());
}

void remove_row(Work& work, std::uint32_t slot, TaskValue left) {
  const TaskId task = work.tables.rows[slot].task;
  work.tables.members.shard(task.shard()).tasks.set(task.offset(), left);
  if (!work.tables.reasons.empty()) work.tables.reasons.erase(task);
  work.tables.rows.remove(slot);
}

void set_reason(Work& work, TaskId task, std::string_view reason) {
  if (reason.empty()) return;
  work.tables.reasons[task] = std::string(reason.substr(0, kReasonBytesMax));
}

// Puts a row that is neither claimed nor delayed any more into the ready set; a row that says
// nothing that a plain task does not is dropped.
void make_ready(Work& work, std::uint32_t slot) {
  Tables& tables = work.tables;
  TaskRow& row = tables.rows.edit(slot);
  Shard& shard = tables.members.shard(row.task.shard());
  const TaskId task = row.task;
  const QueueId queue = row.queue;
  tables.queues.edit(queue).put_back(task, row.priority);
  count_waiting(work, shard, +1);
  row.state = TaskState::kReady;
  if (row.attempt == 0 && row.failures == 0 && row.expiries == 0) {
    remove_row(work, slot, TaskValue::ready(queue, row.priority));
  }
  offer(work, queue, task, 1);
}

// Why a task that is about to become ready cannot be: its payload is gone.
Cause gone_cause(const Shard& shard, const TaskRow& row) {
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

void row_to_quarantined(Work& work, std::uint32_t slot, std::string_view reason) {
  TaskRow& row = work.tables.rows.edit(slot);
  row.state = TaskState::kQuarantined;
  ++work.tables.queues.edit(row.queue).quarantined;
  set_reason(work, row.task, reason);
}

// Out of claimed or delayed, to ready or quarantined.
void settle_row(Work& work, std::uint32_t slot, TaskState from, Cause cause, Token token,
                SessionId session) {
  const TaskRow& row = work.tables.rows[slot];
  const TaskId task = row.task;
  const Cause gone = gone_cause(work.tables.members.shard(task.shard()), row);
  if (gone == Cause::kCreated) {
    note(work, task, from, TaskState::kReady, cause, token, session);
    make_ready(work, slot);
  } else {
    note(work, task, from, TaskState::kQuarantined, gone, token, session);
    row_to_quarantined(work, slot, gone_reason(gone));
  }
}

}  // namespace

void note(Work& work, TaskId task, TaskState from, TaskState to, Cause cause, Token token,
          SessionId session, std::uint32_t count) {
  work.effects.transitions.push_back(Transition{task, count, from, to, cause, token, session});
}

void create_ready(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                  std::uint32_t priority, WallTime created) {
  const TaskId first(shard.id, shard.created_hi());
  Queue& in = work.tables.queues.edit(queue);
  in.add_ready(shard.id, first.offset(), count, priority);
  in.created += count;
  shard.tasks.append(count, TaskValue::ready(queue, priority), work.tables.counters.created + 1,
                     created);
  work.tables.counters.created += count;
  count_waiting(work, shard, static_cast<std::int64_t>(count));
  note(work, first, TaskState::kNone, TaskState::kReady, Cause::kCreated, {}, {},
       static_cast<std::uint32_t>(count));
  offer(work, queue, first, count);
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

std::uint32_t claim(Work& work, TaskId task, std::uint32_t session_slot, std::uint32_t line_slot) {
  Tables& tables = work.tables;
  Shard& shard = tables.members.shard(task.shard());
  const TaskValue value = shard.tasks.get(task.offset());
  std::uint32_t slot = 0;
  if (value.kind() == TaskValue::Kind::kReady) {
    TaskRow row;
    row.task = task;
    row.queue = value.queue();
    row.priority = static_cast<std::uint8_t>(value.priority());
    slot = tables.rows.add(row);
    shard.tasks.set(task.offset(), TaskValue::row(slot));
  } else {
    BATON_CHECK(value.kind() == TaskValue::Kind::kRow);
    slot = value.row_slot();
    BATON_CHECK(tables.rows[slot].state == TaskState::kReady);
  }

  TaskRow& row = tables.rows.edit(slot);
  const Line& line = tables.lines[line_slot];
  Session& session = tables.sessions.edit(session_slot);
  Queue& queue = tables.queues.edit(row.queue);
  queue.take(task, row.priority);
  ++queue.claimed;
  ++tables.counters.claimed;
  count_waiting(work, shard, -1);

  row.state = TaskState::kClaimed;
  row.token = next_token(tables.counters);
  row.session = session_slot;
  row.line = line.id;
  row.lease_ms = line.lease_ms;
  row.number = GrantNumber(++session.grants);
  ++row.attempt;
  row.claimed_at_ms = work.now_ms();
  row.deadline_ms = 0;
  session.claims.add(row.token, slot);
  session.served_line = line.id;
  extend_claim(work, slot, Millis(line.lease_ms));

  note(work, task, TaskState::kReady, TaskState::kClaimed, Cause::kGranted, row.token, session.id);
  work.effects.grants.push_back(Grant{session.id, session.incarnation, session.conn_epoch,
                                      row.number, row.line, task, row.token, row.attempt,
                                      Millis(row.lease_ms)});
  return slot;
}

void extend_claim(Work& work, std::uint32_t slot, Millis lease) {
  set_lease_end(work, slot, work.now_ms() + lease.count() + kTickCap.count());
}

void renew_claim(Work& work, std::uint32_t slot) {
  const TaskRow& row = work.tables.rows[slot];
  const std::int64_t wanted = work.now_ms() + row.lease_ms;
  const std::int64_t latest = row.claimed_at_ms + work.tables.options.attempt_timeout.count();
  set_lease_end(work, slot, std::min(wanted, latest) + kTickCap.count());
}

void complete(Work& work, std::uint32_t slot, const ResultPlace& result) {
  Tables& tables = work.tables;
  const SessionId session = leave_session(work, slot);
  TaskRow& row = tables.rows.edit(slot);
  const TaskId task = row.task;
  Queue& queue = tables.queues.edit(row.queue);
  ++queue.done;
  ++tables.counters.completions;
  tables.completions.add(task, row.token);
  note(work, task, TaskState::kClaimed, TaskState::kDone, Cause::kAck, row.token, session);
  if (!result) {
    remove_row(work, slot, TaskValue());
    return;
  }
  row.state = TaskState::kDone;
  row.deadline_ms = work.now_ms();
  row.result_shard = result.shard;
  row.result_lsn = result.lsn;
  row.result_bytes = result.bytes;
  tables.finished.add(tables.rows, queue, slot);
  while (true) {
    const std::uint32_t surplus = tables.finished.surplus(queue);
    if (surplus == kNoSlot) break;
    forget_done(work, surplus);
  }
}

void forget_done(Work& work, std::uint32_t slot) {
  Queue& queue = work.tables.queues.edit(work.tables.rows[slot].queue);
  work.tables.finished.remove(work.tables.rows, queue, slot);
  remove_row(work, slot, TaskValue());
}

void return_claim(Work& work, std::uint32_t slot, Cause cause, Attempt attempt) {
  const SessionId session = leave_session(work, slot);
  TaskRow& row = work.tables.rows.edit(slot);
  if (attempt == Attempt::kTakenBack) --row.attempt;
  if (cause == Cause::kExpired || cause == Cause::kAttemptTimeout) ++row.expiries;
  settle_row(work, slot, TaskState::kClaimed, cause, row.token, session);
}

void delay_claim(Work& work, std::uint32_t slot, std::int64_t ready_at_ms) {
  const SessionId session = leave_session(work, slot);
  TaskRow& row = work.tables.rows.edit(slot);
  row.state = TaskState::kDelayed;
  row.deadline_ms = ready_at_ms;
  work.tables.backoff_ends.set(slot, ready_at_ms, row.token.value());
  ++work.tables.queues.edit(row.queue).delayed;
  count_waiting(work, work.tables.members.shard(row.task.shard()), +1);
  note(work, row.task, TaskState::kClaimed, TaskState::kDelayed, Cause::kNack, row.token, session);
}

void kill_claim(Work& work, std::uint32_t slot) {
  const SessionId session = leave_session(work, slot);
  TaskRow& row = work.tables.rows.edit(slot);
  row.state = TaskState::kDead;
  ++work.tables.queues.edit(row.queue).dead;
  note(work, row.task, TaskState::kClaimed, TaskState::kDead, Cause::kAttemptsSpent, row.token,
       session);
}

void end_backoff(Work& work, std::uint32_t slot) {
  const TaskRow& row = work.tables.rows[slot];
  work.tables.backoff_ends.erase(slot);
  --work.tables.queues.edit(row.queue).delayed;
  count_waiting(work, work.tables.members.shard(row.task.shard()), -1);
  settle_row(work, slot, TaskState::kDelayed, Cause::kBackoffOver, row.token, {});
}

void quarantine_claim(Work& work, std::uint32_t slot, std::string_view reason) {
  const SessionId session = leave_session(work, slot);
  const TaskRow& row = work.tables.rows[slot];
  note(work, row.task, TaskState::kClaimed, TaskState::kQuarantined, Cause::kDamaged, row.token,
       session);
  row_to_quarantined(work, slot, reason);
}

void quarantine(Work& work, TaskId task, Cause cause, std::string_view reason) {
  Tables& tables = work.tables;
  Shard& shard = tables.members.shard(task.shard());
  const TaskValue value = shard.tasks.get(task.offset());
  if (value.kind() == TaskValue::Kind::kReady) {
    Queue& queue = tables.queues.edit(value.queue());
    queue.take(task, value.priority());
    ++queue.quarantined;
    shard.tasks.set(task.offset(), TaskValue::quarantined(value.queue(), value.priority()));
    count_waiting(work, shard, -1);
    set_reason(work, task, reason);
    note(work, task, TaskState::kReady, TaskState::kQuarantined, cause);
    return;
  }
  if (value.kind() != TaskValue::Kind::kRow) return;
  const std::uint32_t slot = value.row_slot();
  TaskRow& row = tables.rows.edit(slot);
  const TaskState from = row.state;
  if (from == TaskState::kClaimed) row.damaged = true;
  if (from != TaskState::kReady && from != TaskState::kDelayed) return;
  Queue& queue = tables.queues.edit(row.queue);
  if (from == TaskState::kReady) {
    queue.take(task, row.priority);
  } else {
    tables.backoff_ends.erase(slot);
    --queue.delayed;
  }
  count_waiting(work, shard, -1);
  note(work, task, from, TaskState::kQuarantined, cause);
  row_to_quarantined(work, slot, reason);
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

}  // namespace baton::center
