// RelayNode: a manager as far as claims go: its real payload log and its real session relay, with a
// channel to the ledger that delivers at once, or not at all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "center/core/effects.h"
#include "manager/core/session_relay.h"
#include "tests/sim/small/tiny_center.h"
#include "tests/sim/small/tiny_manager.h"
#include "tests/support/sim_scheduler.h"

namespace baton::fuzz {

// What a manager needs of the world around it.
struct RelayEvents {
  // An entry was applied: its grants go to their managers, its transitions are looked at.
  std::function<void(const center::Effects&)> applied;
  // To a client; Deliver comes as `deliver`, Forgotten not at all.
  std::function<void(const manager::RelayEffect&)> tell;
  std::function<void(const manager::Deliver&)> deliver;
};

class RelayNode {
 public:
  RelayNode(sim::SimScheduler& scheduler, sim::TinyCenter& center, const std::string& name,
            RelayEvents events);

  // Opens the log, registers, and resyncs. True when it is up; `wrong` tells what must not be.
  bool start(std::string& wrong);
  // The process is gone with all its connections.
  void kill();
  void cut_power();
  // Buries what died in a file operation.
  bool bury_if_dead();
  [[nodiscard]] bool up() const { return manager_.up(); }

  void channel_down();
  // Comes back and compares the grants.
  void channel_up();
  [[nodiscard]] bool channel_is_up() const { return relay_.is_up(); }

  [[nodiscard]] sim::TinyManager& manager() { return manager_; }
  [[nodiscard]] manager::SessionRelay& relay() { return relay_; }

  // The ledger's grants to this life of this manager. They wait until pump().
  void granted(const center::Grant& grant);
  // Sends what the relay has to send and tells what it has to tell, until there is nothing.
  void pump();

 private:
  void resync();
  bool send_some();
  void answer(manager::CommandId id, const center::Outcome& outcome);

  sim::TinyCenter& center_;
  sim::TinyManager manager_;
  const RelayEvents events_;
  manager::SessionRelay relay_;
  std::vector<manager::SessionGrant> granted_;
};

}  // namespace baton::fuzz
