#include "center/storage/outcome_codec.h"

#include "center/storage/wire_values.h"

namespace baton::center {
namespace {

void encode_tokens(const std::vector<Token>& from,
                   google::protobuf::RepeatedField<std::uint64_t>* to) {
  to->Reserve(static_cast<int>(from.size()));
  for (const Token token : from) to->Add(token.value());
}

void encode(const SimpleOutcome& outcome, v1::Outcome* out) {
  set_status(outcome.status, out->mutable_simple());
}

void encode(const EnrollOutcome& outcome, v1::Outcome* out) {
  v1::EnrollOutcome* wire = out->mutable_enroll();
  set_status(outcome.status, wire);
  to_wire(outcome.cluster, wire->mutable_cluster());
  wire->set_shard(outcome.shard.value());
  wire->set_created_hi(outcome.created_hi.value());
  wire->set_epoch(outcome.epoch.value());
}

void encode(const RegisterOutcome& outcome, v1::Outcome* out) {
  v1::RegisterOutcome* wire = out->mutable_register_();
  wire->set_result(static_cast<v1::RegisterResult>(outcome.result));
  wire->set_created_hi(outcome.created_hi.value());
  wire->set_incarnation(outcome.incarnation.value());
  wire->set_epoch(outcome.epoch.value());
  to_wire(outcome.life, wire->mutable_life());
}

void encode(const CreatedOutcome& outcome, v1::Outcome* out) {
  v1::CreatedOutcome* wire = out->mutable_created();
  wire->set_code(to_wire(outcome.status.code()));
  wire->set_created_hi(outcome.created_hi.value());
  for (const Winner& winner : outcome.winners) {
    v1::Winner* item = wire->add_winner();
    item->set_offset(winner.offset.value());
    item->set_task(winner.task.value());
    item->set_code(to_wire(winner.code));
    item->set_duplicate(winner.duplicate);
    item->set_state(static_cast<v1::TaskState>(winner.state));
  }
  for (const auto& [name, id] : outcome.queues) {
    v1::QueueIdentity* queue = wire->add_queue();
    queue->set_name(name);
    queue->set_id(id.value());
  }
}

void encode(const AttachOutcome& outcome, v1::Outcome* out) {
  v1::AttachOutcome* wire = out->mutable_attach();
  set_status(outcome.status, wire);
  wire->set_conn_epoch(outcome.conn_epoch.value());
  encode_tokens(outcome.kept, wire->mutable_kept());
}

void encode(const OperationsOutcome& outcome, v1::Outcome* out) {
  v1::OperationsOutcome* wire = out->mutable_operations();
  for (const OperationOutcome& from : outcome.outcomes) {
    v1::OperationOutcome* item = wire->add_outcome();
    item->set_seq(from.seq.value());
    item->set_code(to_wire(from.code));
    item->set_message(from.message);
    item->set_finished_unknown(from.finished_unknown);
  }
}

void encode(const HeartbeatOutcome& outcome, v1::Outcome* out) {
  set_status(outcome.status, out->mutable_heartbeat());
  encode_tokens(outcome.lost, out->mutable_heartbeat()->mutable_lost());
}

void encode(const ActOutcome& outcome, v1::Outcome* out) {
  v1::ActOutcome* wire = out->mutable_act();
  for (const ActedItem& from : outcome.items) {
    v1::ActedItem* item = wire->add_item();
    set_status(from.status, item);
    item->set_state(static_cast<v1::TaskState>(from.state));
  }
}

void encode(const PurgeOutcome& outcome, v1::Outcome* out) {
  set_status(outcome.status, out->mutable_purge());
  out->mutable_purge()->set_tasks(outcome.tasks);
}

void encode(const BorrowOutcome& outcome, v1::Outcome* out) {
  v1::BorrowOutcome* wire = out->mutable_borrow();
  set_status(outcome.status, wire);
  wire->set_tasks(outcome.tasks);
  wire->set_bytes(outcome.bytes);
  encode_rule(outcome.rule, wire->mutable_rule());
}

template <class T>
T refused(const Status& status) {
  T outcome;
  outcome.status = status;
  return outcome;
}

}  // namespace

void encode_outcome(const Outcome& outcome, v1::Outcome* wire) {
  wire->Clear();
  std::visit([wire](const auto& kind) { encode(kind, wire); }, outcome);
}

void encode_grant(const Grant& grant, v1::Grant* wire) {
  to_wire(grant.session, wire->mutable_session());
  wire->set_conn_epoch(grant.conn_epoch.value());
  wire->set_number(grant.number.value());
  wire->set_line(grant.line.value());
  wire->set_task(grant.task.value());
  wire->set_token(grant.token.value());
  wire->set_attempt(grant.attempt);
  wire->set_lease_ms(static_cast<std::uint32_t>(grant.lease.count()));
  wire->set_expiries(grant.expiries);
  wire->set_percent(grant.percent);
  wire->set_progress(grant.progress);
  if (!grant.checkpoint) return;
  v1::ResultPlace* checkpoint = wire->mutable_checkpoint();
  checkpoint->set_task(grant.task.value());
  checkpoint->set_token(grant.checkpoint_token.value());
  checkpoint->set_shard(grant.checkpoint.shard.value());
  checkpoint->set_lsn(grant.checkpoint.lsn.value());
  checkpoint->set_length(grant.checkpoint.bytes);
  checkpoint->set_kind(v1::RECORD_CHECKPOINT);
}

void encode_lost(const LostClaim& lost, v1::SessionLostClaim* wire) {
  to_wire(lost.session, wire->mutable_session());
  wire->set_conn_epoch(lost.conn_epoch.value());
  wire->mutable_claim()->set_task(lost.task.value());
  wire->mutable_claim()->set_token(lost.token.value());
  wire->mutable_claim()->set_cause(static_cast<v1::LostCause>(lost.cause));
}

void encode_rule(const QueueRule& rule, v1::QueueRule* wire) {
  wire->set_queue(rule.queue);
  wire->set_ordered(rule.ordered);
  wire->set_limits_tasks(rule.limits_tasks);
  wire->set_max_bytes(rule.max_bytes);
}

void encode_refusal(const v1::Command& command, const Status& status, v1::Outcome* wire) {
  wire->Clear();
  switch (command.kind_case()) {
    case v1::Command::kEnroll:
      return encode(refused<EnrollOutcome>(status), wire);
    case v1::Command::kRegister:
      return encode(RegisterOutcome{}, wire);
    case v1::Command::kCreated:
      return encode(refused<CreatedOutcome>(status), wire);
    case v1::Command::kAttach:
      return encode(refused<AttachOutcome>(status), wire);
    case v1::Command::kHeartbeat:
      return encode(refused<HeartbeatOutcome>(status), wire);
    case v1::Command::kOperations: {
      OperationsOutcome outcome;
      for (const v1::LedgerOperation& operation : command.operations().operation()) {
        outcome.outcomes.push_back(
            {.seq = OpSeq(operation.seq()), .code = status.code(), .message = status.message()});
      }
      return encode(outcome, wire);
    }
    case v1::Command::kActOn: {
      ActOutcome outcome;
      for (int i = 0; i < command.act_on().task_size(); ++i) outcome.items.push_back({status});
      return encode(outcome, wire);
    }
    case v1::Command::kPurge:
      return encode(refused<PurgeOutcome>(status), wire);
    case v1::Command::kBorrow:
      return encode(refused<BorrowOutcome>(status), wire);
    default:
      return encode(SimpleOutcome{status}, wire);
  }
}

}  // namespace baton::center
