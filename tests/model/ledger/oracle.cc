#include "tests/model/ledger/oracle.h"

#include <algorithm>

namespace baton::center::model {
namespace {

SimpleOutcome simple(Status status) { return {std::move(status)}; }
Status denied() { return {ErrorCode::kDenied, ""}; }

// The default outcome of a command that its sender may not send.
Outcome refused(const Command& command) {
  if (std::holds_alternative<Created>(command)) return CreatedOutcome{denied(), {}, {}, {}};
  if (std::holds_alternative<AttachSession>(command)) return AttachOutcome{denied(), {}, {}};
  if (std::holds_alternative<SessionHeartbeat>(command)) return HeartbeatOutcome{denied(), {}};
  if (std::holds_alternative<Borrow>(command)) return BorrowOutcome{denied(), 0, 0, {}};
  if (const auto* c = std::get_if<SessionOperations>(&command)) {
    OperationsOutcome outcome;
    for (const Operation& op : c->operations)
      outcome.outcomes.push_back({op.seq, ErrorCode::kDenied, "", false});
    return outcome;
  }
  return simple(denied());
}

}  // namespace

Effects Oracle::apply(const Entry& entry) {
  index_ = entry.index.value();
  effects_ = {};
  std::vector<BatchEffects> batches;
  for (const Batch& batch : entry.batches) batches.push_back(apply_batch(batch));
  effects_.batches = std::move(batches);
  return std::move(effects_);
}

BatchEffects Oracle::apply_batch(const Batch& batch) {
  BatchEffects effects;
  std::string from;
  if (batch.incarnation) {
    for (const auto& [name, manager] : managers) {
      if (manager.incarnation == batch.incarnation) from = name;
      const bool dead =
          has(Mistake::kDeadLife) && batch.incarnation.value() == manager.incarnation.value() - 1;
      if (dead && from.empty()) from = name;
    }
    if (from.empty() || !is_online(from)) {
      effects.status = denied();
      return effects;
    }
  }
  for (const Command& command : batch.commands) {
    effects.outcomes.push_back(apply_command(from, command));
    do_jobs();
    settle();
  }
  return effects;
}

Outcome Oracle::apply_command(const std::string& from, const Command& command) {
  if (const auto* c = std::get_if<Enroll>(&command)) return enroll(*c);
  if (const auto* c = std::get_if<Register>(&command)) return register_shard(*c);
  if (const auto* c = std::get_if<Report>(&command)) return simple(report(*c));
  if (const auto* c = std::get_if<Seal>(&command)) return simple(seal(*c));
  if (const auto* c = std::get_if<SetQueue>(&command)) return simple(set_queue(*c));
  if (const auto* c = std::get_if<ActOn>(&command)) return act_on(*c);
  if (const auto* c = std::get_if<Purge>(&command)) return purge(*c);
  const bool of_center =
      std::holds_alternative<ShardOffline>(command) || std::holds_alternative<TermStart>(command) ||
      std::holds_alternative<Tick>(command) || std::holds_alternative<Remove>(command) ||
      std::holds_alternative<Continue>(command);
  if (of_center != from.empty()) return refused(command);
  if (const auto* c = std::get_if<ShardOffline>(&command)) return simple(shard_offline(*c));
  if (const auto* c = std::get_if<Remove>(&command)) return simple(remove(*c));
  if (const auto* c = std::get_if<TermStart>(&command)) {
    if (!cluster_) cluster_ = c->cluster;
    grace_until_ = has(Mistake::kNoGrace) ? now : now + 10'000;
  }
  if (const auto* c = std::get_if<Tick>(&command)) tick(*c);
  if (std::holds_alternative<Continue>(command)) do_due();
  if (of_center) return SimpleOutcome{};
  if (const auto* c = std::get_if<Created>(&command)) return created(from, *c);
  if (const auto* c = std::get_if<ProducerDone>(&command)) {
    if (!c->producer) return simple({ErrorCode::kInvalidArgument, ""});
    see_producer(c->producer, c->resolved_below.value());
    return SimpleOutcome{};
  }
  if (const auto* c = std::get_if<Quarantine>(&command)) return simple(quarantine(from, *c));
  if (const auto* c = std::get_if<AttachSession>(&command)) return attach(from, *c);
  if (const auto* c = std::get_if<SessionDemand>(&command)) return simple(demand(from, *c));
  if (const auto* c = std::get_if<SessionEndWait>(&command)) return simple(end_wait(from, *c));
  if (const auto* c = std::get_if<SessionClosed>(&command)) return simple(closed(from, *c));
  if (const auto* c = std::get_if<SessionHeartbeat>(&command)) return heartbeat(*c);
  if (const auto* c = std::get_if<SessionOperations>(&command)) return operations(*c);
  if (const auto* c = std::get_if<Borrow>(&command)) return borrow(from, *c);
  return simple(give_back(from, std::get<GiveBack>(command)));
}

bool Oracle::is_online(const std::string& manager) const {
  const auto found = managers.find(manager);
  return found != managers.end() && !found->second.removed &&
         shards.at(found->second.shards.back()).online;
}

TaskState Oracle::seen(TaskId id) const {
  const OracleTask& task = tasks.at(id);
  return task.finished() && !task.kept ? TaskState::kDone : task.state;
}

std::uint64_t Oracle::count(const std::string& queue, TaskState state) const {
  std::uint64_t found = 0;
  for (const auto& [id, task] : tasks) found += task.queue == queue && task.state == state ? 1 : 0;
  return found;
}

std::uint64_t Oracle::bytes_of(const std::string& queue) const {
  std::uint64_t bytes = 0;
  for (const TaskId id : alive_) {
    const OracleTask& task = tasks.at(id);
    if (task.queue == queue && task.unfinished()) bytes += task.bytes;
  }
  return bytes;
}

}  // namespace baton::center::model
