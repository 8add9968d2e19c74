// What holders do with their claims, and managers with claims that they cannot deliver (R11, R14).
#include <algorithm>

#include "common/base/hash64.h"
#include "common/base/limits.h"
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

OperationOutcome outcome_of(const Operation& op, ErrorCode code, bool unknown = false) {
  return {op.seq, code, "", unknown};
}

// Grows with each failure; a part of it is spread by the token.
std::int64_t backoff(const QueueSettings& settings, std::uint32_t failures, Token token) {
  std::int64_t full = settings.backoff_min.count();
  for (std::uint32_t i = 1; i < failures && full < settings.backoff_max.count(); ++i)
    full = full * settings.backoff_factor_percent / 100;
  full = std::min<std::int64_t>(full, settings.backoff_max.count());
  const std::int64_t jitter = full * settings.backoff_jitter_percent / 100;
  return full - jitter +
         static_cast<std::int64_t>(hash64(token.value()) % static_cast<std::uint64_t>(jitter + 1));
}

}  // namespace

OperationsOutcome Oracle::operations(const SessionOperations& c) {
  OperationsOutcome outcome;
  const auto found = sessions.find(c.session);
  if (found == sessions.end()) {
    for (const Operation& op : c.operations) outcome.outcomes.push_back(execute({}, op));
    return outcome;
  }
  OracleSession& session = found->second;
  session.seen = now;
  session.answered = std::max(session.answered, c.answered_through);
  std::erase_if(session.outcomes,
                [&](const auto& known) { return known.first <= session.answered; });
  for (const Operation& op : c.operations) {
    if (!op.seq || op.seq <= session.answered) continue;
    const bool repeated = session.outcomes.contains(op.seq);
    if (!repeated || has(Mistake::kRunsTwice)) session.outcomes[op.seq] = execute(c.session, op);
    const OperationOutcome result = session.outcomes[op.seq];
    // Not final: it may come again.
    if (result.code == ErrorCode::kUnavailable) session.outcomes.erase(op.seq);
    outcome.outcomes.push_back(result);
    const bool current = !session.manager.empty() && is_online(session.manager) &&
                         managers[session.manager].incarnation == session.incarnation;
    const bool anticipates = op.wants_next && op.kind != OperationKind::kExtend &&
                             op.kind != OperationKind::kSave && result.code == ErrorCode::kOk &&
                             (!repeated || has(Mistake::kRepeatAnticipates));
    if (anticipates && current) {
      ++session.credit;
      eager_.push_back(c.session);
    }
  }
  return outcome;
}

OperationOutcome Oracle::execute(const SessionId& session, const Operation& op) {
  const auto shard = shards.find(op.task.shard());
  if (!op.task.valid() || shard == shards.end()) return outcome_of(op, ErrorCode::kNotFound);
  const auto found = tasks.find(op.task);
  if (found == tasks.end()) return outcome_of(op, ErrorCode::kUnavailable);
  OracleTask& task = found->second;
  const bool claimed = task.state == TaskState::kClaimed;
  const bool token =
      task.token == op.token || (has(Mistake::kNoFencing) && op.kind == OperationKind::kAck);
  const bool holder =
      task.session == session || (has(Mistake::kAnySession) && op.kind == OperationKind::kAck);
  if (claimed && token && holder && session) return execute_claim(task, op.task, op);
  // To its holder a parent that was acked is finished, too.
  const bool finished =
      (task.finished() && !(task.state == TaskState::kCancelled && task.kept)) || task.acked;
  if (finished && op.kind == OperationKind::kAck && task.completed_by.contains(op.token))
    return outcome_of(op, ErrorCode::kOk);
  if (finished && !session) return outcome_of(op, ErrorCode::kOk, true);
  ++superseded;
  return outcome_of(op, ErrorCode::kClaimSuperseded);
}

OperationOutcome Oracle::execute_claim(OracleTask& task, TaskId id, const Operation& op) {
  switch (op.kind) {
    case OperationKind::kAck:
      ack(task, id, op);
      break;
    case OperationKind::kNack:
      nack(task, id, op);
      break;
    case OperationKind::kRelease:
      if (!op.started) --task.attempt;
      come_back(id, Cause::kReleased, task.token, task.session);
      break;
    case OperationKind::kExtend:
      if (!validate_lease(op.lease).ok()) return outcome_of(op, ErrorCode::kInvalidArgument);
      extend(task, now + op.lease.count());
      effects_.transitions.push_back({id, 1, TaskState::kClaimed, TaskState::kClaimed,
                                      Cause::kExtended, task.token, task.session});
      break;
    case OperationKind::kSave:
      save(task, id, op);
      break;
  }
  return outcome_of(op, ErrorCode::kOk);
}

void Oracle::ack(OracleTask& task, TaskId id, const Operation& op) {
  const SessionId session = task.session;
  task.completed_by.insert(op.token);
  task.result = op.result;
  if (!task.is_parent) return end(id, TaskState::kDone, Cause::kAck, op.token, session);
  task.acked = true;
  task.policy = op.on_failed_child == FailurePolicy::kDefault ? task.policy : op.on_failed_child;
  task.ttl_at = 0;  // it was claimed in time
  release_key(id);  // its own work is done
  move(id, TaskState::kBlocked, Cause::kAck, op.token, session);
  judge_parent(id);
}

void Oracle::nack(OracleTask& task, TaskId id, const Operation& op) {
  const Token token = task.token;
  const SessionId session = task.session;
  OracleQueue& queue = queue_of(task);
  if (!op.reason.empty()) task.reason = op.reason;
  ++task.failures;
  const bool own = task.options.max_attempts != 0 && !has(Mistake::kQueueAttempts);
  if (op.dead) return end(id, TaskState::kDead, Cause::kKilled, token, session);
  if (task.failures >= (own ? task.options.max_attempts : queue.settings.max_attempts))
    return end(id, TaskState::kDead, Cause::kAttemptsSpent, token, session);
  if (is_gone(id)) return come_back(id, Cause::kNack, token, session);
  QueueSettings settings = queue.settings;
  if (has(Mistake::kDoubledBackoff)) settings.backoff_factor_percent = 200;
  const bool stated = op.delay && !has(Mistake::kNackIsNack);
  task.deadline = now + (stated ? op.delay->count() : backoff(settings, task.failures, token));
  task.backs_off = true;
  move(id, TaskState::kDelayed, Cause::kNack, token, session);
  if (has(Mistake::kBackoffFreesKey)) release_key(id);
}

void Oracle::save(OracleTask& task, TaskId id, const Operation& op) {
  if (op.percent || !op.progress.empty()) {
    if (op.percent) task.percent = std::min(*op.percent, 100U);
    task.progress = op.progress;
  }
  if (!op.checkpoint) return;
  task.checkpoint = op.result;
  task.checkpoint_token = task.token;
  effects_.transitions.push_back(
      {id, 1, TaskState::kClaimed, TaskState::kClaimed, Cause::kSaved, task.token, task.session});
}

// Its session loses the claim without its own doing.
void Oracle::lose(TaskId id, LostCause cause) {
  const OracleTask& task = tasks[id];
  const OracleSession& session = sessions[task.session];
  effects_.lost.push_back(
      {task.session, session.incarnation, session.conn_epoch, id, task.token, cause});
}

Status Oracle::give_back(const std::string& from, const GiveBack& c) {
  const auto found = tasks.find(c.task);
  const bool current = found != tasks.end() && found->second.state == TaskState::kClaimed &&
                       found->second.token == c.token;
  if (!current) return {ErrorCode::kClaimSuperseded, ""};
  OracleTask& task = found->second;
  if (sessions[task.session].manager != from) return {ErrorCode::kConflict, ""};
  if (c.reason == GiveBackReason::kDamaged) {
    end(c.task, TaskState::kQuarantined, Cause::kDamaged, task.token, task.session);
    return {};
  }
  --task.attempt;
  if (c.reason == GiveBackReason::kUnreachable) {
    Bar& bar = bars_[{from, c.task.shard()}];
    if (bar.length == 0 || bar.over) {
      bar.length = bar.length == 0 ? 1000 : std::min<std::int64_t>(2 * bar.length, 30'000);
      bar.until = now + bar.length;
      bar.over = false;
    }
    come_back(c.task, Cause::kUnreachable, task.token, task.session);
  } else {
    come_back(c.task, Cause::kUndelivered, task.token, task.session);
  }
  return {};
}

}  // namespace baton::center::model
