// The programs of a scripted trio: a producer and a worker that do what the script says, and write
// down what they were told.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/consumer.h"
#include "client/producer.h"
#include "tests/sim/cluster/sim_client.h"

namespace baton::recovery {

class TrioProducer final : public sim::SimClient {
 public:
  using SimClient::SimClient;
  ~TrioProducer() override { shut_down(); }

  void produce(int count, std::size_t payload_bytes);
  [[nodiscard]] std::size_t unresolved() const { return unresolved_; }
  [[nodiscard]] const std::set<TaskId>& confirmed() const { return confirmed_; }

 private:
  void on_start() override;
  void on_gone() override { producer_.reset(); }
  void note_outcome(std::uint64_t operation, const client::ProduceOutcome& outcome);

  std::unique_ptr<client::Producer> producer_;
  std::uint64_t process_ = 0;
  std::uint64_t number_ = 0;
  std::size_t unresolved_ = 0;
  std::set<TaskId> confirmed_;
};

class TrioWorker final : public sim::SimClient {
 public:
  using SimClient::SimClient;
  ~TrioWorker() override { shut_down(); }

  // Claims that wait for the script's word.
  [[nodiscard]] std::size_t held() const { return held_.size(); }
  // Each about the oldest claim; nothing when there is none.
  void ack(std::size_t result_bytes);
  void nack();
  void release();
  void extend();
  [[nodiscard]] std::size_t unanswered() const { return unanswered_; }
  // From now on everything is acked at once.
  void finish();

 private:
  void on_start() override;
  void on_gone() override;
  void on_task(client::Claim claim);
  client::Claim take();
  client::OperationCallback note(check::Action action, const client::Claim& claim);

  std::unique_ptr<client::Consumer> consumer_;
  std::uint64_t process_ = 0;
  std::deque<client::Claim> held_;
  std::size_t unanswered_ = 0;
  bool finishing_ = false;
};

}  // namespace baton::recovery
