// Sessions: who waits, and who holds what (R9, R10).
#include <algorithm>

#include "common/base/limits.h"
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {

OracleTask* Oracle::find_claim(const SessionId& session, Token token, TaskId* id) {
  for (const TaskId task_id : claimed_) {
    OracleTask& task = tasks[task_id];
    if (task.token != token || task.session != session) continue;
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
    for (const TaskId id : claimed_) {
      if (tasks[id].session == c.session) claims[tasks[id].token] = id;
    }
    for (const auto& [token, id] : claims) {
      const bool held = std::find(c.held.begin(), c.held.end(), token) != c.held.end();
      if (held || has(Mistake::kKeepsClaims)) {
        tasks[id].number = GrantNumber();
      } else {
        --tasks[id].attempt;
        come_back(id, Cause::kUndelivered, token, c.session);
      }
    }
    session.manager = from;
    session.incarnation = managers[from].incarnation;
    session.conn_epoch = c.conn_epoch;
    if (!has(Mistake::kOldCredit)) session.credit = 0;
    session.grants = 0;
    session.last_line = session.served = LineId();
    session.served_in_a_row = 0;
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
      (c.lease != Millis(0) && !validate_lease(c.lease).ok())) {
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

// Heartbeats extend a claim no further.
std::int64_t Oracle::attempt_end(const OracleTask& task) const {
  const Millis own = task.options.attempt_timeout;
  const Millis timeout = own == Millis(0) ? of_queue.at(task.queue).settings.attempt_timeout : own;
  const std::int64_t end = task.claimed_at + timeout.count();
  return task.total_at != 0 ? std::min(end, task.total_at) : end;
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
      const std::int64_t end = now + task->lease;
      extend(*task, has(Mistake::kRenewsForEver) ? end : std::min(end, attempt_end(*task)));
    }
  }
  return outcome;
}

}  // namespace baton::center::model
