// TrioDaemon: a machine with a disk on which one of the trio's daemons runs; its disk has a trap.
//
// As run_daemon does it: a node that calls on_failed, or does not start, is gone after that event.
// A dead one is started again, a second later, on a healthy disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "tests/recovery/store_machine.h"
#include "tests/sim/cluster/sim_boot.h"
#include "tests/sim/cluster/sim_world.h"
#include "tests/support/sim_env.h"

namespace baton::recovery {

class TrioDaemon {
 public:
  TrioDaemon(sim::SimWorld& world, std::string host, sim::Boot boot);
  ~TrioDaemon();
  TrioDaemon(const TrioDaemon&) = delete;
  TrioDaemon& operator=(const TrioDaemon&) = delete;

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] bool up() const { return life_ != nullptr; }
  [[nodiscard]] sim::SimEnv& env() { return env_; }

  // The one thing that goes wrong here. `death`: how the machine ends at trap.crash_at, or after
  // the node has stopped for an error.
  void set_trap(const Trap& trap, Death death);
  // What it said when it ended itself, or refused to start.
  [[nodiscard]] const std::vector<Status>& said() const { return said_; }
  // The script ended it in the very moment in which its disk failed.
  [[nodiscard]] bool died_before_saying() const { return died_before_saying_; }
  // It wrote something after its disk had failed.
  [[nodiscard]] bool wrote_on() const { return wrote_on_; }

  void start();
  void die(Death death, Duration back_after);
  // SIGTERM, and started again.
  void restart();
  // After every event of the world.
  void look_after();

 private:
  struct Life;
  void arm();
  void start_later(Duration delay);

  sim::SimWorld& world_;
  const std::string host_;
  const sim::Boot boot_;
  Random random_;
  sim::SimClock clock_;
  sim::SimEnv env_;
  Trap trap_;
  Death death_ = Death::kKill;
  std::unique_ptr<Life> life_;
  std::uint64_t lives_ = 0;
  bool machine_is_down_ = false;
  std::vector<Status> said_;
  bool died_before_saying_ = false;
  bool wrote_on_ = false;
};

}  // namespace baton::recovery
