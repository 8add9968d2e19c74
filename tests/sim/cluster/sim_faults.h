// SimFaults: what goes wrong in a run, one fault after the other, drawn from the seed.
//
// To add a fault: a weight in FaultWeights, a line in the table of sim_faults.cc, and a function
// that does it and ends by itself; then see that its trace line appears and that the checkers stay
// silent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/cluster/sim_client.h"
#include "tests/sim/cluster/sim_daemon.h"
#include "tests/sim/cluster/sim_world.h"

namespace baton::sim {

class SimFaults {
 public:
  SimFaults(SimWorld& world, std::vector<SimDaemon*> daemons, std::vector<SimClient*> clients);

  // Faults come at random from now on, until stop().
  void start();
  // Ends all that is still wrong: the network heals, every machine runs.
  void stop();

 private:
  struct Kind {
    std::uint64_t weight;
    void (SimFaults::*inject)();
  };

  void plan_next();
  void inject_one();

  void quiet() {}
  void kill_process();
  void power_cut();
  void cut_at_write();
  void pause();
  void restart();
  void reset();
  void cut_frame();
  void half_open();
  void partition();
  void slow();
  void wall_jump();
  void client_vanish();
  void client_pause();

  SimDaemon& any_daemon() { return *daemons_[random_.below(daemons_.size())]; }
  SimClient& any_client() { return *clients_[random_.below(clients_.size())]; }
  const std::string& any_host();
  // Mostly short, sometimes up to `max`.
  Duration some_time(Duration max);

  SimWorld& world_;
  const std::vector<SimDaemon*> daemons_;
  const std::vector<SimClient*> clients_;
  Random random_;
  std::vector<Kind> kinds_;
  std::uint64_t weights_ = 0;
  bool stopped_ = false;
};

}  // namespace baton::sim
