#include "tests/recovery/trio_daemon.h"

#include <utility>

namespace baton::recovery {

using sim::SimLife;
using sim::SimWorld;
using namespace std::chrono_literals;

struct TrioDaemon::Life {
  Life(SimWorld& world, const std::string& host, const sim::SimClock& clock)
      : process(world, host, clock) {}

  SimLife process;
  sim::RunningNode running;  // destroyed first
  bool ended = false;
};

TrioDaemon::TrioDaemon(SimWorld& world, std::string host, sim::Boot boot)
    : world_(world),
      host_(std::move(host)),
      boot_(std::move(boot)),
      random_(world.scheduler.random().fork()),
      clock_(world.plan.draw_clock(random_)),
      env_(sim::SimEnv::Options{.seed = random_.next()}) {}

TrioDaemon::~TrioDaemon() {
  if (!up()) return;
  life_->process.loop.kill();
  env_.stop();
}

void TrioDaemon::set_trap(const Trap& trap, Death death) {
  trap_ = trap;
  death_ = death;
  arm();
}

void TrioDaemon::arm() {
  if (trap_.crash_at != Trap::kNever) env_.crash_at(trap_.crash_at);
  if (trap_.fail_at != Trap::kNever) env_.fail_at(trap_.fail_at, trap_.fault, trap_.sticky);
  if (trap_.fail_read_at != Trap::kNever) env_.fail_read_at(trap_.fail_read_at);
}

void TrioDaemon::start() {
  if (up()) return;
  ++lives_;
  if (std::exchange(machine_is_down_, false)) world_.network.revive(host_);
  world_.trace(host_ + " starts, life " + std::to_string(lives_));
  life_ = std::make_unique<Life>(world_, host_, clock_);
  Life* const life = life_.get();
  life->process.loop.set_death_probe([this] { return env_.stopped(); });
  const NodeContext context{life->process.loop,      life->process.worker,
                            life->process.transport, env_,
                            life->process.logger,    random_.next()};
  auto booted = boot_(context, [this, life](const Status& why) {
    if (env_.stopped()) return;  // the crash that is about to be noticed
    world_.trace(host_ + " ends itself: " + why.to_string());
    said_.push_back(why);
    life->ended = true;
  });
  if (booted.ok()) {
    life->running = std::move(booted).value();
    return;
  }
  if (env_.stopped()) return;
  world_.trace(host_ + " refuses to start: " + booted.status().to_string());
  said_.push_back(booted.status());
  life->ended = true;
}

void TrioDaemon::die(Death death, Duration back_after) {
  if (!up()) return;
  world_.trace(host_ + " ends by " + to_string(death));
  life_->process.loop.kill();
  env_.stop();
  const bool power_cut = death == Death::kPowerCut;
  world_.network.crash(host_, power_cut ? sim::Death::kMachine : sim::Death::kProcess);
  life_.reset();
  if (power_cut) {
    machine_is_down_ = true;
    env_.restart_after_power_cut();
  } else {
    env_.restart_after_kill();
  }
  // What has sprung does not spring again.
  const bool failed = env_.faults_met() > 0;
  if (failed && said_.empty()) died_before_saying_ = true;
  if (failed || env_.operations() >= trap_.crash_at) trap_ = {};
  arm();
  start_later(back_after);
}

void TrioDaemon::restart() {
  if (!up() || !life_->running.drain) return;
  world_.trace(host_ + " is asked to stop");
  life_->running.drain([this, life = lives_] {
    // Not on the daemon's own loop: it is destroyed.
    world_.scheduler.after(Duration(0), [this, life] {
      if (up() && lives_ == life) die(Death::kKill, 100ms);
    });
  });
  life_->running.drain = nullptr;
}

void TrioDaemon::look_after() {
  if (!up()) return;
  if (env_.stopped()) return die(death_, 1s);
  if (trap_.fail_at != Trap::kNever && env_.operations() > trap_.fail_at) wrote_on_ = true;
  if (life_->ended) die(death_, 1s);
}

void TrioDaemon::start_later(Duration delay) {
  world_.scheduler.after(delay, [this, life = lives_] {
    if (lives_ == life) start();
  });
}

}  // namespace baton::recovery
