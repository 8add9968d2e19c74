#include "center/storage/command_codec.h"
#include "center/storage/wire_values.h"
#include "common/base/wire_options.h"

namespace baton::center {
namespace {

template <class To, class From>
void encode_numbers(const std::vector<From>& from, To* to) {
  to->Reserve(static_cast<int>(from.size()));
  for (const From& number : from) to->Add(number.value());
}

std::uint32_t wire_ms(Millis duration) { return static_cast<std::uint32_t>(duration.count()); }

void encode(const Enroll& command, v1::Command* out) {
  v1::Enroll* wire = out->mutable_enroll();
  to_wire(command.store, wire->mutable_store());
  wire->set_name(command.name);
  wire->set_address(command.address);
  wire->set_sealed(command.sealed.value());
}

void encode(const Register& command, v1::Command* out) {
  v1::Register* wire = out->mutable_register_();
  wire->set_shard(command.shard.value());
  to_wire(command.store, wire->mutable_store());
  wire->set_epoch(command.epoch.value());
  to_wire(command.life, wire->mutable_life());
  wire->set_next_offset(command.next_offset.value());
  wire->set_created_hi_seen(command.created_hi_seen.value());
  wire->set_crc_below(command.crc_below);
  wire->set_address(command.address);
}

void encode_run(const CreatedRun& run, v1::CreatedRun* wire) {
  wire->set_count(run.count);
  wire->set_queue(run.queue);
  wire->set_queue_id(run.queue_id.value());
  wire->set_priority(run.priority);
  if (run.producer) to_wire(run.producer, wire->mutable_producer());
  wire->set_seq(run.seq.value());
  wire->set_resolved_below(run.resolved_below.value());
  wire->set_waits(run.waits);
  wire->set_is_void(run.is_void);
  wire->set_unreadable(run.unreadable);
  encode_numbers(run.maybe_at, wire->mutable_maybe_at());
  if (run.options != TaskOptions()) to_wire(run.options, wire->mutable_options());
  for (const Uuid& hash : run.key_hash) {
    wire->add_key_hash(hash.hi);
    wire->add_key_hash(hash.lo);
  }
  wire->mutable_payload_bytes()->Assign(run.payload_bytes.begin(), run.payload_bytes.end());
  wire->set_only_waits(run.only_waits);
  wire->mutable_content_hash()->Assign(run.content_hash.begin(), run.content_hash.end());
}

void encode(const Created& command, v1::Command* out) {
  v1::Created* wire = out->mutable_created();
  wire->set_shard(command.shard.value());
  wire->set_epoch(command.epoch.value());
  wire->set_from(command.from.value());
  for (const CreatedRun& run : command.runs) encode_run(run, wire->add_run());
  wire->set_durable_end(command.durable_end.value());
  wire->set_crc_last(command.crc_last);
  wire->set_wall_ms(command.wall.ms);
}

void encode(const AttachSession& command, v1::Command* out) {
  v1::AttachSession* wire = out->mutable_attach();
  to_wire(command.session, wire->mutable_session());
  wire->set_conn_epoch(command.conn_epoch.value());
  encode_numbers(command.held, wire->mutable_held());
  wire->set_consumer(command.consumer);
}

void encode(const SessionDemand& command, v1::Command* out) {
  v1::SessionDemand* wire = out->mutable_demand();
  to_wire(command.session, wire->mutable_session());
  wire->set_conn_epoch(command.conn_epoch.value());
  wire->set_line(command.line.value());
  wire->set_queue(command.queue);
  wire->set_lease_ms(wire_ms(command.lease));
  wire->set_total(command.total);
  wire->set_task(command.task.value());
}

void encode(const SessionEndWait& command, v1::Command* out) {
  v1::SessionEndWait* wire = out->mutable_end_wait();
  to_wire(command.session, wire->mutable_session());
  wire->set_conn_epoch(command.conn_epoch.value());
  wire->set_line(command.line.value());
}

void encode(const SessionClosed& command, v1::Command* out) {
  v1::SessionClosed* wire = out->mutable_session_closed();
  to_wire(command.session, wire->mutable_session());
  wire->set_conn_epoch(command.conn_epoch.value());
}

void encode(const SessionOperations& command, v1::Command* out) {
  v1::SessionOperations* wire = out->mutable_operations();
  to_wire(command.session, wire->mutable_session());
  wire->set_answered_through(command.answered_through.value());
  for (const Operation& operation : command.operations) {
    v1::LedgerOperation* item = wire->add_operation();
    item->set_seq(operation.seq.value());
    item->set_kind(static_cast<v1::OperationKind>(operation.kind));
    item->set_task(operation.task.value());
    item->set_token(operation.token.value());
    item->set_wants_next(operation.wants_next);
    item->set_started(operation.started);
    item->set_lease_ms(wire_ms(operation.lease));
    item->set_result_shard(operation.result.shard.value());
    item->set_result_lsn(operation.result.lsn.value());
    item->set_result_bytes(operation.result.bytes);
    item->set_reason(operation.reason);
    if (operation.delay) {
      item->set_delay_ms(static_cast<std::uint64_t>(operation.delay->count()));
    }
    item->set_dead(operation.dead);
    item->set_on_failed_child(static_cast<v1::FailurePolicy>(operation.on_failed_child));
    if (operation.percent) item->set_percent(*operation.percent);
    item->set_progress(operation.progress);
    item->set_checkpoint(operation.checkpoint);
  }
}

void encode(const SessionHeartbeat& command, v1::Command* out) {
  v1::SessionHeartbeat* wire = out->mutable_heartbeat();
  to_wire(command.session, wire->mutable_session());
  encode_numbers(command.tokens, wire->mutable_token());
}

void encode(const GiveBack& command, v1::Command* out) {
  v1::GiveBack* wire = out->mutable_give_back();
  wire->set_task(command.task.value());
  wire->set_token(command.token.value());
  wire->set_reason(static_cast<v1::GiveBackReason>(command.reason));
}

void encode(const Report& command, v1::Command* out) {
  out->mutable_report()->set_shard(command.shard.value());
  out->mutable_report()->set_durable_end(command.durable_end.value());
}

void encode(const ProducerDone& command, v1::Command* out) {
  to_wire(command.producer, out->mutable_producer_done()->mutable_producer());
  out->mutable_producer_done()->set_resolved_below(command.resolved_below.value());
}

void encode(const ShardOffline& command, v1::Command* out) {
  v1::ShardOffline* wire = out->mutable_shard_offline();
  wire->set_shard(command.shard.value());
  wire->set_epoch(command.epoch.value());
  to_wire(command.life, wire->mutable_life());
}

void encode(const Seal& command, v1::Command* out) {
  v1::Seal* wire = out->mutable_seal();
  wire->set_shard(command.shard.value());
  wire->set_epoch(command.epoch.value());
  to_wire(command.life, wire->mutable_life());
  wire->set_next_offset(command.next_offset.value());
}

void encode(const TermStart& command, v1::Command* out) {
  out->mutable_term_start()->set_term(command.term.value());
  to_wire(command.cluster, out->mutable_term_start()->mutable_cluster());
}

void encode(const Tick& command, v1::Command* out) {
  out->mutable_tick()->set_elapsed_ms(wire_ms(command.elapsed));
  out->mutable_tick()->set_wall_ms(command.wall.ms);
}

void encode(const Remove& command, v1::Command* out) {
  out->mutable_remove()->set_name(command.name);
}

void encode(const Quarantine& command, v1::Command* out) {
  v1::Quarantine* wire = out->mutable_quarantine();
  wire->set_shard(command.shard.value());
  wire->set_epoch(command.epoch.value());
  encode_numbers(command.offsets, wire->mutable_offset());
}

void encode(const Continue&, v1::Command* out) { out->mutable_continue_(); }

void encode(const SetQueue& command, v1::Command* out) {
  out->mutable_set_queue()->set_queue(command.queue);
  to_wire(command.change, out->mutable_set_queue()->mutable_settings());
}

void encode(const ActOn& command, v1::Command* out) {
  v1::ActOn* wire = out->mutable_act_on();
  wire->set_action(static_cast<v1::TaskAction>(command.action));
  encode_numbers(command.tasks, wire->mutable_task());
  wire->set_reason(command.reason);
}

void encode(const Purge& command, v1::Command* out) {
  out->mutable_purge()->set_queue(command.queue);
}

void encode(const Borrow& command, v1::Command* out) {
  v1::Borrow* wire = out->mutable_borrow();
  wire->set_queue(command.queue);
  wire->set_have_tasks(command.have_tasks);
  wire->set_have_bytes(command.have_bytes);
  wire->set_want_tasks(command.want_tasks);
  wire->set_want_bytes(command.want_bytes);
}

}  // namespace

void encode_command(const Command& command, v1::Command* wire) {
  wire->Clear();
  std::visit([wire](const auto& kind) { encode(kind, wire); }, command);
}

}  // namespace baton::center
