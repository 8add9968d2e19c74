#include "manager/service/wire.h"

#include <variant>

namespace baton::manager {
namespace {

void fill(const AttachCommand& from, v1::Command& out) {
  v1::AttachSession& to = *out.mutable_attach();
  to_wire(from.session, to.mutable_session());
  to.set_conn_epoch(from.conn_epoch.value());
  for (const Token token : from.held) to.add_held(token.value());
  to.set_consumer(from.consumer);
}

void fill(const DemandCommand& from, v1::Command& out) {
  v1::SessionDemand& to = *out.mutable_demand();
  to_wire(from.session, to.mutable_session());
  to.set_conn_epoch(from.conn_epoch.value());
  to.set_line(from.line.value());
  to.set_queue(from.queue);
  to.set_lease_ms(static_cast<std::uint32_t>(from.lease.count()));
  to.set_total(from.total);
  to.set_task(from.task.value());
}

void fill(const EndWaitCommand& from, v1::Command& out) {
  v1::SessionEndWait& to = *out.mutable_end_wait();
  to_wire(from.session, to.mutable_session());
  to.set_conn_epoch(from.conn_epoch.value());
  to.set_line(from.line.value());
}

void fill(const ClosedCommand& from, v1::Command& out) {
  v1::SessionClosed& to = *out.mutable_session_closed();
  to_wire(from.session, to.mutable_session());
  to.set_conn_epoch(from.conn_epoch.value());
}

void fill(const OperationsCommand& from, v1::Command& out) {
  v1::SessionOperations& to = *out.mutable_operations();
  to_wire(from.session, to.mutable_session());
  to.set_answered_through(from.answered_through.value());
  for (const SessionOperation& operation : from.operations) {
    v1::LedgerOperation& next = *to.add_operation();
    next.set_seq(operation.seq.value());
    next.set_kind(static_cast<v1::OperationKind>(operation.kind));
    next.set_task(operation.task.value());
    next.set_token(operation.token.value());
    next.set_wants_next(operation.wants_next);
    next.set_started(operation.started);
    next.set_lease_ms(static_cast<std::uint32_t>(operation.lease.count()));
    next.set_result_shard(operation.result_shard.value());
    next.set_result_lsn(operation.result_lsn.value());
    next.set_result_bytes(operation.result_bytes);
    next.set_reason(operation.reason);
    if (operation.delay) next.set_delay_ms(static_cast<std::uint64_t>(operation.delay->count()));
    next.set_dead(operation.dead);
    next.set_on_failed_child(static_cast<v1::FailurePolicy>(operation.on_failed_child));
    if (operation.percent) next.set_percent(*operation.percent);
    next.set_progress(operation.progress);
    next.set_checkpoint(operation.checkpoint);
  }
}

void fill(const HeartbeatCommand& from, v1::Command& out) {
  v1::SessionHeartbeat& to = *out.mutable_heartbeat();
  to_wire(from.session, to.mutable_session());
  for (const Token token : from.tokens) to.add_token(token.value());
}

void fill(const GiveBackCommand& from, v1::Command& out) {
  v1::GiveBack& to = *out.mutable_give_back();
  to.set_task(from.task.value());
  to.set_token(from.token.value());
  to.set_reason(static_cast<v1::GiveBackReason>(from.reason));
}

void fill(const ReportRun& from, const CreatedReporter& reporter, v1::CreatedRun& to) {
  to.set_count(from.count);
  if (const QueueId queue = reporter.find_queue(from.queue); queue) {
    to.set_queue_id(queue.value());
  } else {
    to.set_queue(from.queue);
  }
  to.set_priority(from.options.priority);
  TaskOptions options = from.options;
  options.priority = kPriorityDefault;
  if (options != TaskOptions()) to_wire(options, to.mutable_options());
  if (from.key_hash) {
    to.add_key_hash(from.key_hash.hi);
    to.add_key_hash(from.key_hash.lo);
  }
  for (const std::uint32_t bytes : from.payload_bytes) to.add_payload_bytes(bytes);
  if (from.producer) {
    to_wire(from.producer, to.mutable_producer());
    to.set_seq(from.seq.value());
    to.set_resolved_below(from.resolved_below.value());
  }
  to.set_waits(from.waits);
  to.set_only_waits(from.only_waits);
  to.set_is_void(from.is_void);
  to.set_unreadable(from.unreadable);
  for (const ShardId shard : from.maybe_at) to.add_maybe_at(shard.value());
  for (const std::uint64_t hash : from.content_hash) to.add_content_hash(hash);
}

}  // namespace

Status status_from_wire(v1::ErrorCode code, const std::string& message) {
  if (code == v1::OK) return {};
  return Status(from_wire(code), message);
}

void to_wire(const RelayCommand& command, v1::Command& out) {
  std::visit([&out](const auto& value) { fill(value, out); }, command);
}

void to_wire(const CreatedBatch& batch, const CreatedReporter& reporter, v1::Created& out) {
  out.set_from(batch.from.value());
  out.set_durable_end(reporter.stored_end().value());
  out.set_crc_last(batch.runs.back().crc_last);
  out.set_wall_ms(batch.runs.front().stored_at.ms);
  for (const ReportRun& run : batch.runs) fill(run, reporter, *out.add_run());
}

SessionGrant from_wire(const v1::Grant& grant) {
  SessionGrant value{SessionId(from_wire(grant.session())),
                     ConnEpoch(grant.conn_epoch()),
                     GrantNumber(grant.number()),
                     LineId(grant.line()),
                     TaskId(grant.task()),
                     Token(grant.token()),
                     grant.attempt(),
                     Millis(grant.lease_ms()),
                     grant.expiries()};
  if (grant.has_checkpoint()) {
    const v1::ResultPlace& place = grant.checkpoint();
    value.checkpoint = {Token(place.token()), ShardId(place.shard()), Lsn(place.lsn()),
                        place.length()};
  }
  value.percent = grant.percent();
  value.progress = grant.progress();
  return value;
}

LostClaim from_wire(const v1::SessionLostClaim& lost) {
  const v1::LostClaim& claim = lost.claim();
  return {SessionId(from_wire(lost.session())), ConnEpoch(lost.conn_epoch()), TaskId(claim.task()),
          Token(claim.token()), enum_from_wire<LostCause>(static_cast<int>(claim.cause()))};
}

OperationResult from_wire(const v1::OperationOutcome& outcome) {
  return {OpSeq(outcome.seq()), from_wire(outcome.code()), outcome.message(),
          outcome.finished_unknown()};
}

ResyncResult from_wire(const v1::ResyncState& state) {
  ResyncResult result{SessionId(from_wire(state.session())),
                      status_from_wire(state.code(), state.message()),
                      ConnEpoch(state.conn_epoch()),
                      GrantNumber(state.grants()),
                      {}};
  for (const v1::Grant& claim : state.claim()) result.claims.push_back(from_wire(claim));
  return result;
}

RegisterAnswer from_wire(const v1::RegisterOutcome& outcome) {
  const bool known = outcome.result() >= v1::REGISTERED && outcome.result() <= v1::REGISTER_UNKNOWN;
  return {known ? static_cast<RegisterResult>(outcome.result()) : RegisterResult::kUnknown,
          Offset(outcome.created_hi()), Incarnation(outcome.incarnation()), Epoch(outcome.epoch()),
          Life(from_wire(outcome.life()))};
}

SessionOperation from_wire(const v1::Operation& operation) {
  SessionOperation value;
  value.seq = OpSeq(operation.seq());
  value.kind = static_cast<OperationKind>(operation.kind());
  value.task = TaskId(operation.task());
  value.token = Token(operation.token());
  value.wants_next = operation.wants_next() && value.ends_claim();
  value.started = operation.started();
  value.lease = Millis(operation.lease_ms());
  switch (value.kind) {
    case OperationKind::kAck:
      value.on_failed_child = enum_from_wire<FailurePolicy>(operation.on_failed_child());
      break;
    case OperationKind::kNack:
      if (operation.has_delay_ms()) value.delay = millis_from_wire(operation.delay_ms());
      value.dead = operation.dead();
      break;
    case OperationKind::kSave:
      if (operation.has_percent()) value.percent = operation.percent();
      value.progress = operation.progress();
      value.checkpoint = operation.checkpoint();
      break;
    case OperationKind::kRelease:
    case OperationKind::kExtend:
      break;
  }
  return value;
}

void to_wire(const OperationResult& outcome, v1::OperationOutcome& out) {
  out.set_seq(outcome.seq.value());
  out.set_code(to_wire(outcome.code));
  out.set_message(outcome.message);
  out.set_finished_unknown(outcome.finished_unknown);
}

// What a consumer wants to know of what its producer asked for.
void to_delivery_options(const TaskOptions& options, v1::Delivery& out) {
  TaskOptions shown;
  shown.priority = options.priority;
  shown.type = options.type;
  shown.key = options.key;
  shown.order_key = options.order_key;
  shown.fair_key = options.fair_key;
  shown.parent = options.parent;
  shown.retry_of = options.retry_of;
  if (shown != TaskOptions()) to_wire(shown, out.mutable_options());
}

void to_wire(const LostClaim& claim, v1::LostClaim& out) {
  out.set_task(claim.task.value());
  out.set_token(claim.token.value());
  out.set_cause(static_cast<v1::LostCause>(claim.cause));
}

void to_wire(const SessionGrant& grant, std::size_t bytes, v1::Delivery& out) {
  out.set_number(grant.number.value());
  out.set_line(grant.line.value());
  out.set_task(grant.task.value());
  out.set_token(grant.token.value());
  out.set_attempt(grant.attempt);
  out.set_lease_ms(static_cast<std::uint32_t>(grant.lease.count()));
  out.set_length(static_cast<std::uint32_t>(bytes));
  out.set_expiries(grant.expiries);
  out.set_percent(grant.percent);
  out.set_progress(grant.progress);
}

}  // namespace baton::manager
