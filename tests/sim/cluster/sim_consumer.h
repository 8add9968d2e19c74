// SimConsumer: a program that works on the tasks of one queue, well or badly, and writes down what
// it did.
//
// What it does with a task is drawn per task: most are acked quickly, some late, some never; some
// are nacked, given back, extended, or forgotten. Once the world is healed it only acks.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "client/consumer.h"
#include "client/producer.h"
#include "tests/sim/cluster/sim_client.h"

namespace baton::sim {

class SimConsumer final : public SimClient {
 public:
  // `queue` empty: each life picks one.
  SimConsumer(SimWorld& world, std::string host, std::vector<std::string> managers,
              std::string queue = {});
  ~SimConsumer() override { shut_down(); }

  // Ends everything that it still holds at once, and from now on acks quickly.
  void behave();
  // The children that it has spawned have their outcome.
  [[nodiscard]] bool finished() const { return spawning_ == 0; }
  // Works on the tasks of this queue at the moment.
  [[nodiscard]] bool serves(const std::string& queue) const {
    return up() && queue_ == queue && !picked_;
  }

 private:
  void on_start() override;
  void on_gone() override;
  client::ConsumerOptions draw_options();
  // Now and then: for one task, by its name.
  void pick_one(client::ConsumerOptions& options);
  void on_task(client::Claim claim);
  void on_end(const client::ConsumerSummary& summary);
  void stop_some_day();
  void take(std::uint64_t key, client::Claim claim);
  // The library gives it back, since the consumer was stopped so.
  void is_released(const client::Claim& claim);
  // The claim leaves its hands.
  client::Claim let_go(std::uint64_t key);
  void decide(std::uint64_t key);
  void later(Duration delay, std::uint64_t key, void (SimConsumer::*what)(std::uint64_t));
  void ack(std::uint64_t key);
  void nack(std::uint64_t key);
  void release(std::uint64_t key);
  void extend_then_ack(std::uint64_t key);
  void forget(std::uint64_t key);
  // What it does with a task of which the life cycle is used, before it decides.
  void use_life(std::uint64_t key);
  void save(std::uint64_t key);
  void spawn(std::uint64_t key);

  const std::string fixed_queue_;
  std::string queue_;  // of this life
  TaskId picked_;      // that it is for; none: whatever comes
  bool ended_ = false;
  bool releasing_ = false;  // stopped: the library gives back whatever the handler has
  std::unique_ptr<client::Consumer> consumer_;
  std::unique_ptr<client::Producer> producer_;  // of children, where the plan wants any
  std::uint64_t producing_ = 0;                 // who they are produced by
  std::uint64_t children_ = 0;                  // of this life
  std::uint64_t spawning_ = 0;                  // without an outcome
  std::uint64_t process_ = 0;                   // of this life: its session
  std::uint64_t next_key_ = 1;
  std::map<std::uint64_t, client::Claim> held_;
};

}  // namespace baton::sim
