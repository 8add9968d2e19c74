#include <algorithm>

#include "common/base/hash64.h"
#include "common/base/limits.h"
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

OperationOutcome outcome_of(const Operation& op, ErrorCode code, bool unknown = false) {
  return {op.seq, code, "", unknown};
}

}  // namespace

OracleTask* Oracle::find_claim(const SessionId& session, Token token, TaskId* id) {
  for (auto& [task_id, task] : tasks) {
    if (task.state != TaskState::kClaimed || task.token != token || task.session != session)
      continue;
    if (id != nullptr) *id = task_id;
    return &task;
  }
  return nullptr;
}

AttachOutcome Oracle::attach(const std::string& from, const AttachSession& c) {
  const auto known = sessions.find(c.session);
  if (!c.session || !c.conn_epoch) {
    return {{ErrorCode::kInvalidArgument, ""},
            known == sessions.end() ? ConnEpoch() : known->second.conn_epoch,
            {}};
  }
  if (known != sessions.end()) {
    const OracleSession& s = known->second;
    const bool same = c.conn_epoch == s.conn_epoch && s.manager == from &&
                      s.incarnation == managers[from].incarnation;
    if (c.conn_epoch <= s.conn_epoch && !same)
      return {{ErrorCode::kConflict, ""}, s.conn_epoch, {}};
  } else {
    sessions[c.session].looked_at = now + 600'000;
  }
  OracleSession& session = sessions[c.session];
  session.seen = now;
  if (c.conn_epoch > session.conn_epoch) {
    session.lines.clear();
    std::map<Token, TaskId> claims;
    for (auto& [id, task] : tasks) {
      if (task.state == TaskState::kClaimed && task.session == c.session) claims[task.token] = id;
    }
    for (const auto& [token, id] : claims) {
      const bool held = std::find(c.held.begin(), c.held.end(), token) != c.held.end();
      if (held || has(Mistake::kKeepsClaims)) {
        tasks[id].number = GrantNumber();
      } else {
        --tasks[id].attempt;
        come_back(id, TaskState::kClaimed, Cause::kUndelivered);
      }
    }
    session.manager = from;
    session.incarnation = managers[from].incarnation;
    session.conn_epoch = c.conn_epoch;
    if (!has(Mistake::kOldCredit)) session.credit = 0;
    session.grants = 0;
    session.last_line = session.served = LineId();
  }
  AttachOutcome outcome{{}, session.conn_epoch, {}};
  for (const Token token : c.held) {
    if (find_claim(c.session, token) != nullptr) outcome.kept.push_back(token);
  }
  return outcome;
}

Status Oracle::check_attached(const std::string& from, const SessionId& id,
                              ConnEpoch conn_epoch) const {
  const auto found = sessions.find(id);
  if (found == sessions.end()) return {ErrorCode::kNotFound, ""};
  const OracleSession& s = found->second;
  const bool same = s.conn_epoch == conn_epoch && s.manager == from &&
                    s.incarnation == managers.at(from).incarnation;
  return same ? Status() : Status(ErrorCode::kConflict, "");
}

Status Oracle::demand(const std::string& from, const SessionDemand& c) {
  if (!c.line || !validate_queue_name(c.queue).ok() || (c.task && !c.task.valid()) ||
      !validate_lease(c.lease).ok()) {
    return {ErrorCode::kInvalidArgument, ""};
  }
  if (Status status = check_attached(from, c.session, c.conn_epoch); !status.ok()) return status;
  OracleSession& session = sessions[c.session];
  session.seen = now;
  if (!session.lines.contains(c.line)) {
    if (c.line <= session.last_line) return {ErrorCode::kNotFound, ""};
    session.last_line = c.line;
    session.lines[c.line] = {c.queue, 0, c.task, 0};
    intern(c.queue);
  }
  session.lines[c.line].lease = c.lease.count();
  session.credit =
      has(Mistake::kCreditAdds) ? session.credit + c.total : std::max(session.credit, c.total);
  eager_.push_back(c.session);
  return {};
}

Status Oracle::end_wait(const std::string& from, const SessionEndWait& c) {
  if (Status status = check_attached(from, c.session, c.conn_epoch); !status.ok()) return status;
  OracleSession& session = sessions[c.session];
  session.seen = now;
  if (session.lines.erase(c.line) == 0) session.last_line = std::max(session.last_line, c.line);
  return {};
}

Status Oracle::closed(const std::string& from, const SessionClosed& c) {
  if (Status status = check_attached(from, c.session, c.conn_epoch); !status.ok()) return status;
  sessions[c.session].credit = sessions[c.session].grants;
  sessions[c.session].lines.clear();
  return {};
}

void Oracle::extend(OracleTask& task, std::int64_t until) {
  task.deadline = std::max(task.deadline, until + (has(Mistake::kNoCap) ? 0 : 1000));
}

HeartbeatOutcome Oracle::heartbeat(const SessionHeartbeat& c) {
  const auto found = sessions.find(c.session);
  if (found == sessions.end()) return {{ErrorCode::kNotFound, ""}, c.tokens};
  found->second.seen = now;
  HeartbeatOutcome outcome;
  for (const Token token : c.tokens) {
    OracleTask* task = find_claim(c.session, token);
    if (task == nullptr) {
      outcome.lost.push_back(token);
    } else {
      extend(*task, std::min(now + task->lease, task->claimed_at + 3'600'000));
    }
  }
  return outcome;
}

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
                             result.code == ErrorCode::kOk &&
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
  const bool finished = task.state == TaskState::kDone || task.state == TaskState::kVoid;
  if (finished && op.kind == OperationKind::kAck && task.completed_by.contains(op.token))
    return outcome_of(op, ErrorCode::kOk);
  if (finished && !session) return outcome_of(op, ErrorCode::kOk, true);
  ++superseded;
  return outcome_of(op, ErrorCode::kClaimSuperseded);
}

OperationOutcome Oracle::execute_claim(OracleTask& task, TaskId id, const Operation& op) {
  const Token token = task.token;
  const SessionId session = task.session;
  switch (op.kind) {
    case OperationKind::kAck:
      task.completed_by.insert(op.token);
      task.result = op.result;
      move(id, TaskState::kDone, Cause::kAck, op.token, session);
      break;
    case OperationKind::kNack:
      if (++task.failures >= 5) {
        move(id, TaskState::kDead, Cause::kAttemptsSpent, token, session);
      } else if (is_gone(id)) {
        come_back(id, TaskState::kClaimed, Cause::kNack);
      } else {
        const std::int64_t full = std::min<std::int64_t>(1000LL << (task.failures - 1), 300'000);
        const std::int64_t half = full / 2;
        task.deadline = now + half +
                        static_cast<std::int64_t>(hash64(token.value()) %
                                                  static_cast<std::uint64_t>(full - half + 1));
        move(id, TaskState::kDelayed, Cause::kNack, token, session);
      }
      break;
    case OperationKind::kRelease:
      if (!op.started) --task.attempt;
      come_back(id, TaskState::kClaimed, Cause::kReleased);
      break;
    case OperationKind::kExtend:
      if (!validate_lease(op.lease).ok()) return outcome_of(op, ErrorCode::kInvalidArgument);
      extend(task, now + op.lease.count());
      effects_.transitions.push_back(
          {id, 1, TaskState::kClaimed, TaskState::kClaimed, Cause::kExtended, token, session});
      break;
    case OperationKind::kSave:
      break;
  }
  return outcome_of(op, ErrorCode::kOk);
}

Status Oracle::give_back(const std::string& from, const GiveBack& c) {
  const auto found = tasks.find(c.task);
  const bool current = found != tasks.end() && found->second.state == TaskState::kClaimed &&
                       found->second.token == c.token;
  if (!current) return {ErrorCode::kClaimSuperseded, ""};
  OracleTask& task = found->second;
  if (sessions[task.session].manager != from) return {ErrorCode::kConflict, ""};
  if (c.reason == GiveBackReason::kDamaged) {
    move(c.task, TaskState::kQuarantined, Cause::kDamaged, task.token, task.session);
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
    come_back(c.task, TaskState::kClaimed, Cause::kUnreachable);
  } else {
    come_back(c.task, TaskState::kClaimed, Cause::kUndelivered);
  }
  return {};
}

}  // namespace baton::center::model
