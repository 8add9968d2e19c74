// SimRogue: a consumer with none of the client library's caution.
//
// It speaks frames itself, renews only now and then some of what it has, and keeps every token that it
// ever got, also those of its earlier lives, to act on them much later. Everything that is not its
// current claim must be refused (I5).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/broker.pb.h"

#include "common/net/channel.h"
#include "tests/sim/cluster/sim_client.h"

namespace baton::sim {

class SimRogue final : public SimClient {
 public:
  SimRogue(SimWorld& world, std::string host, std::vector<std::string> managers);
  ~SimRogue() override { shut_down(); }
  // Stays, renews nothing, takes nothing and ends nothing any more: its claims must end by
  // themselves although its session lives.
  void retire() { retired_ = true; }

 private:
  struct Loot {
    TaskId task;
    Token token;
  };

  void on_start() override;
  void on_gone() override { channel_.reset(); }
  void on_open();
  void on_frame(const Frame& frame);
  void on_tasks(const Frame& frame);
  void on_operations_done(const Frame& frame);
  void demand();
  void act_now_and_then();
  void act_on(const Loot& loot);
  void repeat_one();
  void heartbeat();

  const std::vector<Address> managers_;
  std::unique_ptr<Channel> channel_;
  std::uint64_t process_ = 0;  // a session of its own for each connection
  bool attached_ = false;
  std::uint64_t taken_ = 0;  // deliveries since attach
  std::uint64_t last_seq_ = 0;
  std::uint64_t stated_total_ = 0;               // the highest since attach
  std::uint64_t anticipated_ = 0;                // operations that may raise it by one, once each
  std::map<std::uint64_t, std::uint64_t> open_;  // operations of the history, by op seq
  std::map<std::uint64_t, v1::Operation> sent_;  // those of them that may be sent again
  std::vector<Loot> loot_;                       // of all lives
  bool retired_ = false;
};

}  // namespace baton::sim
