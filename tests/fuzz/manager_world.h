// ManagerWorld: one real ManagerNode, registered with a FakeCenter, in a simulated world that is made
// anew for each fuzz case.
#pragma once

#include <cstdint>
#include <memory>

#include "common/base/status.h"
#include "manager/service/manager_node.h"
#include "tests/fuzz/raw_peer.h"
#include "tests/support/sim_env.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_network.h"
#include "tests/unit/manager/service/fake_center.h"

namespace baton::fuzz {

class ManagerWorld {
 public:
  static constexpr std::uint32_t kShard = 5;

  ManagerWorld();
  ~ManagerWorld();
  ManagerWorld(const ManagerWorld&) = delete;
  ManagerWorld& operator=(const ManagerWorld&) = delete;

  // Opens the manager on a disk that it has used before and waits until it is registered.
  void start();
  // kill -9 and a new start on the same disk. Not ok: it refuses to start.
  Status restart();
  [[nodiscard]] bool up() const { return node_ != nullptr; }
  [[nodiscard]] Address address() const { return {"m1", 7101}; }
  // What on_failed said; ok while the manager lives.
  [[nodiscard]] const Status& failure() const { return failure_; }

  sim::SimScheduler scheduler{1};
  sim::SimNetwork network{scheduler};
  QuietLogger logger;
  sim::SimEnv env;
  manager::FakeCenter center{scheduler, network, logger};

 private:
  Status open();
  void kill();

  Status failure_;
  std::unique_ptr<sim::SimLoop> loop_;
  std::unique_ptr<sim::SimWorker> worker_;
  std::unique_ptr<sim::SimTransport> transport_;
  std::unique_ptr<manager::ManagerNode> node_;  // destroyed first
};

}  // namespace baton::fuzz
