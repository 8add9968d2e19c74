#include "tests/recovery/trio.h"

#include <utility>

#include "common/history/judge.h"
#include "tests/sim/cluster/sim_boot.h"

namespace baton::recovery {
namespace {

using namespace std::chrono_literals;

// A step that does not get what it waits for goes on after this long.
constexpr Duration kPatience = 5s;
// A whole cluster that is healthy: leases of 5 s, a grace of 10 s, a produce that is tried for 60 s.
constexpr Duration kHealMax = 5min;

}  // namespace

// A calm world: what goes wrong in it is the trap.
sim::SimPlan Trio::plan_of(const Scenario& scenario, std::uint64_t seed) {
  sim::SimPlan plan = sim::SimPlan::draw(seed);
  plan.network = {20us, 200us};
  plan.clock_error_ppm = 0;
  plan.timer_slack = 0us;
  plan.worker = sim::SimWorker::Mode::kMixed;
  plan.worker_delay_max = 300us;
  plan.sync = scenario.sync_mode;
  return plan;
}

Trio::Trio(const Scenario& scenario, std::uint64_t seed)
    : scenario_(scenario), world_(seed, plan_of(scenario, seed)) {
  const sim::BootOptions boot{scenario.sync_mode, scenario.stretch_bytes,
                              scenario.snapshot_log_bytes};
  daemons_.push_back(std::make_unique<TrioDaemon>(world_, "center", sim::boot_center(boot)));
  std::vector<std::string> addresses;
  for (const std::string host : {"manager1", "manager2"}) {
    addresses.push_back(sim::manager_address(host).to_string());
    daemons_.push_back(std::make_unique<TrioDaemon>(world_, host, sim::boot_manager(host, boot)));
  }
  producer_ = std::make_unique<TrioProducer>(world_, "producer", addresses);
  worker_ = std::make_unique<TrioWorker>(world_, "worker", addresses);
  inspector_ = std::make_unique<sim::SimInspector>(world_, "inspector", addresses);
}

Trio::~Trio() = default;

void Trio::play() {
  start();
  scenario_.script(*this);
  for (std::size_t i = 0; i < kDaemons; ++i) done_at_.at(i) = daemons_[i]->env().operations();
  finish();
  check();
}

void Trio::start() {
  for (const auto& daemon : daemons_) daemon->start();
  producer_->start();
  worker_->start();
  // A manager is up when it is registered, which writes its last identity.
  run_for(2s);
  for (std::size_t i = 0; i < kDaemons; ++i) up_at_.at(i) = daemons_[i]->env().operations();
}

bool Trio::run_until(const std::function<bool()>& done, Duration limit) {
  const sim::SimTime end = world_.scheduler.now() + limit;
  while (!done()) {
    // One event at a time: a daemon that met its end in one must be gone before the next.
    if (!world_.scheduler.run_next_until(end)) return done();
    for (const auto& daemon : daemons_) daemon->look_after();
  }
  return true;
}

void Trio::run_for(Duration length) {
  run_until([] { return false; }, length);
}

// ---- steps --------------------------------------------------------------------------------------

void Trio::begin_to_produce(int count) { producer_->produce(count, 50); }

void Trio::produce(int count, std::size_t payload_bytes) {
  producer_->produce(count, payload_bytes);
  run_until([this] { return producer_->unresolved() == 0; }, kPatience);
}

void Trio::claim(std::size_t count) {
  run_until([this, count] { return worker_->held() >= count; }, kPatience);
}

void Trio::ack(int count, std::size_t result_bytes) {
  for (int i = 0; i < count; ++i) worker_->ack(result_bytes);
  run_until([this] { return worker_->unanswered() == 0; }, kPatience);
}

void Trio::nack() {
  worker_->nack();
  run_until([this] { return worker_->unanswered() == 0; }, kPatience);
}

void Trio::release() {
  worker_->release();
  run_until([this] { return worker_->unanswered() == 0; }, kPatience);
}

void Trio::extend() {
  worker_->extend();
  run_until([this] { return worker_->unanswered() == 0; }, kPatience);
}

void Trio::kill(Who who, Duration back_after) { daemons_.at(who)->die(Death::kKill, back_after); }

void Trio::cut_power(Who who, Duration back_after) {
  daemons_.at(who)->die(Death::kPowerCut, back_after);
}

void Trio::restart(Who who) {
  daemons_.at(who)->restart();
  run_for(500ms);
}

void Trio::block(const std::string& from, const std::string& to) { world_.network.block(from, to); }

void Trio::unblock() { world_.network.heal(); }

// ---- the end ------------------------------------------------------------------------------------

void Trio::finish() {
  world_.network.heal();
  worker_->finish();
  for (const auto& daemon : daemons_) {
    run_until([&] { return daemon->up(); }, kHealMax);
    require(daemon->up(), daemon->host() + " does not come back: " +
                              (daemon->said().empty() ? "" : daemon->said().back().to_string()));
  }
  require(run_until([this] { return producer_->unresolved() == 0; }, kHealMax),
          "a produce has no outcome");
  inspector_->start();
  inspector_->watch({producer_->confirmed().begin(), producer_->confirmed().end()});
  require(run_until([this] { return inspector_->all_finished(); }, kHealMax),
          "confirmed tasks are still open long after healing");
  inspector_->note_states();
}

void Trio::check() const {
  for (const sim::SimFailure& failure : world_.failures) {
    throw Violation(failure.what + (failure.task ? "\n" + world_.history.story(failure.task) : ""));
  }
  check::JudgeOptions options;
  options.healed = true;
  const check::Judgement judgement = check::judge(world_.history, options);
  for (const std::string& line : judgement.lines())
    throw Violation(line + "\n" + judgement.stories(world_.history, 1));
  require(judgement.totals.confirmed > 0, "nothing was confirmed");
}

}  // namespace baton::recovery
