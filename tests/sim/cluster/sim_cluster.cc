#include "tests/sim/cluster/sim_cluster.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tests/support/draw.h"

namespace baton::sim {
namespace {

constexpr std::uint64_t kMorningTasks = 20;  // of each producer

std::string manager_host(std::size_t i) { return "manager" + std::to_string(i + 1); }

BootOptions boot_options(const SimPlan& plan) {
  return {plan.sync, plan.stretch_bytes, plan.snapshot_log_bytes};
}

}  // namespace

SimCluster::SimCluster(SimWorld& world) : world_(world) {
  center_ = std::make_unique<SimDaemon>(world, "center", boot_center(boot_options(world.plan)));
  std::vector<std::string> addresses;
  for (std::size_t i = 0; i < world.plan.managers; i++) {
    const std::string host = manager_host(i);
    addresses.push_back(manager_address(host).to_string());
    managers_.push_back(make_manager(host));
  }
  for (std::size_t i = 0; i < world.plan.producers; i++) {
    producers_.push_back(
        std::make_unique<SimProducer>(world, "producer" + std::to_string(i + 1), addresses));
  }
  for (std::size_t i = 0; i < world.plan.consumers; i++) {
    consumers_.push_back(
        std::make_unique<SimConsumer>(world, "consumer" + std::to_string(i + 1), addresses));
  }
  for (std::size_t i = 0; i < world.plan.rogues; i++) {
    rogues_.push_back(
        std::make_unique<SimRogue>(world, "rogue" + std::to_string(i + 1), addresses));
  }
  for (std::size_t i = 0; i < world.plan.queues; i++) {
    const std::string queue = "q" + std::to_string(i);
    finishers_.push_back(
        std::make_unique<SimConsumer>(world, "finisher-" + queue, addresses, queue));
  }
  if (world.plan.life.on) operator_ = std::make_unique<SimOperator>(world, "operator", addresses);
  inspector_ = std::make_unique<SimInspector>(world, "inspector", addresses);
  faults_ = std::make_unique<SimFaults>(world, daemons(), programs(),
                                        [this](const auto& host) { return make_manager(host); });
}

std::unique_ptr<SimDaemon> SimCluster::make_manager(const std::string& host) {
  return std::make_unique<SimDaemon>(world_, host, boot_manager(host, boot_options(world_.plan)));
}

std::vector<SimDaemon*> SimCluster::daemons() {
  std::vector<SimDaemon*> all{center_.get()};
  for (const auto& manager : managers_) all.push_back(manager.get());
  return all;
}

std::vector<SimClient*> SimCluster::programs() {
  std::vector<SimClient*> all;
  for (const auto& producer : producers_) all.push_back(producer.get());
  for (const auto& consumer : consumers_) all.push_back(consumer.get());
  for (const auto& rogue : rogues_) all.push_back(rogue.get());
  return all;
}

void SimCluster::start() {
  // Daemons find each other in any order, and clients may be first.
  Random& random = world_.scheduler.random();
  const auto soon = [&random] { return below(random, 1500ms); };
  for (SimDaemon* daemon : daemons()) {
    world_.scheduler.after(soon(), [daemon] { daemon->start(); });
  }
  for (SimClient* program : programs()) {
    world_.scheduler.after(soon(), [program] { program->come_back(); });
  }
  if (operator_) world_.scheduler.after(soon(), [this] { operator_->come_back(); });
}

void SimCluster::run() {
  start();
  faults_->start();
  run_for(world_.plan.fault_phase);
  finish(world_.plan.heal_limit);
}

void SimCluster::run_for(Duration length) {
  run_until([] { return false; }, length);
}

bool SimCluster::run_until(const std::function<bool()>& done, Duration limit) {
  const SimTime end = world_.scheduler.now() + limit;
  while (!done()) {
    // One event at a time: a daemon that met its end in one must be gone before the next.
    if (!world_.scheduler.run_next_until(end)) return done();
    look_after_daemons();
  }
  return true;
}

void SimCluster::look_after_daemons() {
  center_->bury_if_dead();
  for (const auto& manager : managers_) manager->bury_if_dead();
  for (const auto& copy : faults_->copies()) copy->bury_if_dead();
}

void SimCluster::finish(Duration limit) {
  faults_->stop();
  world_.healed = true;
  for (const auto& producer : producers_) producer->finish();
  for (const auto& consumer : consumers_) consumer->behave();
  for (const auto& rogue : rogues_) rogue->retire();
  // Whoever is there must be able to finish alone: a slot that leaked would show.
  for (std::size_t i = 0; i < finishers_.size(); i++) {
    const std::string queue = "q" + std::to_string(i);
    const bool served = std::ranges::any_of(
        consumers_, [&](const auto& consumer) { return consumer->serves(queue); });
    if (!served) finishers_[i]->start();
  }
  if (operator_ && operator_->up()) operator_->tidy_up();
  inspector_->start();
  const SimTime healed_at = world_.scheduler.now();
  const bool finished = finish_everything(limit);
  world_.trace("quiet " +
               std::to_string((world_.scheduler.now() - healed_at) / std::chrono::milliseconds(1)) +
               " ms after healing");
  if (finished && world_.plan.night > Duration(0)) {
    run_for(world_.plan.night);
    world_.trace("the next morning");
    world_.sometimes.happened("work after a long silence");
    for (const auto& producer : producers_) producer->produce_some(kMorningTasks);
    finish_everything(limit);
  }
  inspector_->note_states();
}

bool SimCluster::finish_everything(Duration limit) {
  const auto produced = [this] {
    const auto finished = [](const auto& program) { return program->finished(); };
    return std::ranges::all_of(producers_, finished) && std::ranges::all_of(consumers_, finished) &&
           (!operator_ || operator_->finished());
  };
  if (!run_until(produced, limit)) {
    world_.fail("produces without an outcome long after healing");
    return false;
  }
  inspector_->watch(confirmed_tasks());
  if (!run_until([this] { return inspector_->all_finished(); }, limit)) {
    world_.fail("tasks are still open long after healing");
    inspector_->explain_open();
    run_for(30s);
    return false;
  }
  return true;
}

std::vector<TaskId> SimCluster::confirmed_tasks() const {
  std::set<TaskId> tasks;
  std::map<std::uint64_t, SimTime> asked;
  for (const check::Event& event : world_.history.events()) {
    if (event.action != check::Action::kProduce) continue;
    if (event.outcome == check::Outcome::kInvoke) asked[event.operation] = event.at;
    if (event.outcome != check::Outcome::kOk) continue;
    if (!world_.is_uncertain(asked.at(event.operation), event.at)) tasks.insert(event.task);
  }
  return {tasks.begin(), tasks.end()};
}

}  // namespace baton::sim
