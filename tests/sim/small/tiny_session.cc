#include "tests/sim/small/tiny_session.h"

#include <iterator>
#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "tests/support/history_notes.h"

namespace baton::sim {
TinySession::TinySession(SimScheduler& scheduler, TinyCenter& center, check::History& history,
                         std::uint64_t process)
    : scheduler_(scheduler),
      center_(center),
      history_(history),
      process_(process),
      id_(scheduler.random().uuid()) {}

void TinySession::attach(Incarnation manager, bool keep, center::Effects& effects) {
  manager_ = manager;
  conn_epoch_ = conn_epoch_.next();
  if (!keep) held_.clear();
  center::AttachSession command{id_, conn_epoch_, {}, "tiny"};
  for (const auto& [token, task] : held_) command.held.push_back(token);
  held_at_attach_ = held_.size();
  answered_ = 0;
  line_ = {};
  center_.apply_one(manager_, std::move(command), effects);
}

void TinySession::demand(const std::string& queue, std::size_t window, center::Effects& effects) {
  if (!conn_epoch_ || held_at_attach_ > window + answered_) return;
  line_ = line_.next();
  center::SessionDemand command;
  command.session = id_;
  command.conn_epoch = conn_epoch_;
  command.line = line_;
  command.queue = queue;
  command.lease = kLeaseMin;
  command.total = window + answered_ - held_at_attach_;
  center_.apply_one(manager_, command, effects);
}

void TinySession::heartbeat(center::Effects& effects) {
  center::SessionHeartbeat command{id_, {}};
  for (const auto& [token, task] : held_) command.tokens.push_back(token);
  const auto outcome = center_.apply_one(manager_, std::move(command), effects);
  if (const auto* answer = std::get_if<center::HeartbeatOutcome>(&outcome)) {
    for (const Token lost : answer->lost) held_.erase(lost);
  }
}

void TinySession::operate(OperationKind kind, bool wants_next, center::Effects& effects) {
  if (held_.empty()) return;
  const auto chosen = std::next(
      held_.begin(), static_cast<std::ptrdiff_t>(scheduler_.random().below(held_.size())));
  center::Operation operation;
  operation.seq = last_seq_ = last_seq_.next();
  operation.kind = kind;
  operation.task = chosen->second;
  operation.token = chosen->first;
  operation.wants_next = wants_next && kind != OperationKind::kExtend;
  operation.started = scheduler_.random().one_in(2);
  operation.lease = kLeaseMin;
  operation.reason = "tiny";
  const ErrorCode code = send_noted(operation, effects);
  if (code == ErrorCode::kUnavailable)
    return last_.reset();  // nobody was asked, so nothing to repeat
  last_ = Sent{operation, code};
  if (kind == OperationKind::kExtend && code == ErrorCode::kOk) return;
  held_.erase(operation.token);
  answered_++;
}

void TinySession::lie(const TinyClaim& claim, center::Effects& effects) {
  if (held_.contains(claim.token)) return;
  center::Operation operation;
  operation.seq = last_seq_ = last_seq_.next();
  operation.kind = OperationKind::kAck;
  operation.task = claim.task;
  operation.token = claim.token;
  const ErrorCode code = send_noted(operation, effects);
  if (code == ErrorCode::kUnavailable)
    return last_.reset();  // nobody was asked, so nothing to repeat
  last_ = Sent{operation, code};
}

void TinySession::repeat_last(center::Effects& effects) {
  if (!last_) return;
  const ErrorCode again = send(last_->operation, effects);
  if (again == last_->code || again == ErrorCode::kUnavailable) return;
  complaints_.push_back("operation " + std::to_string(last_->operation.seq.value()) + " on task " +
                        to_string(last_->operation.task) + " was answered " +
                        std::string(to_string(last_->code)) + " and, repeated, " +
                        std::string(to_string(again)));
}

ErrorCode TinySession::send_noted(const center::Operation& operation, center::Effects& effects) {
  const std::uint64_t noted = history_.invoke(claim_event(
      action_of(operation.kind), scheduler_.now(), process_, operation.task, operation.token));
  const ErrorCode code = send(operation, effects);
  history_.end(noted, scheduler_.now(), outcome_of(code));
  return code;
}

ErrorCode TinySession::send(const center::Operation& operation, center::Effects& effects) {
  center::SessionOperations command{id_, {}, {operation}};
  // Everything before the last operation was answered for good.
  if (operation.seq.value() > 1) command.answered_through = OpSeq(operation.seq.value() - 1);
  const auto outcome = center_.apply_one(manager_, std::move(command), effects);
  const auto* answer = std::get_if<center::OperationsOutcome>(&outcome);
  if (answer == nullptr)
    return ErrorCode::kUnavailable;  // the manager is not the session's any more
  if (answer->outcomes.size() != 1 || answer->outcomes[0].seq != operation.seq) {
    complaints_.push_back("operation " + std::to_string(operation.seq.value()) + " got no answer");
    return ErrorCode::kUnavailable;
  }
  if (answer->outcomes[0].finished_unknown) {
    complaints_.push_back("finished_unknown for an operation of a session");
  }
  return answer->outcomes[0].code;
}

}  // namespace baton::sim
