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
  // Makes a machine named `host` for a copy of the manager's directory.
  using MakeCopy = std::function<std::unique_ptr<SimDaemon>(const std::string& host)>;

  // `daemons`: the center first, then the managers.
  SimFaults(SimWorld& world, std::vector<SimDaemon*> daemons, std::vector<SimClient*> clients,
            MakeCopy make_copy);

  // Faults come at random from now on, until stop().
  void start();
  // Ends all that is still wrong: the network heals, every machine runs.
  void stop();
  // Machines that run copies of directories.
  [[nodiscard]] const std::vector<std::unique_ptr<SimDaemon>>& copies() const { return copies_; }

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
  void isolate();
  void cut_off(const std::string& from, const std::string& to, bool both, Duration length);
  void slow();
  void wall_jump();
  void disk_error();
  void read_error();
  void disk_full();
  void disk_slow();
  void put_back();
  void copy();
  void damage();
  void client_vanish();
  void client_pause();

  SimDaemon& any_daemon() { return *daemons_[random_.below(daemons_.size())]; }
  SimDaemon& any_manager() { return *daemons_[1 + random_.below(daemons_.size() - 1)]; }
  SimClient& any_client() { return *clients_[random_.below(clients_.size())]; }
  const std::string& any_host();
  // Mostly short, sometimes up to `max`.
  Duration some_time(Duration max);

  SimWorld& world_;
  const std::vector<SimDaemon*> daemons_;
  const std::vector<SimClient*> clients_;
  const MakeCopy make_copy_;
  Random random_;
  std::vector<Kind> kinds_;
  std::uint64_t weights_ = 0;
  std::vector<std::unique_ptr<SimDaemon>> copies_;
  bool stopped_ = false;
};

}  // namespace baton::sim
