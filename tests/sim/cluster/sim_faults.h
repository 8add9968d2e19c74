// SimFaults: what goes wrong in a run, one fault after the other, drawn from the seed.
//
// To add a fault: a weight in FaultWeights (sim_plan.h); a function here that does it, writes a line
// into the trace, tells `sometimes`, and lets it end by itself; a line in the table of sim_faults.cc,
// which everything else goes by: the draw, no_faults() and --shrink; and what `sometimes` was told in
// kOften or kSeldom (sim_run.cc), so that a fault that never happens fails the run. Then see that the
// checkers stay silent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/cluster/sim_client.h"
#include "tests/sim/cluster/sim_daemon.h"
#include "tests/sim/cluster/sim_world.h"

namespace baton::sim {

class SimFaults {
 public:
  struct Kind {
    std::string_view name;  // "no-<name>" is how a plan goes without it (sim_shrink.h)
    std::uint64_t FaultWeights::* weight;
    void (SimFaults::*inject)();
  };
  // All that can go wrong, in the order in which it is drawn.
  static std::span<const Kind> kinds();

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
  void plan_next();
  void inject_one();

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
  std::uint64_t weights_;  // of all kinds and of quiet together
  std::vector<std::unique_ptr<SimDaemon>> copies_;
  bool stopped_ = false;
};

// Nothing ever goes wrong.
FaultWeights no_faults();

}  // namespace baton::sim
