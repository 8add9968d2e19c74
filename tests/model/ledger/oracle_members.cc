#include <algorithm>
#include <tuple>

#include "common/base/limits.h"
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

Status conflict() { return {ErrorCode::kConflict, ""}; }
Status not_found() { return {ErrorCode::kNotFound, ""}; }

}  // namespace

EnrollOutcome Oracle::enroll(const Enroll& c) {
  const auto fail = [](ErrorCode code) { return EnrollOutcome{{code, ""}, {}, {}, {}, {}}; };
  if (!validate_manager_name(c.name).ok() || !c.store) return fail(ErrorCode::kInvalidArgument);
  const auto of_name = managers.find(c.name);
  if (of_name != managers.end() && of_name->second.store != c.store)
    return fail(ErrorCode::kConflict);
  for (const auto& [name, manager] : managers) {
    if (manager.store != c.store) continue;
    if (manager.removed) return fail(ErrorCode::kDenied);
    if (name != c.name) return fail(ErrorCode::kConflict);
  }
  OracleManager& manager = managers[c.name];
  manager.store = c.store;
  const bool is_new = manager.shards.empty();
  const bool replaces = !is_new && c.sealed == manager.shards.back() && shards[c.sealed].sealed;
  if (is_new) manager.address = c.address;
  if (is_new || replaces) {
    const ShardId id(static_cast<std::uint32_t>(shards.size() + 1));
    shards[id].manager = c.name;
    shards[id].store = c.store;
    manager.shards.push_back(id);
  }
  const OracleShard& shard = shards[manager.shards.back()];
  return {{}, cluster_, manager.shards.back(), Offset(shard.created_hi), shard.epoch};
}

RegisterResult Oracle::judge(const OracleShard& shard, const Register& c) const {
  if (shard.sealed) return RegisterResult::kSealed;
  if (c.epoch == shard.epoch && c.life == shard.life) return RegisterResult::kRegistered;
  if (shard.online) return RegisterResult::kInUse;
  if (c.epoch <= shard.epoch) return RegisterResult::kBehind;
  if (c.next_offset.value() < shard.created_hi) return RegisterResult::kRolledBack;
  if (c.next_offset.value() < shard.durable_end) return RegisterResult::kRolledBack;
  if (c.created_hi_seen.value() != shard.created_hi) return RegisterResult::kExpected;
  if (shard.created_hi > 1 && shard.crc != 0 && c.crc_below != shard.crc)
    return RegisterResult::kRolledBack;
  return RegisterResult::kRegistered;
}

RegisterOutcome Oracle::register_shard(const Register& c) {
  const auto found = shards.find(c.shard);
  if (found == shards.end() || found->second.removed || found->second.store != c.store) return {};
  if (!c.epoch || !c.life || c.next_offset.value() > kOffsetMax + 1) return {};
  OracleShard& shard = found->second;
  const RegisterResult result = judge(shard, c);
  OracleManager& manager = managers[shard.manager];
  if (result == RegisterResult::kRegistered) {
    const bool same = c.epoch == shard.epoch && c.life == shard.life;
    if (!same) {
      void_credit(shard.manager, true);
      manager.incarnation = Incarnation(++incarnations_);
      shard.epoch = c.epoch;
      shard.life = c.life;
      shard.durable_end = std::max(shard.durable_end, c.next_offset.value());
      shard.registered_at = index_;
      shard.registered_next = c.next_offset.value();
      std::erase_if(bars_, [&](const auto& bar) {
        return bar.first.first == shard.manager || bar.first.second == c.shard;
      });
      for (auto& [name, queue] : of_queue) queue.lent.erase(shard.manager);
      caught_up(shard);
    }
    if (!shard.online) {
      shard.online = true;
      offer_shards(shard.manager);
    }
  }
  const bool registered = result == RegisterResult::kRegistered;
  return {result, Offset(shard.created_hi), registered ? manager.incarnation : Incarnation(),
          shard.epoch, shard.life};
}

void Oracle::offer_shards(const std::string& manager) {
  for (const ShardId id : managers[manager].shards) {
    if (available(shards[id])) offer_shard(id);
  }
}

// Its tasks may be granted again: first those that somebody waits for in particular.
void Oracle::offer_shard(ShardId shard) {
  std::set<QueueId> found;
  for (const TaskId id : alive_) {
    if (id.shard() != shard || tasks[id].state != TaskState::kReady) continue;
    wanted_.push_back(id);
    found.insert(intern(tasks[id].queue));
  }
  for (const QueueId queue : found) offered_.push_back(queues[queue.value() - 1]);
}

void Oracle::void_credit(const std::string& manager, bool end_lines) {
  for (auto& [id, session] : sessions) {
    if (session.manager != manager) continue;
    session.credit = session.grants;
    update_waiting(id);
    if (end_lines) session.lines.clear();
  }
}

bool Oracle::available(const OracleShard& shard) const {
  if (has(Mistake::kOfflineGrants)) return !shard.removed;
  if (shard.removed) return false;
  return shard.sealed ? is_online(shard.manager) : shard.online;
}

Status Oracle::shard_offline(const ShardOffline& c) {
  const auto found = shards.find(c.shard);
  if (found == shards.end()) return not_found();
  OracleShard& shard = found->second;
  if (shard.epoch != c.epoch || shard.life != c.life) return conflict();
  if (!shard.online) return {};
  shard.online = false;
  void_credit(shard.manager, false);
  return {};
}

Status Oracle::seal(const Seal& c) {
  const auto found = shards.find(c.shard);
  if (found == shards.end() || found->second.removed) return not_found();
  OracleShard& shard = found->second;
  if (shard.epoch != c.epoch || shard.life != c.life) return conflict();
  if (shard.sealed) return {};
  if (shard.online) return conflict();
  shard.sealed = true;
  shard.missing_from = std::max<std::uint64_t>(1, c.next_offset.value());
  for (const TaskId id : std::set<TaskId>(alive_)) {
    if (id.shard() == c.shard && is_missing(id)) quarantine(id, Cause::kSealed);
  }
  tell_lost(c.shard, std::max(shard.created_hi, shard.missing_from));
  sweep();
  return {};
}

Status Oracle::remove(const Remove& c) {
  const auto found = managers.find(c.name);
  if (found == managers.end() || found->second.removed) return not_found();
  if (is_online(c.name)) return conflict();
  void_credit(c.name, true);
  OracleManager manager = found->second;
  managers.erase(found);
  manager.removed = true;
  const std::string gone = "removed:" + c.name + ":" + std::to_string(index_);
  for (const ShardId id : manager.shards) {
    shards[id].removed = true;
    shards[id].manager = gone;
  }
  for (auto& [id, session] : sessions) {
    if (session.manager == c.name) session.manager = gone;
  }
  for (const TaskId id : std::set<TaskId>(alive_)) {
    if (shards[id.shard()].removed) quarantine(id, Cause::kRemoved);
  }
  for (const ShardId id : manager.shards) tell_lost(id, shards[id].created_hi);
  for (auto& [name, queue] : of_queue) queue.lent.erase(c.name);
  std::erase_if(bars_, [&](const auto& bar) { return bar.first.first == c.name; });
  managers[gone] = manager;
  sweep();
  return {};
}

Status Oracle::report(const Report& c) {
  const auto found = shards.find(c.shard);
  if (found == shards.end()) return not_found();
  if (c.durable_end.value() > kOffsetMax) return {ErrorCode::kInvalidArgument, ""};
  found->second.durable_end = std::max(found->second.durable_end, c.durable_end.value());
  return {};
}

Status Oracle::quarantine(const std::string& from, const Quarantine& c) {
  const auto found = shards.find(c.shard);
  if (found == shards.end() || found->second.manager != from) return not_found();
  if (found->second.epoch != c.epoch) return conflict();
  for (const Offset offset : c.offsets) {
    const TaskId id(c.shard, offset);
    if (tasks.contains(id)) quarantine(id, Cause::kDamaged);
  }
  return {};
}

// Its payload is gone. What is claimed may still be finished, and a parent that was acked needs none.
void Oracle::quarantine(TaskId id, Cause cause) {
  OracleTask& task = tasks[id];
  if (task.state == TaskState::kClaimed) task.damaged = true;
  if ((task.waits() || task.state == TaskState::kHeld) && !task.acked)
    end(id, TaskState::kQuarantined, cause);
}

bool Oracle::is_missing(TaskId id) const {
  const OracleShard& shard = shards.at(id.shard());
  return shard.sealed && id.offset().value() >= shard.missing_from;
}

void Oracle::caught_up(OracleShard& shard) {
  if (shard.caught_up_at == shard.registered_at || shard.created_hi < shard.registered_next) return;
  shard.caught_up_at = shard.registered_at;
  sweep();
}

bool Oracle::all_reported(const OracleShard& shard) {
  return shard.sealed && shard.created_hi >= shard.missing_from;
}

void Oracle::sweep() {
  const auto gone = [this](const OracleNumber& number, ShardId id) {
    const auto found = shards.find(id);
    if (found == shards.end()) return true;
    const OracleShard& shard = found->second;
    return shard.removed || all_reported(shard) || shard.caught_up_at > number.resolved_at;
  };
  for (auto& [id, producer] : producers) {
    std::erase_if(producer.numbers, [&](const auto& entry) {
      const OracleNumber& number = entry.second;
      if (!number.moved || number.resolved_at == 0) return false;
      for (std::uint32_t s = 1; s <= number.shards_then && number.anywhere; ++s) {
        if (!gone(number, ShardId(s))) return false;
      }
      return number.anywhere || std::all_of(number.maybe_at.begin(), number.maybe_at.end(),
                                            [&](ShardId s) { return gone(number, s); });
    });
  }
  // Nothing is known any more of a producer that is idle.
  std::erase_if(producers,
                [](const auto& p) { return !p.second.active && p.second.numbers.empty(); });
}

}  // namespace baton::center::model
