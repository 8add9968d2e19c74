#include "tests/fuzz/relay_node.h"

#include <utility>
#include <variant>

#include "tests/fuzz/fuzz_input.h"

namespace baton::fuzz {
namespace {

manager::SessionGrant to_relay(const center::Grant& grant) {
  return {grant.session, grant.conn_epoch, grant.number,  grant.line,
          grant.task,    grant.token,      grant.attempt, grant.lease};
}

struct ToLedger {
  center::Command operator()(const manager::AttachCommand& from) const {
    return center::AttachSession{from.session, from.conn_epoch, from.held, from.consumer};
  }
  center::Command operator()(const manager::DemandCommand& from) const {
    return center::SessionDemand{from.session, from.conn_epoch, from.line, from.queue,
                                 from.lease,   from.total,      from.task};
  }
  center::Command operator()(const manager::EndWaitCommand& from) const {
    return center::SessionEndWait{from.session, from.conn_epoch, from.line};
  }
  center::Command operator()(const manager::ClosedCommand& from) const {
    return center::SessionClosed{from.session, from.conn_epoch};
  }
  center::Command operator()(const manager::OperationsCommand& from) const {
    center::SessionOperations to{from.session, from.answered_through, {}};
    for (const manager::SessionOperation& one : from.operations) {
      center::Operation operation;
      operation.seq = one.seq;
      operation.kind = one.kind;
      operation.task = one.task;
      operation.token = one.token;
      operation.wants_next = one.wants_next;
      operation.started = one.started;
      operation.lease = one.lease;
      operation.reason = one.reason;
      operation.delay = one.delay;
      operation.dead = one.dead;
      operation.on_failed_child = one.on_failed_child;
      operation.percent = one.percent;
      operation.progress = one.progress;
      operation.checkpoint = one.checkpoint;
      to.operations.push_back(std::move(operation));
    }
    return to;
  }
  center::Command operator()(const manager::HeartbeatCommand& from) const {
    return center::SessionHeartbeat{from.session, from.tokens};
  }
  center::Command operator()(const manager::GiveBackCommand& from) const {
    return center::GiveBack{from.task, from.token, from.reason};
  }
};

}  // namespace

RelayNode::RelayNode(sim::SimScheduler& scheduler, sim::TinyCenter& center, const std::string& name,
                     RelayEvents events)
    : center_(center), manager_(scheduler, center, name), events_(std::move(events)) {}

bool RelayNode::start(std::string& wrong) {
  if (up()) return true;
  if (!manager_.start(wrong)) return false;
  relay_ = manager::SessionRelay();
  granted_.clear();
  relay_.channel_up();
  return true;
}

void RelayNode::kill() {
  manager_.kill();
  relay_ = manager::SessionRelay();
  granted_.clear();
}

void RelayNode::cut_power() {
  manager_.cut_power();
  relay_ = manager::SessionRelay();
  granted_.clear();
}

bool RelayNode::bury_if_dead() {
  if (!manager_.bury_if_dead()) return false;
  relay_ = manager::SessionRelay();
  granted_.clear();
  return true;
}

void RelayNode::channel_down() {
  if (!relay_.is_up()) return;
  granted_.clear();  // lost on their way
  relay_.channel_down();
}

void RelayNode::channel_up() {
  if (relay_.is_up() || !up()) return;
  relay_.channel_up();
  resync();
}

void RelayNode::granted(const center::Grant& grant) {
  if (up() && relay_.is_up()) granted_.push_back(to_relay(grant));
}

void RelayNode::pump() {
  bool more = true;
  while (more && up()) {
    more = false;
    if (const auto grants = std::exchange(granted_, {}); !grants.empty()) {
      relay_.granted(grants);
      more = true;
    }
    for (manager::RelayEffect& effect : relay_.take_effects()) {
      more = true;
      if (const auto* deliver = std::get_if<manager::Deliver>(&effect)) {
        events_.deliver(*deliver);
      } else if (!std::holds_alternative<manager::Forgotten>(effect)) {
        events_.tell(effect);
      }
    }
    more = send_some() || more;
  }
}

void RelayNode::resync() {
  std::vector<manager::ResyncResult> results;
  for (const manager::ResyncItem& item : relay_.resync_items()) {
    const center::SessionView view = center_.ledger().resync(
        item.session, item.conn_epoch, manager_.incarnation(), item.last_number);
    manager::ResyncResult result{item.session, view.status, view.conn_epoch, view.grants, {}};
    for (const center::Grant& claim : view.claims) result.claims.push_back(to_relay(claim));
    results.push_back(std::move(result));
  }
  if (!results.empty()) relay_.resynced(std::move(results));
}

// Each frame is an entry of its own here, with all commands that wait.
bool RelayNode::send_some() {
  const std::vector<manager::CommandId> ids = relay_.take_unsent();
  if (ids.empty()) return false;
  center::Batch batch{manager_.incarnation(), {}};
  for (const manager::CommandId id : ids) {
    batch.commands.push_back(std::visit(ToLedger(), relay_.command(id)));
  }
  const center::Effects effects = center_.apply({std::move(batch)});
  events_.applied(effects);
  FUZZ_CHECK(effects.batches.size() == 1, "not one answer for the batch");
  if (!effects.batches[0].status.ok()) {
    kill();  // declared offline, or another life has registered: it starts anew
    return false;
  }
  FUZZ_CHECK(effects.batches[0].outcomes.size() == ids.size(), "not one outcome for each command");
  for (std::size_t i = 0; i < ids.size(); ++i) answer(ids[i], effects.batches[0].outcomes[i]);
  return true;
}

void RelayNode::answer(manager::CommandId id, const center::Outcome& outcome) {
  if (const auto* attach = std::get_if<center::AttachOutcome>(&outcome)) {
    return relay_.attach_answered(id, attach->status, attach->conn_epoch, attach->kept);
  }
  if (const auto* operations = std::get_if<center::OperationsOutcome>(&outcome)) {
    std::vector<manager::OperationResult> results;
    for (const center::OperationOutcome& one : operations->outcomes) {
      results.push_back({one.seq, one.code, one.message, one.finished_unknown});
    }
    return relay_.operations_answered(id, std::move(results));
  }
  if (const auto* heartbeat = std::get_if<center::HeartbeatOutcome>(&outcome)) {
    return relay_.heartbeat_answered(id, heartbeat->status, heartbeat->lost);
  }
  relay_.answered(id, std::get<center::SimpleOutcome>(outcome).status);
}

}  // namespace baton::fuzz
