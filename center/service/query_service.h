// QueryService: what managers ask the ledger, for themselves and for their clients.
//
// A question about one task is linearizable (R26): it is answered behind a barrier, and one about a
// task that its manager has not reported yet waits for the report (R4). Lists are the state as it
// is, with its index.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>

#include "proto/center.pb.h"

#include "center/service/ledger_host.h"
#include "center/service/manager_liveness.h"
#include "common/base/loop.h"
#include "common/storage/job_gate.h"

namespace baton::center {

class QueryService {
 public:
  using Reply = std::function<void(const v1::ChannelAnswer&)>;
  struct World {
    // Proposes the removal of a manager; `done` gets its outcome.
    std::function<void(Remove, std::function<void(Status)> done)> remove;
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
  void on_applied();
  // A manager said how far its shard goes: tasks at or above that end do not exist.
  void on_beat(ShardId shard, Offset durable_end);
  // Nothing that waits is answered any more.
  void stop() { parked_.clear(); }

 private:
  // A question about a task that the ledger does not know yet.
  struct Parked {
    v1::Query query;
    TaskId task;
    MonoTime since;
    MonoTime deadline;
    Reply reply;
  };

  void answer_client(const v1::Query& query, Millis timeout, Reply reply);
  void answer_task(Parked question);
  void park(Parked question);
  // False when the ledger cannot tell yet.
  bool try_task(const Parked& question, v1::ChannelAnswer& answer) const;
  void expire_parked();

  void list_tasks(const v1::TaskList& query, v1::Answer& answer) const;
  void list_queues(const v1::QueueList& query, v1::Answer& answer) const;
  void list_managers(v1::Answer& answer) const;
  void center_status(v1::Answer& answer) const;
  void task_result(const TaskView& task, v1::ChannelAnswer& answer) const;

  void resync(Incarnation asker, const v1::Resync& query, v1::ChannelAnswer& answer) const;
  void settle(const v1::Settle& query, v1::ChannelAnswer& answer) const;
  [[nodiscard]] SettleVerdict settle(const v1::SettleItem& item) const;
  void live(const v1::Live& query, v1::ChannelAnswer& answer) const;
  void members(v1::ChannelAnswer& answer) const;

  [[nodiscard]] const Ledger& ledger() const { return host_.ledger(); }

  Loop& loop_;
  LedgerHost& host_;
  const ManagerLiveness& liveness_;
  const World world_;
  const WallTime up_since_;
  std::list<Parked> parked_;
  Loop::TimerId timer_ = 0;
  JobGate gate_;  // last: closes before anything above goes
};

}  // namespace baton::center
