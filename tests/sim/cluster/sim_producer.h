// SimProducer: a program that produces bursts of tasks to any queue and writes down what it was
// told.
#pragma once

#include <memory>
#include <string>

#include "client/producer.h"
#include "tests/sim/cluster/sim_client.h"

namespace baton::sim {

class SimProducer final : public SimClient {
 public:
  using SimClient::SimClient;
  ~SimProducer() override { shut_down(); }

  // Produces no more; finished() once everything of this life has its outcome.
  void finish() { finishing_ = true; }
  // So many more, at once.
  void produce_some(std::uint64_t tasks);
  [[nodiscard]] bool finished() const { return finishing_ && open_ == 0; }

 private:
  void on_start() override;
  void on_gone() override;
  void plan_burst();
  void burst();
  void produce_one();

  std::unique_ptr<client::Producer> producer_;
  std::uint64_t process_ = 0;  // of this life
  std::uint64_t number_ = 0;
  std::uint64_t open_ = 0;  // without an outcome
  bool finishing_ = false;
};

}  // namespace baton::sim
