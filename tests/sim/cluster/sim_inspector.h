// SimInspector: asks the cluster, through its own client, what became of tasks. For the end of a
// run.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/admin.h"
#include "tests/sim/cluster/sim_client.h"

namespace baton::sim {

class SimInspector final : public SimClient {
 public:
  using SimClient::SimClient;
  ~SimInspector() override { shut_down(); }

  // Whether no queue has a task that is ready, delayed or claimed, as of the last look; looks every
  // second.
  [[nodiscard]] bool all_quiet() const { return quiet_looks_ >= 2; }

  // Asks for the state of each task and notes it in the history; asked() once all are answered.
  void ask(std::vector<TaskId> tasks);
  [[nodiscard]] bool asked() const { return answered_ == tasks_.size(); }

 private:
  void on_start() override;
  void on_gone() override {}
  void look();
  void ask_next();
  void note(TaskId task, const Result<client::TaskInfo>& answer);

  int quiet_looks_ = 0;  // in a row
  std::vector<TaskId> tasks_;
  std::size_t next_ = 0;
  std::size_t answered_ = 0;
};

}  // namespace baton::sim
