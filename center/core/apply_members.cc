#include "center/core/apply_members.h"

#include <algorithm>
#include <string>
#include <utility>

#include "center/core/family.h"
#include "center/core/grant_matching.h"
#include "center/core/task_moves.h"
#include "center/core/void_credit.h"

namespace baton::center {
namespace {

Status conflict(std::string text) { return {ErrorCode::kConflict, std::move(text)}; }
Status not_found(std::string text) { return {ErrorCode::kNotFound, std::move(text)}; }

// ---- enroll ----

Status check_enroll(const Tables& tables, const Enroll& command) {
  if (Status valid = validate_manager_name(command.name); !valid.ok()) return valid;
  if (!command.store) return {ErrorCode::kInvalidArgument, "an enrolment without a store id"};
  const std::uint32_t of_name = tables.members.find_by_name(command.name);
  if (of_name != MemberTable::kNoManager &&
      tables.members.manager(of_name).store != command.store) {
    return conflict("manager name '" + command.name + "' belongs to another store");
  }
  const std::uint32_t of_store = tables.members.find_by_store(command.store);
  if (of_store == MemberTable::kNoManager) {
    if (tables.members.full())
      return {ErrorCode::kRetryLater, "the cluster has too many managers or shards"};
    return {};
  }
  const Manager& known = tables.members.manager(of_store);
  if (known.removed) return {ErrorCode::kDenied, "this store was removed from the cluster"};
  if (known.name != command.name)
    return conflict("this store belongs to manager '" + known.name + "'");
  return {};
}

EnrollOutcome enrolled(const Tables& tables, const Shard& shard) {
  return {{}, tables.counters.cluster, shard.id, shard.created_hi(), shard.epoch};
}

// ---- register ----

RegisterOutcome answer(RegisterResult result, const Tables& tables, const Shard& shard) {
  const Incarnation incarnation = result == RegisterResult::kRegistered
                                      ? tables.members.manager(shard.manager).incarnation
                                      : Incarnation();
  return {result, shard.created_hi(), incarnation, shard.epoch, shard.life};
}

bool is_rolled_back(const Shard& shard, const Register& command) {
  if (command.next_offset < shard.created_hi() || command.next_offset < shard.durable_end)
    return true;
  // A record that was reported as unreadable proves nothing about its store.
  const bool can_prove = shard.created_hi() > Offset(1) && shard.crc_last != 0;
  return can_prove && command.created_hi_seen == shard.created_hi() &&
         command.crc_below != shard.crc_last;
}

RegisterResult judge(const Shard& shard, const Register& command) {
  if (shard.sealed) return RegisterResult::kSealed;
  if (command.epoch == shard.epoch && command.life == shard.life)
    return RegisterResult::kRegistered;
  if (shard.online) return RegisterResult::kInUse;
  if (command.epoch <= shard.epoch) return RegisterResult::kBehind;
  if (is_rolled_back(shard, command)) return RegisterResult::kRolledBack;
  // Compared at last: what has certainly lost records need not ask again to learn it.
  return command.created_hi_seen == shard.created_hi() ? RegisterResult::kRegistered
                                                       : RegisterResult::kExpected;
}

void set_online(Work& work, Shard& shard, bool online) {
  Manager& manager = work.tables.members.manager(shard.manager);
  shard.online = online;
  if (manager.online == online) return;
  manager.online = online;
  manager.since = work.tables.counters.calendar;
}

// Tasks of all shards that the manager serves may be granted now.
void offer_shards(Work& work, const Manager& manager) {
  for (const ShardId id : manager.shards) {
    if (work.tables.members.is_available(work.tables.members.shard(id))) offer_shard(work, id);
  }
}

void begin_life(Work& work, Shard& shard, const Register& command) {
  Tables& tables = work.tables;
  Manager& manager = tables.members.manager(shard.manager);
  end_connections(work, shard.manager);  // of the life before
  tables.lent.forget_manager(shard.manager);
  tables.members.begin_life(shard.manager);
  shard.epoch = command.epoch;
  shard.life = command.life;
  shard.durable_end = std::max(shard.durable_end, command.next_offset);
  shard.registered_at = work.index();
  shard.registered_next = command.next_offset;
  if (!command.address.empty()) manager.address = command.address;
  tables.bars.clear(shard.manager, shard.id);
  note_caught_up(tables, shard);
}

}  // namespace

void note_caught_up(Tables& tables, Shard& shard) {
  if (shard.caught_up_at == shard.registered_at || shard.created_hi() < shard.registered_next)
    return;
  shard.caught_up_at = shard.registered_at;
  tables.producers.sweep(tables.members);
}

EnrollOutcome apply_enroll(Work& work, const Enroll& command) {
  Tables& tables = work.tables;
  if (Status status = check_enroll(tables, command); !status.ok()) return {status, {}, {}, {}, {}};
  std::uint32_t slot = tables.members.find_by_store(command.store);
  if (slot == MemberTable::kNoManager) {
    Manager manager;
    manager.name = command.name;
    manager.address = command.address;
    manager.store = command.store;
    manager.since = tables.counters.calendar;
    slot = tables.members.add_manager(std::move(manager));
    return enrolled(tables, tables.members.add_shard(slot));
  }
  const Shard& current = tables.members.current_shard(tables.members.manager(slot));
  const bool wants_new = command.sealed == current.id && current.sealed;
  if (!wants_new) return enrolled(tables, current);
  if (tables.members.full()) {
    return {{ErrorCode::kRetryLater, "the cluster has too many shards"}, {}, {}, {}, {}};
  }
  return enrolled(tables, tables.members.add_shard(slot));
}

RegisterOutcome apply_register(Work& work, const Register& command) {
  Tables& tables = work.tables;
  Shard* shard = tables.members.find_shard(command.shard);
  if (shard == nullptr || shard->removed || shard->store != command.store) return {};  // unknown
  if (!command.epoch || !command.life || command.next_offset.value() > kOffsetMax + 1)
    return {};  // nonsense
  const RegisterResult result = judge(*shard, command);
  if (result != RegisterResult::kRegistered) return answer(result, tables, *shard);
  const bool same_life = command.epoch == shard->epoch && command.life == shard->life;
  if (!same_life) begin_life(work, *shard, command);
  if (!same_life || !shard->online) {
    set_online(work, *shard, true);
    offer_shards(work, tables.members.manager(shard->manager));
  }
  return answer(result, tables, *shard);
}

SimpleOutcome apply_report(Work& work, const Report& command) {
  Shard* shard = work.tables.members.find_shard(command.shard);
  if (shard == nullptr) return {not_found("no such shard")};
  if (command.durable_end.value() > kOffsetMax)
    return {{ErrorCode::kInvalidArgument, "an offset beyond all"}};
  shard->durable_end = std::max(shard->durable_end, command.durable_end);
  return {};
}

SimpleOutcome apply_shard_offline(Work& work, const ShardOffline& command) {
  Shard* shard = work.tables.members.find_shard(command.shard);
  if (shard == nullptr) return {not_found("no such shard")};
  if (shard->epoch != command.epoch || shard->life != command.life)
    return {conflict("another life is registered")};
  if (!shard->online) return {};
  set_online(work, *shard, false);
  void_credit(work, shard->manager);
  return {};
}

SimpleOutcome apply_seal(Work& work, const Seal& command) {
  Tables& tables = work.tables;
  Shard* shard = tables.members.find_shard(command.shard);
  if (shard == nullptr || shard->removed) return {not_found("no such shard")};
  if (shard->epoch != command.epoch || shard->life != command.life)
    return {conflict("another life is registered")};
  if (shard->sealed) return {};  // repeated
  if (shard->online) return {conflict("the registered life is online")};
  shard->sealed = true;
  shard->missing_from = std::max(command.next_offset, Offset(1));
  shard->sealing = shard->missing_from < shard->created_hi();
  tables.jobs.seal_shards[shard->id] = shard->missing_from;
  continue_seals(work);
  tables.producers.sweep(tables.members);
  return {};
}

void continue_seals(Work& work) {
  JobTable& jobs = work.tables.jobs;
  while (!jobs.seal_shards.empty() && work.budget > 0) {
    auto& [id, at] = *jobs.seal_shards.begin();
    Shard& shard = work.tables.members.shard(id);
    if (at < shard.created_hi()) at = quarantine_missing(work, shard, at);
    if (at < shard.created_hi() || !told_lost(work, id, at)) return;
    jobs.seal_shards.erase(jobs.seal_shards.begin());
    if (!std::exchange(shard.sealing, false)) continue;
    if (work.tables.members.is_available(shard)) offer_shard(work, shard.id);
  }
}

SimpleOutcome apply_remove(Work& work, const Remove& command) {
  Tables& tables = work.tables;
  const std::uint32_t slot = tables.members.find_by_name(command.name);
  if (slot == MemberTable::kNoManager) return {not_found("no manager '" + command.name + "'")};
  Manager& manager = tables.members.manager(slot);
  if (manager.online) return {conflict("manager '" + command.name + "' is online")};
  end_connections(work, slot);
  tables.lent.forget_manager(slot);
  manager.removed = true;
  manager.since = tables.counters.calendar;
  for (const ShardId id : manager.shards) {
    Shard& shard = tables.members.shard(id);
    shard.removed = true;
    shard.sealing = false;
    tables.jobs.seal_shards[id] = Offset(1);
    tables.jobs.offer_shards.erase(id);
  }
  continue_seals(work);
  tables.producers.sweep(tables.members);
  return {};
}

SimpleOutcome apply_quarantine(Work& work, Sender sender, const Quarantine& command) {
  const Shard* shard = work.tables.members.find_shard(command.shard);
  if (shard == nullptr || shard->manager != sender.manager)
    return {not_found("not a shard of this manager")};
  if (shard->epoch != command.epoch) return {conflict("another epoch is registered")};
  if (command.offsets.size() > kEntryTasksMax)
    return {{ErrorCode::kTooLarge, "more offsets than one entry may touch"}};
  for (const Offset offset : command.offsets) {
    if (!offset || offset >= shard->created_hi()) continue;  // found again when it is delivered
    quarantine(work, TaskId(shard->id, offset), Cause::kDamaged,
               "its manager found the payload damaged or missing");
  }
  return {};
}

}  // namespace baton::center
