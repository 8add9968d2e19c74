#include "tests/sim/small/small_sim.h"

#include <functional>
#include <memory>
#include <utility>

#include "common/base/limits.h"
#include "common/history/judge.h"
#include "tests/sim/small/tiny_center.h"
#include "tests/sim/small/tiny_manager.h"
#include "tests/sim/small/tiny_session.h"
#include "tests/support/history_notes.h"
#include "tests/support/sim_payload.h"
#include "tests/support/sim_scheduler.h"

namespace baton::sim {
namespace {

constexpr std::size_t kManagers = 2;
constexpr std::size_t kSessions = 4;
constexpr std::size_t kQueues = 2;
constexpr std::size_t kWindow = 4;
constexpr std::uint64_t kProducer = 1;  // the only one, in the history
constexpr std::uint64_t kStepsPerSample = 50;

class SmallSim {
 public:
  explicit SmallSim(std::uint64_t seed) : scheduler_(seed), random_(scheduler_.random().fork()) {
    for (std::size_t i = 0; i < kManagers; i++) {
      managers_.push_back(
          std::make_unique<TinyManager>(scheduler_, center_, "manager" + std::to_string(i + 1)));
    }
    for (std::size_t i = 0; i < kSessions; i++) {
      sessions_.push_back(std::make_unique<TinySession>(scheduler_, center_, history_, 200 + i));
    }
  }

  SmallVerdict run(std::uint64_t steps) {
    for (std::uint64_t i = 0; i < steps && complaints_.empty(); i++) {
      step();
      after_step();
    }
    if (complaints_.empty()) heal_and_finish();
    return verdict();
  }

 private:
  void step() {
    const std::uint64_t dice = random_.below(100);
    if (dice < 22) return produce();
    if (dice < 38) return report();
    if (dice < 50) return demand();
    if (dice < 70) return operate();
    if (dice < 76) return tick(Millis(1 + random_.below(1000)));
    if (dice < 80) return heartbeat();
    if (dice < 84) return lie();
    if (dice < 88) return repeat();
    if (dice < 91) return attach();
    if (dice < 93) return center_.start_snapshot();
    if (dice < 94) return crash_center();
    if (dice < 95) return managers_[random_.below(kManagers)]->kill();
    if (dice < 96) return managers_[random_.below(kManagers)]->cut_power();
    if (dice < 98) return managers_[random_.below(kManagers)]->arm_power_cut(1 + random_.below(30));
    start_one();
  }

  void after_step() {
    for (const auto& manager : managers_) {
      if (manager->bury_if_dead()) sometimes_.happened("power cut in a file operation");
    }
    for (const auto& session : sessions_) {
      for (auto& complaint : session->take_complaints())
        complaints_.push_back(std::move(complaint));
    }
    if (center_.ledger().wants_continue()) command({}, center::Continue{});
    if (++steps_ % kStepsPerSample == 0) sample();
    scheduler_.run_for(1ms);
  }

  // What the ledger must keep within bounds however it is lied to (R10).
  void sample() {
    const center::LedgerTotals totals = center_.ledger().totals();
    const Duration now = scheduler_.now();
    history_.sample({now, 0, "sessions of the ledger", totals.sessions, kSessions});
    history_.sample({now, 0, "claims of the ledger", totals.claimed, kSessions * kWindow});
  }

  TinyManager* any_manager() {
    TinyManager* manager = managers_[random_.below(kManagers)].get();
    return manager->up() ? manager : nullptr;
  }
  TinySession& any_session() { return *sessions_[random_.below(kSessions)]; }
  std::string any_queue() { return "q" + std::to_string(random_.below(kQueues)); }

  void start_one() { start(*managers_[random_.below(kManagers)]); }

  void start(TinyManager& manager) {
    if (manager.up()) return;
    std::string what;
    if (!manager.start(what)) sometimes_.happened("power cut while starting");
    if (!what.empty()) complaints_.push_back(what);
  }

  // Confirmed as soon as the log says that it is durable; the ledger hears of it later.
  void produce() {
    TinyManager* manager = any_manager();
    if (manager == nullptr) return;
    const std::size_t count = 1 + random_.below(5);
    std::vector<std::string> payloads;
    std::vector<std::uint64_t> operations;
    for (std::size_t i = 0; i < count; i++) {
      payloads.push_back(make_payload({kProducer, ++produced_}, 300, random_));
      operations.push_back(
          history_.invoke(produce_event(scheduler_.now(), kProducer, payloads.back())));
    }
    manager::TaskAttributes attributes;
    attributes.queue = any_queue();
    const Offset first = manager->append(attributes, payloads);
    if (random_.one_in(8)) return;  // the machine may die with it in memory
    if (!manager->sync()) return;
    for (std::size_t i = 0; i < count; i++) {
      const TaskId task(manager->shard(), Offset(first.value() + i));
      history_.end(operations[i], scheduler_.now(), check::Outcome::kOk, task);
      confirmed_.push_back(task);
    }
  }

  void report() {
    if (TinyManager* manager = any_manager()) {
      center::Effects effects;
      manager->report(1 + random_.below(40), effects);
      deliver(effects);
    }
  }

  void demand() {
    center::Effects effects;
    TinySession& session = any_session();
    if (!session.manager()) return attach();
    session.demand(any_queue(), kWindow, effects);
    deliver(effects);
  }

  void operate() {
    center::Effects effects;
    const std::uint64_t dice = random_.below(10);
    const auto kind = dice < 6   ? OperationKind::kAck
                      : dice < 7 ? OperationKind::kNack
                      : dice < 9 ? OperationKind::kRelease
                                 : OperationKind::kExtend;
    any_session().operate(kind, random_.one_in(2), effects);
    deliver(effects);
  }

  void heartbeat() {
    center::Effects effects;
    TinySession& session = any_session();
    if (session.manager()) session.heartbeat(effects);
    deliver(effects);
  }

  // Most claims that were ever granted are over by now, or belong to somebody else.
  void lie() {
    if (granted_.empty()) return;
    center::Effects effects;
    TinySession& session = any_session();
    if (session.manager()) session.lie(granted_[random_.below(granted_.size())], effects);
    deliver(effects);
  }

  void repeat() {
    center::Effects effects;
    any_session().repeat_last(effects);
    deliver(effects);
  }

  void attach() {
    TinyManager* manager = any_manager();
    if (manager == nullptr) return;
    center::Effects effects;
    any_session().attach(manager->incarnation(), !random_.one_in(3), effects);
    deliver(effects);
  }

  void crash_center() {
    const std::string wrong = center_.crash();
    if (!wrong.empty()) complaints_.push_back("after a crash of the center " + wrong);
    sometimes_.happened("center crashed");
  }

  void tick(Millis elapsed) { command({}, center::Tick{elapsed, WallTime{1}}); }

  void command(Incarnation from, center::Command what) {
    center::Effects effects;
    center_.apply_one(from, std::move(what), effects);
    deliver(effects);
  }

  void deliver(const center::Effects& effects) {
    for (const center::Transition& transition : effects.transitions) {
      if (transition.cause == center::Cause::kExpired) sometimes_.happened("lease expired");
    }
    for (const center::Grant& grant : effects.grants) {
      granted_.push_back({grant.task, grant.token});
      for (const auto& session : sessions_) {
        if (session->id() == grant.session) deliver_to(*session, grant);
      }
    }
  }

  void deliver_to(TinySession& session, const center::Grant& grant) {
    check::Event event = claim_event(check::Action::kGrant, scheduler_.now(), session.process(),
                                     grant.task, grant.token);
    event.attempt = grant.attempt;
    history_.note(event);
    if (random_.one_in(10)) return;  // lost on its way: its lease will end
    for (const auto& manager : managers_) {
      if (manager->shard() != grant.task.shard() || !manager->up()) continue;
      const auto payload = manager->read(grant.task.offset());
      if (!payload.ok()) {
        if (manager->bury_if_dead()) return;
        complaints_.push_back("the payload of task " + to_string(grant.task) +
                              " cannot be read: " + payload.status().to_string());
        return;
      }
      event.action = check::Action::kDelivery;
      add_payload(event, payload.value());
      history_.note(event);
    }
    session.take(grant);
  }

  void heal_and_finish() {
    for (const auto& manager : managers_) {
      manager->arm_power_cut(UINT64_MAX / 2);
      while (!manager->up() && complaints_.empty()) start(*manager);
    }
    for (int round = 0; round < 4000 && complaints_.empty(); round++) {
      for (const auto& manager : managers_) {
        center::Effects effects;
        manager->report(kCreatedTasksMax, effects);
        deliver(effects);
      }
      for (const auto& session : sessions_) {
        center::Effects effects;
        if (round % 50 == 0) session->attach(managers_[0]->incarnation(), false, effects);
        session->demand("q" + std::to_string(round % 2), kWindow, effects);
        deliver(effects);
        while (session->holding() > 0) {
          center::Effects done;
          session->operate(OperationKind::kAck, false, done);
          deliver(done);
        }
      }
      tick(Millis(1000));
      after_step();
      const center::LedgerTotals totals = center_.ledger().totals();
      if (totals.waiting == 0 && totals.claimed == 0) return;
    }
    if (complaints_.empty()) complaints_.push_back("tasks are still open long after healing");
  }

  void note_states() {
    for (const TaskId task : confirmed_) {
      check::Event event;
      event.at = scheduler_.now();
      event.action = check::Action::kState;
      event.task = task;
      const auto view = center_.ledger().find(task);
      if (view.ok()) event.state = final_state(view.value().state);
      history_.note(event);
    }
  }

  SmallVerdict verdict() {
    SmallVerdict verdict;
    verdict.violations = complaints_;
    if (complaints_.empty()) {
      note_states();
      const check::Judgement judgement =
          check::judge(history_, {.dead_allowed = true, .healed = true});
      const auto lines = judgement.lines();
      verdict.violations.insert(verdict.violations.end(), lines.begin(), lines.end());
      verdict.stories = judgement.stories(history_);
    }
    verdict.totals = check::totals(history_);
    verdict.state_hash = center_.ledger().state_hash();
    for (const auto& manager : managers_) {
      verdict.disk_hash = verdict.disk_hash * 31 + manager->disk_hash();
    }
    sometimes_.happened("center replayed an entry", center_.replayed());
    sometimes_.happened("snapshot of the ledger", center_.snapshots());
    sometimes_.happened("claim refused as superseded", verdict.totals.superseded);
    sometimes_.happened("task delivered again", verdict.totals.redeliveries);
    verdict.sometimes = sometimes_;
    return verdict;
  }

  SimScheduler scheduler_;
  Random random_;
  TinyCenter center_;
  check::History history_;
  std::vector<std::unique_ptr<TinyManager>> managers_;
  std::vector<std::unique_ptr<TinySession>> sessions_;
  std::vector<TinyClaim> granted_;
  std::vector<TaskId> confirmed_;
  std::uint64_t produced_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<std::string> complaints_;
  Sometimes sometimes_;
};

}  // namespace

SmallVerdict run_small(std::uint64_t seed, std::uint64_t steps) {
  return SmallSim(seed).run(steps);
}

}  // namespace baton::sim
