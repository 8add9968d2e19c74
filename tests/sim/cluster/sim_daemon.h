// SimDaemon: a machine with a disk and a clock on which a daemon runs, dies and is started again.
//
// Disk and clock survive the process; memory and connections do not. Whoever looks after daemons
// (SimCluster) calls bury_if_dead() after every event, since a daemon may meet its end in the
// middle of a file operation.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/status.h"
#include "common/net/node_context.h"
#include "tests/sim/cluster/sim_world.h"
#include "tests/support/sim_env.h"

namespace baton::sim {

// A running node, whatever its class.
struct RunningNode {
  std::shared_ptr<void> node;
  std::function<void(std::function<void()> done)> drain;
};

class SimDaemon {
 public:
  using OnFailed = std::function<void(const Status&)>;
  using Boot = std::function<Result<RunningNode>(NodeContext context, OnFailed on_failed)>;

  SimDaemon(SimWorld& world, std::string host, Boot boot);
  ~SimDaemon();
  SimDaemon(const SimDaemon&) = delete;
  SimDaemon& operator=(const SimDaemon&) = delete;

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] bool up() const { return life_ != nullptr; }
  [[nodiscard]] std::uint64_t lives() const { return lives_; }

  // Starts now; nothing if it runs.
  void start();
  // kill -9. What was written but not synced stays in the page cache, until the next power cut.
  void kill(Duration back_after);
  // What was not synced is lost, in whole or in part.
  void cut_power(Duration back_after);
  // The same at one of the next file operations, in the middle of it as a rule; also while
  // starting.
  void cut_power_at_write(std::uint64_t operations, Duration back_after);
  // SIGTERM: it drains and is started again.
  void restart(Duration back_after);
  void pause(Duration length);
  void jump_wall(std::int64_t ms);

  // No more surprises: an armed power cut is called off, and it starts now if it is down.
  void heal();
  void bury_if_dead();

 private:
  struct Life;

  void bury(bool power_cut, Duration back_after);
  void start_later(Duration delay);

  SimWorld& world_;
  const std::string host_;
  const Boot boot_;
  Random random_;
  SimClock clock_;
  SimEnv env_;
  std::unique_ptr<Life> life_;
  std::uint64_t lives_ = 0;
  std::uint64_t start_turn_ = 0;  // of the start that is planned: a later plan replaces it
  bool was_cut_ = false;          // the last life ended with the power
  bool refused_ = false;          // it said that it must not run: never started again
  Duration back_after_cut_{};
};

}  // namespace baton::sim
