#include "center/service/answers.h"

#include "center/storage/outcome_codec.h"
#include "center/storage/wire_values.h"
#include "common/base/wire_options.h"

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
  wire->set_not_before_wall_ms(view.not_before.ms);
  wire->set_uncertain(view.expiries);
  wire->set_percent(view.percent);
  wire->set_progress(view.progress);
  wire->set_checkpoint_bytes(view.checkpoint_bytes);
  wire->set_order_key(view.order_key);
  wire->set_fair_key(view.fair_key);
  wire->set_parent(view.parent.value());
  wire->set_children_open(view.children_open);
  wire->set_children_failed(view.children_failed);
  wire->set_retry_of(view.retry_of.value());
  wire->set_payload_bytes(view.payload_bytes);
  wire->set_blocked_on(view.blocked_on);
  wire->set_expires_in_ms(view.expires_in.count());
  wire->set_payload_kept(view.payload_kept);
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
  wire->set_held(view.held);
  wire->set_blocked(view.blocked);
  wire->set_cancelled(view.cancelled);
  wire->set_bytes(view.bytes);
  wire->set_paused(view.paused);
  wire->set_acked(view.acked);
  wire->set_key_window_ms(static_cast<std::uint64_t>(view.key_window.count()));
}

void encode_view(const QueueDetailView& view, v1::QueueDetail* wire) {
  encode_view(view.queue, wire->mutable_info());
  to_wire(change_to(view.settings), wire->mutable_settings());
  wire->set_keys(view.keys);
  wire->set_order_keys(view.order_keys);
  wire->set_fair_keys(view.fair_keys);
  wire->set_finished_kept(view.finished_kept);
  wire->set_finished_kept_bytes(view.finished_kept_bytes);
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

void encode_view(const HistoryPage& page, v1::HistoryPage* wire) {
  for (const HistoryEvent& event : page.events) {
    const Transition& transition = event.transition;
    v1::HistoryEvent* item = wire->add_event();
    item->set_index(event.index.value());
    item->set_term(event.term.value());
    item->set_wall_ms(event.times.calendar.ms);
    item->set_lease_time_ms(static_cast<std::uint64_t>(event.times.lease.count()));
    item->set_from(static_cast<v1::TaskState>(transition.from));
    item->set_to(static_cast<v1::TaskState>(transition.to));
    item->set_cause(std::string(to_string(transition.cause)));
    item->set_token(transition.token.value());
    item->set_attempt(event.attempt);
    item->set_uncertain(event.uncertain);
    item->set_manager(event.manager);
    item->set_consumer(event.consumer);
    if (transition.session) to_wire(transition.session, item->mutable_session());
    item->set_reason(event.reason);
  }
  wire->set_next(page.next);
  wire->set_kept_from(page.kept_from.value());
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
