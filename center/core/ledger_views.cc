// What can be seen of the ledger: find, settle, live, resync, managers, totals. Lists are in
// ledger_lists.cc.
#include <algorithm>
#include <utility>

#include "center/core/ledger_state.h"
#include "center/core/task_view.h"

namespace baton::center {
namespace {

ManagerView view_of(const Tables& tables, const Manager& manager) {
  ManagerView view;
  view.name = manager.name;
  view.address = manager.address;
  view.store = manager.store;
  view.incarnation = manager.incarnation;
  view.sessions = manager.sessions;
  view.online = manager.online;
  view.since = manager.since;
  for (const ShardId id : manager.shards) {
    const Shard& shard = tables.members.shard(id);
    view.shards.push_back({id, shard.epoch, shard.life, shard.created_hi(), shard.durable_end,
                           shard.online, shard.sealed, shard.removed, shard.waiting});
  }
  return view;
}

}  // namespace

Result<TaskView> Ledger::find(TaskId task) const {
  const Tables& tables = state_->tables;
  if (!task.valid()) return Status(ErrorCode::kInvalidArgument, "not a task id");
  const Shard* shard = tables.members.find_shard(task.shard());
  if (shard == nullptr) return Status(ErrorCode::kNotFound, "no such task");
  if (task.offset() >= shard->created_hi()) {
    return Status(ErrorCode::kUnavailable, "the ledger does not know the task yet");
  }
  return task_view(tables, task);
}

std::vector<ManagerView> Ledger::managers() const {
  std::vector<ManagerView> views;
  for (const Manager& manager : state_->tables.members.managers()) {
    if (!manager.removed) views.push_back(view_of(state_->tables, manager));
  }
  std::sort(views.begin(), views.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return views;
}

std::optional<ManagerView> Ledger::find_manager(Incarnation incarnation) const {
  const MemberTable& members = state_->tables.members;
  const std::uint32_t slot = members.find_by_incarnation(incarnation);
  if (slot == MemberTable::kNoManager) return std::nullopt;
  return view_of(state_->tables, members.manager(slot));
}

LedgerTotals Ledger::totals() const {
  const Tables& tables = state_->tables;
  const Counters& counters = tables.counters;
  return {counters.waiting,      counters.claimed,         tables.sessions.size(),
          counters.grants,       counters.completions,     counters.superseded,
          tables.memory_bytes(), Millis(counters.lease_ms)};
}

StuckTotals Ledger::stuck_totals() const {
  const QueueTable& queues = state_->tables.queues;
  StuckTotals totals;
  for (std::uint32_t id = 1; id <= queues.size(); ++id) {
    const Queue& queue = queues[QueueId(id)];
    totals.held += queue.held;
    totals.blocked += queue.blocked;
    totals.dead += queue.dead;
  }
  return totals;
}

SessionView Ledger::resync(SessionId id, ConnEpoch conn_epoch, Incarnation manager,
                           GrantNumber last_number) const {
  const Tables& tables = state_->tables;
  SessionView view;
  const std::uint32_t slot = tables.sessions.find(id);
  if (slot == kNoSlot) {
    view.status = {ErrorCode::kNotFound, "no such session: attach again"};
    return view;
  }
  const Session& session = tables.sessions[slot];
  view.conn_epoch = session.conn_epoch;
  if (session.conn_epoch != conn_epoch || session.incarnation != manager) {
    view.status = {ErrorCode::kConflict, "the session is attached by another connection"};
    return view;
  }
  view.grants = GrantNumber(session.grants);
  view.credit_total = session.credit;
  session.claims.for_each([&](Token, std::uint32_t row) {
    if (tables.rows[row].number > last_number)
      view.claims.push_back(grant_of(tables, session, tables.rows[row]));
  });
  return view;
}

SettleVerdict Ledger::settle(TaskId task, Token token, RecordKind kind, ShardId shard,
                             Lsn lsn) const {
  // What a newer Baton wrote is judged by one that knows it.
  if (kind != RecordKind::kResult && kind != RecordKind::kCheckpoint) return SettleVerdict::kKeep;
  const Tables& tables = state_->tables;
  // A claim that this ledger has not granted yet says nothing: keep the record and ask again.
  if (token > tables.counters.newest_token()) return SettleVerdict::kOpen;
  const Shard* of_task = task.valid() ? tables.members.find_shard(task.shard()) : nullptr;
  if (of_task == nullptr || task.offset() >= of_task->created_hi()) return SettleVerdict::kOpen;
  const TaskValue value = of_task->tasks.get(task.offset());
  if (kind == RecordKind::kCheckpoint) {
    const Checkpoint* saved = tables.checkpoints.find(task);
    const bool points_to_it = saved != nullptr && saved->token == token &&
                              saved->place.shard == shard && saved->place.lsn == lsn;
    if (points_to_it) return SettleVerdict::kKeep;
  }
  if (value.kind() != TaskValue::Kind::kRow) return SettleVerdict::kDrop;
  const TaskRow& row = tables.rows[value.row_slot()];
  const bool claimed = row.state == TaskState::kClaimed && row.token == token;
  if (kind == RecordKind::kCheckpoint) return claimed ? SettleVerdict::kOpen : SettleVerdict::kDrop;
  if (claimed) return SettleVerdict::kOpen;
  const bool points_to_it = row.token == token && (row.state == TaskState::kDone || row.acked) &&
                            row.result_shard == shard && row.result_lsn == lsn;
  return points_to_it ? SettleVerdict::kKeep : SettleVerdict::kDrop;
}

LiveOffsets Ledger::live(ShardId id, Offset from, Offset to) const {
  LiveOffsets live;
  live.created_hi = Offset(1);  // of an unknown shard nothing may go
  const Shard* shard = state_->tables.members.find_shard(id);
  if (shard == nullptr) return live;
  live.created_hi = shard->created_hi();
  live.epoch = shard->epoch;
  const Offset end = std::min(to, live.created_hi);
  for (Offset at = shard->tasks.next_live(from); at < end; at = shard->tasks.next_live(at)) {
    const Offset until = std::min(end, shard->tasks.same_until(at));
    const std::uint64_t count = until.value() - at.value();
    const bool needed = needs_payload(state_->tables, shard->tasks.get(at));
    if (needed && !live.runs.empty() &&
        live.runs.back().first.value() + live.runs.back().count == at.value()) {
      live.runs.back().count += count;
    } else if (needed) {
      live.runs.push_back({at, count});
    }
    at = until;
  }
  return live;
}

}  // namespace baton::center
