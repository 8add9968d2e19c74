#include "center/service/answers.h"

#include "center/storage/outcome_codec.h"
#include "center/storage/wire_values.h"

namespace baton::center {

void encode_view(const TaskView& view, const std::string& manager, v1::TaskInfo* wire) {
  wire->set_task(view.task.value());
  wire->set_queue(view.queue);
  wire->set_state(static_cast<v1::TaskState>(view.state));
  wire->set_priority(view.priority);
  wire->set_attempt(view.attempt);
  wire->set_failures(view.failures);
  wire->set_expiries(view.expiries);
  wire->set_token(view.token.value());
  if (view.session) to_wire(view.session, wire->mutable_session());
  wire->set_consumer(view.consumer);
  wire->set_lease_left_ms(view.lease_left.count());
  wire->set_ready_in_ms(view.ready_in.count());
  wire->set_created_wall_ms(view.created.ms);
  wire->set_reason(view.reason);
  wire->set_has_result(static_cast<bool>(view.result));
  wire->set_result_bytes(view.result.bytes);
  wire->set_manager(manager);
}

void encode_view(const QueueView& view, v1::QueueInfo* wire) {
  wire->set_name(view.name);
  wire->set_ready(view.ready);
  wire->set_delayed(view.delayed);
  wire->set_claimed(view.claimed);
  wire->set_dead(view.dead);
  wire->set_quarantined(view.quarantined);
  wire->set_done(view.done);
  wire->set_created(view.created);
  wire->set_waiting(view.waiting);
}

void encode_view(const ManagerView& view, const ManagerLiveness::Beat* beat,
                 v1::ManagerInfo* wire) {
  wire->set_name(view.name);
  wire->set_address(view.address);
  wire->set_up(view.online);
  wire->set_since_wall_ms(view.since.ms);
  wire->set_sessions(view.sessions);
  to_wire(view.store, wire->mutable_store());
  wire->set_incarnation(view.incarnation.value());
  for (const ShardView& shard : view.shards) {
    wire->add_shard(shard.shard.value());
    wire->set_waiting(wire->waiting() + shard.waiting);
    wire->set_sealed(wire->sealed() || shard.sealed);
    Offset durable_end = shard.durable_end;
    if (beat != nullptr) {
      if (const auto newer = beat->durable_end.find(shard.shard);
          newer != beat->durable_end.end()) {
        durable_end = std::max(durable_end, newer->second);
      }
    }
    if (durable_end > shard.created_hi) {
      wire->set_lag(wire->lag() + durable_end.value() - shard.created_hi.value());
    }
  }
}

void encode_view(const SessionView& view, SessionId session, v1::ResyncState* wire) {
  to_wire(session, wire->mutable_session());
  set_status(view.status, wire);
  wire->set_conn_epoch(view.conn_epoch.value());
  wire->set_grants(view.grants.value());
  wire->set_credit_total(view.credit_total);
  for (const Grant& claim : view.claims) encode_grant(claim, wire->add_claim());
}

void encode_view(const LiveOffsets& view, v1::LiveAnswer* wire) {
  wire->set_created_hi(view.created_hi.value());
  wire->set_epoch(view.epoch.value());
  for (const LiveOffsets::Run& run : view.runs) {
    wire->add_first(run.first.value());
    wire->add_count(run.count);
  }
}

void encode_member(const ManagerView& view, v1::Member* wire) {
  wire->set_name(view.name);
  wire->set_address(view.address);
  wire->set_online(view.online);
  for (const ShardView& shard : view.shards) wire->add_shard(shard.shard.value());
}

}  // namespace baton::center
