#include "center/core/apply_operations.h"

#include <algorithm>
#include <utility>

#include "center/core/apply_sessions.h"
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
  const TaskValue value = shard->tasks.get(task.offset());
  if (value.finished()) return {Verdict::kSuperseded, kNoSlot, true};
  if (value.kind() != TaskValue::Kind::kRow) return {Verdict::kSuperseded};
  const TaskRow& row = tables.rows[value.row_slot()];
  if (row.state == TaskState::kDone) return {Verdict::kSuperseded, kNoSlot, true};
  if (row.state != TaskState::kClaimed || row.token != token) return {Verdict::kSuperseded};
  return {Verdict::kOk, value.row_slot()};
}

// Doubles with each failure up to the cap; the upper half is spread by the token, so that tasks
// which failed together do not come back together.
std::int64_t backoff_ms(const LedgerOptions& options, const TaskRow& row) {
  const std::uint32_t doublings = std::min(row.failures - 1, 30U);
  const std::int64_t full =
      std::min(options.backoff_min.count() << doublings, options.backoff_max.count());
  const std::int64_t half = full / 2;
  const auto spread = static_cast<std::uint64_t>(full - half + 1);
  return half + static_cast<std::int64_t>(hash64(row.token.value()) % spread);
}

void nack(Work& work, std::uint32_t slot, const std::string& reason) {
  TaskRow& row = work.tables.rows.edit(slot);
  ++row.failures;
  if (!reason.empty()) work.tables.reasons[row.task] = reason.substr(0, kReasonBytesMax);
  if (row.failures >= work.tables.options.max_attempts) {
    kill_claim(work, slot);
  } else {
    delay_claim(work, slot, work.now_ms() + backoff_ms(work.tables.options, row));
  }
}

Verdict execute_on_claim(Work& work, std::uint32_t slot, const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kAck:
      complete(work, slot, operation.result);
      return Verdict::kOk;
    case OperationKind::kNack:
      nack(work, slot, operation.reason);
      return Verdict::kOk;
    case OperationKind::kRelease:
      return_claim(work, slot, Cause::kReleased,
                   operation.started ? Attempt::kCounts : Attempt::kTakenBack);
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
  if (!operation.wants_next || operation.kind == OperationKind::kExtend || !current) return;
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
