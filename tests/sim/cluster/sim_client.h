// SimClient: a machine on which a program with the real client library runs.
//
// Producers and consumers derive from it. A program can be killed at any moment and is started
// again later as a new one: nothing of it survives but what the cluster knows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/baton.h"
#include "tests/sim/cluster/sim_world.h"

namespace baton::sim {

class SimClient {
 public:
  SimClient(SimWorld& world, std::string host, std::vector<std::string> managers);
  virtual ~SimClient() = default;
  SimClient(const SimClient&) = delete;
  SimClient& operator=(const SimClient&) = delete;

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] bool up() const { return life_ != nullptr; }
  // Paused, or has not yet done what it would have done meanwhile.
  [[nodiscard]] bool stands_still() const;

  // REQUIRES: not up.
  void start();
  // kill -9, or the machine's end; `back_after` later it is started again.
  void vanish(Death death, Duration back_after);
  void pause(Duration length);
  // Starts at once what is still to come back.
  void come_back();
  // From within the program: it ends by itself, and is started again.
  void exit_soon(Duration back_after);
  // For good, without a trace in the history.
  void shut_down();

 protected:
  // The program: runs in its first moment, with client() there.
  virtual void on_start() = 0;
  // Everything of this life is to be destroyed; the loop runs no more.
  virtual void on_gone() = 0;

  [[nodiscard]] client::Client& client() { return *client_; }
  [[nodiscard]] SimLoop& loop() { return life_->loop; }
  [[nodiscard]] SimTransport& transport() { return life_->transport; }
  [[nodiscard]] SimLogger& logger() { return life_->logger; }

  SimWorld& world_;
  Random random_;

 private:
  void destroy_life();

  const std::string host_;
  const std::vector<std::string> managers_;
  SimClock clock_;
  std::uint64_t lives_ = 0;
  bool machine_died_ = false;
  std::unique_ptr<SimLife> life_;
  std::unique_ptr<client::Client> client_;
};

}  // namespace baton::sim
