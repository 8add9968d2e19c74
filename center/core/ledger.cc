#include "center/core/ledger.h"

#include <utility>

#include "center/core/apply_act.h"
#include "center/core/apply_created.h"
#include "center/core/apply_members.h"
#include "center/core/apply_operations.h"
#include "center/core/apply_queues.h"
#include "center/core/apply_sessions.h"
#include "center/core/apply_time.h"
#include "center/core/family.h"
#include "center/core/grant_matching.h"
#include "center/core/ledger_state.h"
#include "center/core/snapshot.h"

namespace baton::center {
namespace {

Status denied(const char* text) { return {ErrorCode::kDenied, text}; }

// Who may send what: a manager its own commands, the center (no incarnation) those of time and
// membership. Both may say what does not depend on who says it: enroll, register, seal, report.
class Dispatcher {
 public:
  Dispatcher(Work& work, Sender sender) : work_(work), sender_(sender) {}

  Outcome operator()(const Enroll& command) { return apply_enroll(work_, command); }
  Outcome operator()(const Register& command) { return apply_register(work_, command); }
  Outcome operator()(const Report& command) { return apply_report(work_, command); }
  Outcome operator()(const Seal& command) { return apply_seal(work_, command); }

  Outcome operator()(const ShardOffline& command) {
    return of_center([&] { return apply_shard_offline(work_, command); });
  }
  Outcome operator()(const TermStart& command) {
    return of_center([&] { return apply_term_start(work_, command); });
  }
  Outcome operator()(const Tick& command) {
    return of_center([&] { return apply_tick(work_, command); });
  }
  Outcome operator()(const Remove& command) {
    return of_center([&] { return apply_remove(work_, command); });
  }
  Outcome operator()(const Continue&) {
    return of_center([&] { return apply_continue(work_); });
  }

  Outcome operator()(const Created& command) {
    if (!sender_.is_manager()) return CreatedOutcome{not_a_manager(), {}, {}, {}};
    return apply_created(work_, sender_, command);
  }
  Outcome operator()(const AttachSession& command) {
    if (!sender_.is_manager()) return AttachOutcome{not_a_manager(), {}, {}};
    return apply_attach(work_, sender_, command);
  }
  Outcome operator()(const SessionOperations& command) {
    if (!sender_.is_manager()) return refused_operations(command);
    return apply_operations(work_, command);
  }
  Outcome operator()(const SessionHeartbeat& command) {
    if (!sender_.is_manager()) return HeartbeatOutcome{not_a_manager(), {}};
    return apply_heartbeat(work_, command);
  }
  Outcome operator()(const SessionDemand& c) {
    return of_manager([&] { return apply_demand(work_, sender_, c); });
  }
  Outcome operator()(const SessionEndWait& c) {
    return of_manager([&] { return apply_end_wait(work_, sender_, c); });
  }
  Outcome operator()(const SessionClosed& c) {
    return of_manager([&] { return apply_closed(work_, sender_, c); });
  }
  Outcome operator()(const GiveBack& c) {
    return of_manager([&] { return apply_give_back(work_, sender_, c); });
  }
  Outcome operator()(const ProducerDone& c) {
    return of_manager([&] { return apply_producer_done(work_, c); });
  }
  // Of a client, by a manager or by the center that it was asked through.
  Outcome operator()(const SetQueue& command) { return apply_set_queue(work_, command); }
  Outcome operator()(const ActOn& command) { return apply_act(work_, command); }
  Outcome operator()(const Purge& command) { return apply_purge(work_, command); }
  Outcome operator()(const Borrow& command) {
    if (!sender_.is_manager()) return BorrowOutcome{not_a_manager(), 0, 0, {}};
    return apply_borrow(work_, sender_, command);
  }
  Outcome operator()(const Quarantine& c) {
    return of_manager([&] { return apply_quarantine(work_, sender_, c); });
  }

 private:
  static Status not_a_manager() { return denied("only a registered manager may ask this"); }

  template <class Apply>
  Outcome of_center(Apply&& apply) {
    if (sender_.is_manager()) return SimpleOutcome{denied("only the center decides this")};
    return apply();
  }
  template <class Apply>
  Outcome of_manager(Apply&& apply) {
    if (!sender_.is_manager()) return SimpleOutcome{not_a_manager()};
    return apply();
  }
  static OperationsOutcome refused_operations(const SessionOperations& command) {
    OperationsOutcome outcome;
    for (const Operation& operation : command.operations) {
      outcome.outcomes.push_back(
          {operation.seq, ErrorCode::kDenied, not_a_manager().message(), false});
    }
    return outcome;
  }

  Work& work_;
  const Sender sender_;
};

// Frames of a life that is over, or that was declared offline and has not registered again, have no
// effect: no late message may revive what it belonged to (R9).
Status find_sender(const Tables& tables, const Batch& batch, Sender& sender) {
  if (!batch.incarnation) return {};
  sender.manager = tables.members.find_by_incarnation(batch.incarnation);
  if (sender.manager == MemberTable::kNoManager) return denied("this life of the manager is over");
  if (!tables.members.manager(sender.manager).online)
    return denied("the manager was declared offline: register again");
  return {};
}

BatchEffects apply_batch(Work& work, const Batch& batch) {
  BatchEffects effects;
  Sender sender;
  effects.status = find_sender(work.tables, batch, sender);
  if (!effects.status.ok()) return effects;
  effects.outcomes.reserve(batch.commands.size());
  for (const Command& command : batch.commands) {
    effects.outcomes.push_back(std::visit(Dispatcher(work, sender), command));
    continue_telling(work);
    settle_matches(work);
  }
  return effects;
}

void add(Hash64& hash, const Transition& transition) {
  hash.add(transition.first.value());
  hash.add(std::uint64_t{transition.count} << 32 |
           static_cast<std::uint64_t>(transition.from) << 16 |
           static_cast<std::uint64_t>(transition.to) << 8 |
           static_cast<std::uint64_t>(transition.cause));
  hash.add(transition.token.value());
  hash.add(transition.session.hi ^ transition.session.lo);
}

std::uint64_t next_hash(std::uint64_t before, Lsn index,
                        const std::vector<Transition>& transitions) {
  Hash64 hash(before);
  hash.add(index.value());
  for (const Transition& transition : transitions) add(hash, transition);
  return hash.value();
}

}  // namespace

Ledger::Ledger() : state_(std::make_unique<State>(Tables{})) {}
Ledger::~Ledger() = default;
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;

Effects Ledger::apply(const Entry& entry) {
  Tables& tables = state_->tables;
  BATON_CHECK(entry.index == tables.counters.index.next());
  tables.counters.index = entry.index;
  Effects effects;
  Work work(tables, effects);
  effects.batches.reserve(entry.batches.size());
  for (const Batch& batch : entry.batches) effects.batches.push_back(apply_batch(work, batch));
  tables.counters.state_hash =
      next_hash(tables.counters.state_hash, entry.index, effects.transitions);
  return effects;
}

Lsn Ledger::index() const { return state_->tables.counters.index; }
ClusterId Ledger::cluster() const { return state_->tables.counters.cluster; }
Generation Ledger::generation() const { return state_->tables.counters.generation; }
std::uint64_t Ledger::state_hash() const { return state_->tables.counters.state_hash; }

TickPlan Ledger::tick_plan() const { return plan_ticks(state_->tables); }
bool Ledger::wants_continue() const { return has_work_left(state_->tables); }

std::unique_ptr<LedgerSnapshot> Ledger::snapshot() const { return write_snapshot(state_->tables); }

Result<Ledger> Ledger::restore(const std::vector<std::string>& pages) {
  BATON_ASSIGN_OR_RETURN(Tables tables, read_snapshot(pages));
  Ledger ledger;
  ledger.state_->tables = std::move(tables);
  return ledger;
}

}  // namespace baton::center
