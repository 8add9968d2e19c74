// What history and audit look at: the ledger's clocks, who is who, and which tasks are not plain.
#include "center/core/ledger_state.h"
#include "center/core/task_facts.h"

namespace baton::center {
namespace {

// Tasks without a row that wait for something else than a consumer.
void visit_unclaimed(const Tables& tables, const Ledger::VisitRow& visit) {
  for (const Shard& shard : tables.members.shards()) {
    const TaskPages& pages = shard.tasks;
    for (Offset at = pages.next_live(Offset(1)); at < pages.end();) {
      if (pages.get(at).kind() == TaskValue::Kind::kReady) {
        at = pages.next_live(pages.same_until(at));
        continue;
      }
      const TaskId task(shard.id, at);
      const TaskFacts facts = facts_of(tables, task);
      if (facts.row == kNoSlot && facts.waits() && facts.state != TaskState::kReady)
        visit(task, facts.state, Token(), false);
      at = pages.next_live(at.next());
    }
  }
}

}  // namespace

LedgerTimes Ledger::times() const {
  const Counters& counters = state_->tables.counters;
  return {Millis(counters.lease_ms), counters.calendar};
}

SessionName Ledger::session_name(const SessionId& id) const {
  const Tables& tables = state_->tables;
  const std::uint32_t slot = tables.sessions.find(id);
  if (slot == kNoSlot) return {id, {}, {}};
  const Session& session = tables.sessions[slot];
  return {id, session.consumer, tables.members.manager(session.manager).name};
}

std::string Ledger::manager_of(ShardId id) const {
  const MemberTable& members = state_->tables.members;
  const Shard* shard = members.find_shard(id);
  return shard == nullptr ? std::string() : members.manager(shard->manager).name;
}

void Ledger::visit_rows(const VisitRow& visit) const {
  const RowTable& rows = state_->tables.rows;
  for (std::uint32_t slot = 0; slot < rows.slots(); ++slot) {
    const TaskRow& row = rows[slot];
    if (row.task) visit(row.task, row.state, row.token, row.acked);
  }
  visit_unclaimed(state_->tables, visit);
}

}  // namespace baton::center
