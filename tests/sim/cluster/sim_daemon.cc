#include "tests/sim/cluster/sim_daemon.h"

#include <string_view>
#include <utility>

namespace baton::sim {

struct SimDaemon::Life {
  Life(SimWorld& world, const std::string& host, const SimClock& clock)
      : process(world, host, clock) {}

  SimLife process;
  RunningNode running;  // destroyed first
  bool ended_itself = false;
};

SimDaemon::SimDaemon(SimWorld& world, std::string host, Boot boot)
    : world_(world),
      host_(std::move(host)),
      boot_(std::move(boot)),
      random_(world.scheduler.random().fork()),
      clock_(world.plan.draw_clock(random_)),
      env_(SimEnv::Options{.seed = random_.next(), .strict_directories = random_.one_in(2)}) {}

SimDaemon::~SimDaemon() {
  if (!up()) return;
  life_->process.loop.kill();
  env_.stop();
}

void SimDaemon::start() {
  if (up() || refused_) return;
  start_turn_++;
  lives_++;
  if (was_cut_) {
    was_cut_ = false;
    world_.network.revive(host_);
    clock_.mono_offset = 1s - world_.scheduler.now();  // the machine has just booted
  }
  world_.trace(host_ + " starts, life " + std::to_string(lives_));
  life_ = std::make_unique<Life>(world_, host_, clock_);
  SimLife& process = life_->process;
  process.loop.set_death_probe([this] { return env_.stopped(); });
  env_.set_on_operation([this, &process](const char* kind) {
    if (kind != std::string_view("sync") || process.worker.in_job()) return;
    const auto time_max = static_cast<std::uint64_t>(world_.plan.sync_time_max.count());
    process.loop.spend(Duration(static_cast<std::int64_t>(random_.below(time_max))));
  });
  const NodeContext context{process.loop, process.worker, process.transport,
                            env_,         process.logger, random_.next()};
  Life* const life = life_.get();
  auto booted = boot_(context, [this, life](const Status& why) {
    if (env_.stopped()) return;  // the power cut that is about to be noticed
    world_.fail(host_ + " ended itself: " + why.to_string());
    life->ended_itself = true;
  });
  if (booted.ok()) {
    life->running = std::move(booted).value();
    if (lives_ > 1) world_.sometimes.happened("daemon recovered");
    return;
  }
  if (env_.stopped()) {
    world_.sometimes.happened("power cut while starting");
    return;  // bury_if_dead() sees to it
  }
  world_.fail(host_ + " refused to start: " + booted.status().to_string());
  refused_ = true;
  life->ended_itself = true;
}

void SimDaemon::kill(Duration back_after) {
  if (!up()) return;
  world_.trace(host_ + " is killed");
  world_.sometimes.happened("daemon killed");
  bury(false, back_after);
}

void SimDaemon::cut_power(Duration back_after) {
  if (!up()) return;
  world_.trace(host_ + " loses power");
  world_.sometimes.happened("daemon lost power");
  bury(true, back_after);
}

void SimDaemon::cut_power_at_write(std::uint64_t operations, Duration back_after) {
  if (env_.stopped()) return;
  back_after_cut_ = back_after;
  env_.crash_at(env_.operations() + operations);
}

void SimDaemon::restart(Duration back_after) {
  if (!up() || !life_->running.drain) return;
  world_.trace(host_ + " is asked to stop");
  world_.sometimes.happened("daemon drained");
  // Calls back on the daemon's own loop, where it must not be destroyed: the world does it right
  // after.
  const std::uint64_t life = lives_;
  life_->running.drain([this, life, back_after] {
    world_.scheduler.after(Duration(0), [this, life, back_after] {
      if (up() && lives_ == life) bury(false, back_after);
    });
  });
  life_->running.drain = nullptr;
}

void SimDaemon::pause(Duration length) {
  if (!up()) return;
  world_.trace(host_ + " is paused");
  world_.sometimes.happened("daemon paused");
  life_->process.loop.pause_until(world_.scheduler.now() + length);
}

void SimDaemon::jump_wall(std::int64_t ms) {
  world_.trace(host_ + " jumps in calendar time by " + std::to_string(ms) + " ms");
  clock_.wall_ms += ms;
  if (up()) life_->process.loop.jump_wall(ms);
}

void SimDaemon::heal() {
  if (!env_.stopped()) env_.crash_at(~std::uint64_t{0});
  start();
}

void SimDaemon::bury_if_dead() {
  if (!up()) return;
  if (env_.stopped()) {
    world_.trace(host_ + " lost power in the middle of a file operation");
    world_.sometimes.happened("power cut in a file operation");
    bury(true, back_after_cut_);
  } else if (life_->ended_itself) {
    bury(false, 1s);
  }
}

void SimDaemon::bury(bool power_cut, Duration back_after) {
  life_->process.loop.kill();
  env_.stop();
  world_.network.crash(host_, power_cut ? Death::kMachine : Death::kProcess);
  life_.reset();
  env_.set_on_operation(nullptr);
  if (power_cut) {
    env_.restart_after_power_cut();
  } else {
    env_.restart_after_kill();
  }
  was_cut_ = was_cut_ || power_cut;
  start_later(back_after);
}

void SimDaemon::start_later(Duration delay) {
  const std::uint64_t turn = ++start_turn_;
  world_.scheduler.after(delay, [this, turn] {
    if (turn == start_turn_) start();
  });
}

}  // namespace baton::sim
