#include "center/core/apply_operations.h"

#include <algorithm>
#include <utility>

#include "center/core/apply_sessions.h"
#include "center/core/task_claims.h"
#include "center/core/task_moves.h"

namespace baton::center {
namespace {

// Where a task stands that an operation names.
struct Found {
  Verdict verdict = Verdict::kOk;  // kOk: claimed, with exactly this token
  std::uint32_t row = kNoSlot;
  bool finished = false;
};

Found find_claim(const Tables& tables, TaskId task, Token token) {
  const Shard* shard = task.valid() ? tables.members.find_shard(task.shard()) : nullptr;
  if (shard == nullptr) return {Verdict::kNotFound};
  // Never granted by this ledger, and perhaps not reported yet (R4).
  if (task.offset() >= shard->created_hi()) return {Verdict::kUnknownYet};
  const TaskFacts facts = facts_of(tables, task);
  const bool acked = facts.row != kNoSlot && tables.rows[facts.row].acked;
  // Its own work is done, whatever becomes of its children: to its holder it is finished.
  if (facts.state == TaskState::kDone || acked) return {Verdict::kSuperseded, kNoSlot, true};
  if (facts.state != TaskState::kClaimed || tables.rows[facts.row].token != token)
    return {Verdict::kSuperseded};
  return {Verdict::kOk, facts.row};
}

// Grows with each failure up to the cap; the last part is spread by the token, so that tasks which
// failed together do not come back together.
std::int64_t backoff_ms(const QueueSettings& settings, const TaskRow& row) {
  const std::int64_t most = settings.backoff_max.count();
  std::int64_t full = settings.backoff_min.count();
  for (std::uint32_t i = 1; i < row.failures && full < most; ++i) {
    if (full == 0 || settings.backoff_factor_percent == 100) break;
    full = std::max(full + 1, full * settings.backoff_factor_percent / 100);
  }
  full = std::min(full, most);
  const std::int64_t jitter = full * settings.backoff_jitter_percent / 100;
  const auto spread = static_cast<std::uint64_t>(jitter + 1);
  return full - jitter + static_cast<std::int64_t>(hash64(row.token.value()) % spread);
}

void nack(Work& work, std::uint32_t slot, const Operation& operation) {
  Tables& tables = work.tables;
  TaskRow& row = tables.rows.edit(slot);
  const QueueSettings& settings = tables.queues[row.queue].settings;
  ++row.failures;
  set_reason(work, row.task, operation.reason);
  const std::uint32_t own =
      row.options == kNoSlot ? 0 : tables.task_options[row.options].max_attempts;
  const std::uint32_t most = own == 0 ? settings.max_attempts : own;
  if (operation.dead) {
    kill_claim(work, slot, Cause::kKilled);
  } else if (row.failures >= most) {
    kill_claim(work, slot, Cause::kAttemptsSpent);
  } else {
    const std::int64_t delay =
        operation.delay ? operation.delay->count() : backoff_ms(settings, row);
    delay_claim(work, slot, work.now_ms() + delay);
  }
}

// Progress for those who look, and a checkpoint for the next attempt; the last one of each counts.
void save(Work& work, std::uint32_t slot, const Operation& operation) {
  Tables& tables = work.tables;
  const TaskRow& row = tables.rows[slot];
  if (operation.percent || !operation.progress.empty()) {
    Progress& progress = tables.progress[row.task];
    if (operation.percent) progress.percent = std::min(*operation.percent, 100U);
    progress.text = operation.progress.substr(0, kTaskTextBytesMax);
  }
  if (!operation.checkpoint) return;
  if (operation.result) {
    tables.checkpoints[row.task] = {operation.result, row.token};
  } else {
    tables.checkpoints.erase(row.task);
  }
  note(work, row.task, TaskState::kClaimed, TaskState::kClaimed, Cause::kSaved, row.token,
       tables.sessions[row.session].id);
}

Verdict execute_on_claim(Work& work, std::uint32_t slot, const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kAck:
      complete(work, slot, operation.result, operation.on_failed_child);
      return Verdict::kOk;
    case OperationKind::kNack:
      nack(work, slot, operation);
      return Verdict::kOk;
    case OperationKind::kRelease:
      return_claim(work, slot, Cause::kReleased,
                   operation.started ? Attempt::kCounts : Attempt::kTakenBack);
      return Verdict::kOk;
    case OperationKind::kSave:
      save(work, slot, operation);
      return Verdict::kOk;
    case OperationKind::kExtend:
      if (!validate_lease(operation.lease).ok()) return Verdict::kBadLease;
      extend_claim(work, slot, operation.lease);
      note(work, operation.task, TaskState::kClaimed, TaskState::kClaimed, Cause::kExtended,
           operation.token, work.tables.sessions[work.tables.rows[slot].session].id);
      return Verdict::kOk;
  }
  return Verdict::kBadOperation;
}

// The late worker's attempt is on record, though it changes nothing.
void note_superseded(Work& work, const Operation& operation, const SessionId& session) {
  ++work.tables.counters.superseded;
  note(work, operation.task, TaskState::kNone, TaskState::kNone, Cause::kSuperseded,
       operation.token, session);
}

Verdict execute(Work& work, std::uint32_t session, const Operation& operation) {
  const Found found = find_claim(work.tables, operation.task, operation.token);
  if (found.verdict == Verdict::kOk && work.tables.rows[found.row].session == session) {
    return execute_on_claim(work, found.row, operation);
  }
  if (found.verdict == Verdict::kNotFound || found.verdict == Verdict::kUnknownYet)
    return found.verdict;
  const bool ack = operation.kind == OperationKind::kAck;
  if (ack && found.finished && work.tables.completions.has(operation.task, operation.token))
    return Verdict::kOk;
  note_superseded(work, operation, work.tables.sessions[session].id);
  return Verdict::kSuperseded;
}

// Of a caller whose session is not known (any more): it holds no claim, but may ask how one ended.
Verdict execute_without_session(Work& work, const SessionId& session, const Operation& operation) {
  const Found found = find_claim(work.tables, operation.task, operation.token);
  if (found.verdict == Verdict::kNotFound || found.verdict == Verdict::kUnknownYet)
    return found.verdict;
  if (found.finished) {
    const bool known = work.tables.completions.has(operation.task, operation.token);
    return known && operation.kind == OperationKind::kAck ? Verdict::kOk
                                                          : Verdict::kFinishedUnknown;
  }
  note_superseded(work, operation, session);
  return Verdict::kSuperseded;
}

// The next task is asked for with the operation: credit that the client's own message will only
// repeat.
void anticipate_credit(Work& work, std::uint32_t slot, const Operation& operation) {
  const Session& session = work.tables.sessions[slot];
  const Manager& manager = work.tables.members.manager(session.manager);
  const bool current = manager.online && manager.incarnation == session.incarnation;
  const bool ends =
      operation.kind != OperationKind::kExtend && operation.kind != OperationKind::kSave;
  if (!operation.wants_next || !ends || !current) return;
  ++work.tables.sessions.edit(slot).credit;
  work.eager_sessions.push_back(slot);
}

void apply_one(Work& work, std::uint32_t slot, const Operation& operation,
               OperationsOutcome& outcome) {
  Session& session = work.tables.sessions.edit(slot);
  if (!operation.seq || operation.seq <= session.outcomes.answered_through()) return;
  if (const OperationOutcomes::Item* known = session.outcomes.find(operation.seq)) {
    outcome.outcomes.push_back(to_outcome(known->seq, known->verdict));
    return;
  }
  Verdict verdict = Verdict::kTooMany;
  if (!session.outcomes.full()) verdict = execute(work, slot, operation);
  if (is_final(verdict)) session.outcomes.add(operation.seq, verdict);
  if (verdict == Verdict::kOk) anticipate_credit(work, slot, operation);
  outcome.outcomes.push_back(to_outcome(operation.seq, verdict));
}

}  // namespace

OperationsOutcome apply_operations(Work& work, const SessionOperations& command) {
  OperationsOutcome outcome;
  const bool too_many = command.operations.size() > kEntryTasksMax;
  const std::uint32_t slot = work.tables.sessions.find(command.session);
  if (slot != kNoSlot) {
    see_session(work, slot);
    work.tables.sessions.edit(slot).outcomes.answered(command.answered_through);
  }
  outcome.outcomes.reserve(command.operations.size());
  for (const Operation& operation : command.operations) {
    if (too_many) {
      outcome.outcomes.push_back(to_outcome(operation.seq, Verdict::kTooMany));
    } else if (slot != kNoSlot) {
      apply_one(work, slot, operation, outcome);
    } else {
      outcome.outcomes.push_back(
          to_outcome(operation.seq, execute_without_session(work, command.session, operation)));
    }
  }
  return outcome;
}

SimpleOutcome apply_give_back(Work& work, Sender sender, const GiveBack& command) {
  Tables& tables = work.tables;
  const Found found = find_claim(tables, command.task, command.token);
  if (found.verdict != Verdict::kOk) return {{ErrorCode::kClaimSuperseded, "the claim is over"}};
  // Another manager delivers to the session now; what this one could not deliver is told there.
  const Session& session = tables.sessions[tables.rows[found.row].session];
  if (session.manager != sender.manager)
    return {{ErrorCode::kConflict, "the session is attached elsewhere"}};
  switch (command.reason) {
    case GiveBackReason::kUndelivered:
      return_claim(work, found.row, Cause::kUndelivered, Attempt::kTakenBack);
      return {};
    case GiveBackReason::kUnreachable:
      tables.bars.unreachable(sender.manager, command.task.shard(), work.now_ms());
      return_claim(work, found.row, Cause::kUnreachable, Attempt::kTakenBack);
      return {};
    case GiveBackReason::kDamaged:
      quarantine_claim(work, found.row, "the payload is damaged or missing");
      return {};
  }
  return {{ErrorCode::kInvalidArgument, "no such reason"}};
}

}  // namespace baton::center
