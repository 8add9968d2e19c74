// SimOperator: somebody who cancels, redrives and decides, copies what has ended, changes settings,
// pauses and purges queues, as the plan wants it. Once the world is healed he sets everything going
// again and decides what only a person can.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/admin.h"
#include "client/producer.h"
#include "tests/sim/cluster/sim_client.h"

namespace baton::sim {

class SimOperator final : public SimClient {
 public:
  using SimClient::SimClient;
  ~SimOperator() override { shut_down(); }

  void tidy_up();
  // What he has produced has its outcome.
  [[nodiscard]] bool finished() const { return open_ == 0; }

 private:
  using Kind = check::QueueNote::Kind;

  void on_start() override;
  void on_gone() override { producer_.reset(); }
  void set_up();
  void plan_next();
  void do_something();

  void act(TaskAction action, std::vector<TaskId> tasks);
  // Acts on one task of a queue in this state, if there is any.
  void decide(client::TaskState state);
  void copy_one();
  void change_a_setting();
  // Notes what the checkers must know of it; the queue takes no other change meanwhile.
  void set_queue(const std::string& queue, QueueChange change, std::vector<std::size_t> notes,
                 bool until_done);
  void pause();
  void resume(const std::string& queue, bool until_done);
  // For a while, and nobody resumes it.
  void pause_until();
  // It must have ended by itself; then the queue goes on in any case.
  void look_at_pause(const std::string& queue);
  // For the end of a task.
  void wait_for_one();
  void set_rate();
  void set_loss_limit();
  void purge();
  void sweep();
  void sweep_state(const std::string& queue, client::TaskState state);
  void settle(client::TaskState state, const std::vector<client::TaskInfo>& tasks);

  std::string any_queue();
  std::size_t note(const std::string& queue, Kind kind, std::uint64_t value = 0) {
    return world_.tasks.book.change(queue, kind, value);
  }

  std::unique_ptr<client::Producer> producer_;
  std::uint64_t process_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t open_ = 0;
  std::set<std::string> busy_;            // queues of which a change has no answer
  std::map<std::string, SimTime> until_;  // when the pause that a queue is known to have ends
  bool tidying_ = false;
  std::uint64_t sweeps_ = 0;
  std::set<TaskId> redriven_;  // by sweeps, once each
};

}  // namespace baton::sim
