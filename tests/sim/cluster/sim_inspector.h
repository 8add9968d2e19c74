// SimInspector: asks the cluster, through its own client, what became of tasks. For the end of a
// run.
#pragma once

#include <cstdint>
#include <map>
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

  // Asks for the state of these tasks, again every second for those that are not finished. Those
  // that it has watched before are finished. REQUIRES: all_finished(), but for the first time.
  void watch(std::vector<TaskId> tasks);
  // All are done, dead, or in a state that will not change by itself.
  [[nodiscard]] bool all_finished() const {
    return watching_ && open_.empty() && results_awaited_ == 0;
  }
  // Asks why some of those that are not finished are where they are; the answers are failures.
  void explain_open();
  // Tells what else it learned.
  void note_states();

 private:
  void on_start() override {}
  void on_gone() override {}
  [[nodiscard]] bool is_end(client::TaskState state) const;
  void ask_again();
  void ask_next();
  // Writes the answer into the history.
  void note_look(std::uint64_t operation, const Result<client::TaskInfo>& answer);
  void learn(TaskId task, const Result<client::TaskInfo>& answer);
  void look_at_result(TaskId task, const client::TaskInfo& info);
  // Which attempts the ledger says were ended by their timeout, and after how long.
  void look_at_attempts(TaskId task);
  // No queue keeps more finished tasks than it may.
  void look_at_queues();
  // Who only waits for the end now is told it at once.
  void wait_for_end(TaskId task, client::TaskState end);

  bool watching_ = false;
  std::map<TaskId, check::FinalState> states_;
  std::map<TaskId, std::uint64_t> expiries_;
  std::set<TaskId> open_;            // not finished as of the last answer
  std::vector<TaskId> to_ask_;       // in this round
  std::size_t unanswered_ = 0;       // of this round
  std::size_t results_awaited_ = 0;  // and ends
  bool reading_history_ = false;
};

}  // namespace baton::sim
