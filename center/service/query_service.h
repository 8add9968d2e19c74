// QueryService: what managers ask the ledger, for themselves and for their clients.
//
// A question about one task is linearizable (R26): it is answered behind a barrier, and one about a
// task that its manager has not reported yet waits for the report (R4). Lists are the state as it
// is, with its index. What a client wants changed goes into the ledger as a command.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "proto/center.pb.h"

#include "center/service/forgotten_ends.h"
#include "center/service/ledger_host.h"
#include "center/service/manager_liveness.h"
#include "center/service/task_waits.h"
#include "common/base/loop.h"
#include "common/storage/job_gate.h"

namespace baton::center {

class QueryService {
 public:
  using Reply = std::function<void(const v1::ChannelAnswer&)>;
  struct World {
    // Proposes a command of the center; `done` gets its outcome, null when it never was.
    std::function<void(Command, std::function<void(const Outcome*)> done)> propose;
    std::function<std::string()> address;  // of this center
  };

  static constexpr std::size_t kListMax = 1000;
  static constexpr std::size_t kParkedMax = 4096;
  static constexpr std::size_t kItemsMax = 65'536;  // sessions of a resync, records of a settle
  static constexpr Millis kTimeoutDefault = std::chrono::seconds(5);
  static constexpr Millis kTimeoutMax = std::chrono::seconds(60);

  // What is referred to outlives the service.
  QueryService(Loop& loop, LedgerHost& host, const ManagerLiveness& liveness, World world);

  // `asker`: the incarnation of the channel, none before it registered. `reply` is called once, now
  // or later, unless the service stops first.
  void answer(Incarnation asker, v1::ChannelQuery query, Reply reply);

  // The ledger moved on: questions that wait may have their answer.
  void on_applied(const Effects& effects);
  // A manager said how far its shard goes: tasks at or above that end do not exist.
  void on_beat(ShardId shard, Offset durable_end);
  // Nothing that waits is answered any more.
  void stop() {
    parked_.clear();
    waits_.clear();
  }

 private:
  using Parked = TaskQuestion;  // about a task that the ledger does not know yet

  void answer_client(const v1::Query& query, Millis timeout, Reply reply);
  // Commands that a client asks for. Empty: the query is another one, or wrong (then `answer` says
  // so).
  [[nodiscard]] static std::optional<Command> command_of(const v1::Query& query,
                                                         v1::ChannelAnswer& answer);
  void propose(Command command, Reply reply);
  void answer_task(Parked question);
  void wait_for_end(const Parked& question);
  void end_waits(const Effects& effects);
  void tell_end(const TaskQuestion& question, const Transition& ended);
  void tell_forgotten(const TaskQuestion& question, TaskState ended, const std::string& reason);
  void arm_waits();
  void park(Parked question);
  // Answers, now or later. False: the ledger cannot tell yet.
  bool try_task(const Parked& question);
  void expire_parked();

  void list_tasks(const v1::TaskList& query, v1::Answer& answer) const;
  void list_queues(const v1::QueueList& query, v1::Answer& answer) const;
  void show_queue(const v1::QueueShow& query, v1::Answer& answer) const;
  void explain(const TaskQuestion& question, v1::Answer& answer) const;
  void list_managers(v1::Answer& answer) const;
  void center_status(v1::Answer& answer) const;
  void audit_status(v1::Answer& answer) const;
  void task_history(const Parked& question);
  void task_result(const TaskView& task, v1::ChannelAnswer& answer) const;

  void resync(Incarnation asker, const v1::Resync& query, v1::ChannelAnswer& answer) const;
  void settle(const v1::Settle& query, v1::ChannelAnswer& answer) const;
  [[nodiscard]] SettleVerdict settle(const v1::SettleItem& item) const;
  void live(const v1::Live& query, v1::ChannelAnswer& answer) const;
  void members(v1::ChannelAnswer& answer) const;
  void queue_rules(const v1::QueueRules& query, v1::ChannelAnswer& answer) const;

  [[nodiscard]] const Ledger& ledger() const { return host_.ledger(); }

  Loop& loop_;
  LedgerHost& host_;
  const ManagerLiveness& liveness_;
  const World world_;
  const WallTime up_since_;
  std::list<Parked> parked_;
  Loop::TimerId timer_ = 0;
  TaskWaits waits_;
  Loop::TimerId waits_timer_ = 0;
  ForgottenEnds ends_;
  JobGate gate_;  // last: closes before anything above goes
};

}  // namespace baton::center
