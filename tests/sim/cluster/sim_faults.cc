#include "tests/sim/cluster/sim_faults.h"

#include <utility>

#include "tests/support/draw.h"

namespace baton::sim {

std::span<const SimFaults::Kind> SimFaults::kinds() {
  using W = FaultWeights;
  using F = SimFaults;
  static constexpr Kind kKinds[] = {
      {"kill", &W::kill_process, &F::kill_process},
      {"power-cut", &W::power_cut, &F::power_cut},
      {"cut-at-write", &W::cut_at_write, &F::cut_at_write},
      {"pause", &W::pause, &F::pause},
      {"restart", &W::restart, &F::restart},
      {"reset", &W::reset, &F::reset},
      {"cut-frame", &W::cut_frame, &F::cut_frame},
      {"half-open", &W::half_open, &F::half_open},
      {"partition", &W::partition, &F::partition},
      {"isolate", &W::isolate, &F::isolate},
      {"slow", &W::slow, &F::slow},
      {"wall-jump", &W::wall_jump, &F::wall_jump},
      {"disk-error", &W::disk_error, &F::disk_error},
      {"read-error", &W::read_error, &F::read_error},
      {"disk-full", &W::disk_full, &F::disk_full},
      {"disk-slow", &W::disk_slow, &F::disk_slow},
      {"put-back", &W::put_back, &F::put_back},
      {"copy", &W::copy, &F::copy},
      {"damage", &W::damage, &F::damage},
      {"client-vanish", &W::client_vanish, &F::client_vanish},
      {"client-pause", &W::client_pause, &F::client_pause},
  };
  return kKinds;
}

FaultWeights no_faults() {
  FaultWeights weights;
  for (const SimFaults::Kind& kind : SimFaults::kinds()) weights.*kind.weight = 0;
  return weights;
}

SimFaults::SimFaults(SimWorld& world, std::vector<SimDaemon*> daemons,
                     std::vector<SimClient*> clients, MakeCopy make_copy)
    : world_(world),
      daemons_(std::move(daemons)),
      clients_(std::move(clients)),
      make_copy_(std::move(make_copy)),
      random_(world.scheduler.random().fork()),
      weights_(world.plan.weights.quiet) {
  for (const Kind& kind : kinds()) weights_ += world.plan.weights.*kind.weight;
}

void SimFaults::start() { plan_next(); }

void SimFaults::stop() {
  stopped_ = true;
  world_.trace("everything heals");
  world_.network.heal();
  for (const auto& copy : copies_) copy->shut_down();
  for (SimDaemon* daemon : daemons_) daemon->heal();
  for (SimClient* client : clients_) client->come_back();
}

void SimFaults::plan_next() {
  world_.scheduler.after(up_to(random_, 2 * world_.plan.fault_interval), [this] {
    if (stopped_) return;
    inject_one();
    plan_next();
  });
}

void SimFaults::inject_one() {
  const FaultWeights& weights = world_.plan.weights;
  if (weights_ == 0) return;
  std::uint64_t drawn = random_.below(weights_);
  if (drawn < weights.quiet) return;
  drawn -= weights.quiet;
  for (const Kind& kind : kinds()) {
    if (drawn < weights.*kind.weight) return (this->*kind.inject)();
    drawn -= weights.*kind.weight;
  }
}

void SimFaults::kill_process() { any_daemon().kill(some_time(10s)); }

void SimFaults::power_cut() { any_daemon().cut_power(some_time(15s)); }

void SimFaults::cut_at_write() {
  any_daemon().cut_power_at_write(1 + random_.below(40), some_time(5s));
}

void SimFaults::pause() { any_daemon().pause(some_time(8s)); }

void SimFaults::restart() { any_daemon().restart(some_time(3s)); }

void SimFaults::reset() {
  if (world_.network.reset_one()) world_.trace("a connection is reset");
}

void SimFaults::cut_frame() {
  if (world_.network.cut_one(random_.one_in(2) ? 100 : 5000))
    world_.trace("a connection will be cut");
}

void SimFaults::half_open() {
  if (world_.network.half_open_one()) world_.trace("a connection is half forgotten");
}

void SimFaults::partition() {
  const std::string from = any_host();
  const std::string to = any_host();
  if (from == to) return;
  const bool both = random_.one_in(2);
  cut_off(from, to, both, some_time(10s));
}

void SimFaults::isolate() {
  std::string from = any_manager().host();
  std::string to = daemons_.front()->host();  // the center
  if (random_.one_in(2)) std::swap(from, to);
  cut_off(from, to, !random_.one_in(3), 3s + some_time(9s));
}

void SimFaults::cut_off(const std::string& from, const std::string& to, bool both,
                        Duration length) {
  world_.trace(from + (both ? " is cut off from " : " cannot reach ") + to);
  world_.sometimes.happened(both ? "partition" : "one-way partition");
  world_.network.block(from, to);
  if (both) world_.network.block(to, from);
  world_.scheduler.after(length, [this, from, to] {
    world_.network.unblock(from, to);
    world_.network.unblock(to, from);
  });
}

void SimFaults::slow() {
  world_.trace("the network is slow");
  world_.network.set_quality({5ms, random_.one_in(2) ? Duration(100ms) : Duration(900ms)});
  world_.scheduler.after(some_time(6s),
                         [this] { world_.network.set_quality(world_.plan.network); });
}

void SimFaults::wall_jump() {
  // Up to an hour.
  const auto ms = static_cast<std::int64_t>(random_.below(7'200'000)) - 3'600'000;
  any_daemon().jump_wall(ms);
}

void SimFaults::disk_error() {
  static constexpr Fault kFaults[] = {Fault::kError, Fault::kNoSpace, Fault::kShortWrite,
                                      Fault::kCleanPages};
  any_daemon().fail_disk(1 + random_.below(40), kFaults[random_.below(4)], random_.one_in(2));
}

void SimFaults::read_error() { any_daemon().fail_read(1 + random_.below(40)); }

void SimFaults::disk_full() {
  // Above the floor that daemons keep free, a little below it, and next to nothing.
  static constexpr std::uint64_t kLeft[] = {100'000, 30'000, 8'000, 300};
  any_daemon().fill_disk(kLeft[random_.below(4)], some_time(10s));
}

void SimFaults::disk_slow() {
  any_daemon().slow_disk(random_.one_in(2) ? Duration(100ms) : Duration(1500ms), some_time(5s));
}

void SimFaults::put_back() {
  SimDaemon& manager = any_manager();
  if (manager.is_new()) return;  // an empty directory under a known name is refused: another story
  const SimTime copied_at = world_.scheduler.now();
  world_.trace("the disk of " + manager.host() + " is copied");
  world_.scheduler.after(some_time(10s),
                         [this, &manager, copied_at, disk = manager.copy_of_disk()] {
                           if (stopped_) return;
                           world_.make_uncertain(copied_at, world_.scheduler.now());
                           manager.put_back(disk, some_time(5s));
                         });
}

void SimFaults::copy() {
  SimDaemon& manager = any_manager();
  if (manager.is_new()) return;
  const SimTime copied_at = world_.scheduler.now();
  const std::string host = manager.host() + "-copy" + std::to_string(copies_.size());
  copies_.push_back(make_copy_(host));
  SimDaemon& twin = *copies_.back();
  twin.set_disk(manager.copy_of_disk());
  // Whichever of the two is refused, it is right that one is.
  twin.forgive_refusals();
  manager.forgive_refusals();
  world_.sometimes.happened("copy of a directory started");
  const Duration length = some_time(20s);
  // Only when the copy takes the place of the original for a while is anything in doubt, until that
  // is back for sure.
  const auto doubt = [this, copied_at, length] {
    world_.make_uncertain(copied_at, copied_at + length + 30s);
    world_.copy_took_over = true;
  };
  twin.when_logged("registered", doubt);
  manager.when_logged("registration refused", doubt);
  manager.when_logged("shard sealed", doubt);
  twin.start();
  world_.scheduler.after(length, [&twin] { twin.shut_down(); });
}

void SimFaults::damage() { any_manager().damage_payload(some_time(3s)); }

void SimFaults::client_vanish() {
  any_client().vanish(random_.one_in(3) ? Death::kMachine : Death::kProcess, some_time(8s));
}

void SimFaults::client_pause() { any_client().pause(some_time(2 * world_.plan.lease + 5s)); }

const std::string& SimFaults::any_host() {
  const std::uint64_t drawn = random_.below(2 * daemons_.size() + clients_.size());
  // Daemons twice as often: what happens between them matters most.
  if (drawn < 2 * daemons_.size()) return daemons_[drawn / 2]->host();
  return clients_[drawn - 2 * daemons_.size()]->host();
}

Duration SimFaults::some_time(Duration max) {
  return up_to(random_, random_.one_in(3) ? max : max / 10);
}

}  // namespace baton::sim
