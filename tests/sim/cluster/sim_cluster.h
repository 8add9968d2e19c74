// SimCluster: one whole Baton in a simulated world: a center, managers, and programs that use them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/cluster/sim_consumer.h"
#include "tests/sim/cluster/sim_daemon.h"
#include "tests/sim/cluster/sim_faults.h"
#include "tests/sim/cluster/sim_inspector.h"
#include "tests/sim/cluster/sim_operator.h"
#include "tests/sim/cluster/sim_producer.h"
#include "tests/sim/cluster/sim_rogue.h"
#include "tests/sim/cluster/sim_world.h"

namespace baton::sim {

class SimCluster {
 public:
  explicit SimCluster(SimWorld& world);

  // Starts everything in an order drawn from the seed, then runs the plan: a phase with faults, and
  // a phase after everything is healed in which all that was confirmed must be finished.
  void run();

  // ---- the steps of run(), for tests that tell their own story ----
  void start();
  void run_for(Duration length);
  // Runs until `done` holds; false when `limit` has passed before.
  bool run_until(const std::function<bool()>& done, Duration limit);
  // No more faults and no new tasks; everything is to finish within `limit`. Then asks for the end
  // of every confirmed task.
  void finish(Duration limit);

 private:
  [[nodiscard]] std::vector<SimDaemon*> daemons();
  [[nodiscard]] std::vector<SimClient*> programs();
  void look_after_daemons();
  // All produces have their outcome and all that was confirmed is done; false after `limit`.
  bool finish_everything(Duration limit);
  [[nodiscard]] std::unique_ptr<SimDaemon> make_manager(const std::string& host);
  [[nodiscard]] std::vector<TaskId> confirmed_tasks() const;

  SimWorld& world_;
  std::unique_ptr<SimDaemon> center_;
  std::vector<std::unique_ptr<SimDaemon>> managers_;
  std::vector<std::unique_ptr<SimProducer>> producers_;
  std::vector<std::unique_ptr<SimConsumer>> consumers_;
  std::vector<std::unique_ptr<SimRogue>> rogues_;
  std::vector<std::unique_ptr<SimConsumer>> finishers_;  // one per queue, at the end
  std::unique_ptr<SimOperator> operator_;                // where the plan wants one
  std::unique_ptr<SimInspector> inspector_;
  std::unique_ptr<SimFaults> faults_;
};

}  // namespace baton::sim
