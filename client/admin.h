// Admin: questions about tasks, queues, managers and the center, each with a deadline of its own.
//
// Every question is asked again at the next manager when one does not answer, until `timeout` is
// over; then the outcome is the last error, or deadline_exceeded. Callbacks run on the client's
// thread, once.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/time.h"

namespace baton::client {

enum class TaskState : std::uint8_t {
  kNone = 0,
  kDelayed = 1,
  kReady = 2,
  kClaimed = 3,
  kDone = 4,
  kDead = 5,
  kCancelled = 6,
  kQuarantined = 7,
  kHeld = 8,
  kBlocked = 9,
  kPending = 10,
  kVoid = 11,
};
// "ready", "claimed", ...
std::string_view to_string(TaskState state);
// invalid_argument names the states there are.
Result<TaskState> parse_task_state(std::string_view text);

struct TaskInfo {
  TaskId task;
  std::string queue;  // empty for a finished task of which nothing else is kept
  TaskState state = TaskState::kNone;
  std::uint32_t priority = 0;
  std::uint32_t attempt = 0;   // of the current or last claim
  std::uint32_t failures = 0;  // nacks
  std::uint32_t expiries = 0;
  Token token;           // of the current or last claim
  SessionId session;     // of the current claim
  std::string consumer;  // its name
  Millis lease_left{0};
  Millis ready_in{0};  // delayed: until it is ready
  WallTime created;    // 0: not known
  std::string reason;  // of the last nack, or why it is dead or quarantined
  bool has_result = false;
  std::uint32_t result_bytes = 0;
  std::string manager;  // that keeps the payload
};

struct TaskPage {
  std::vector<TaskInfo> tasks;
  std::string next;         // cursor of the next page; empty at the end
  std::uint64_t index = 0;  // ledger index that this is true for
};

struct TaskResult {
  TaskId task;
  Token token;
  std::string result;
};

struct QueueInfo {
  std::string name;
  std::uint64_t ready = 0;
  std::uint64_t delayed = 0;
  std::uint64_t claimed = 0;
  std::uint64_t dead = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t done = 0;     // ever
  std::uint64_t created = 0;  // ever
  std::uint32_t waiting = 0;  // consumers that wait for a task
};

struct QueuePage {
  std::vector<QueueInfo> queues;
  std::string next;
  std::uint64_t index = 0;
};

struct ManagerInfo {
  std::string name;
  std::string address;
  bool up = false;
  WallTime since;  // up, or down, since then
  std::vector<ShardId> shards;
  std::uint64_t waiting = 0;  // tasks ready or delayed on its shards
  std::uint64_t lag = 0;      // tasks that it has and the ledger does not know yet
  std::uint64_t sessions = 0;
  bool sealed = false;  // one of its shards was sealed
  StoreId store;
  Incarnation incarnation;
};

struct CenterInfo {
  std::string address;
  std::string version;
  ClusterId cluster;
  Generation generation;
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  bool leader = false;
  Millis lease_time{0};
  std::uint64_t tasks_waiting = 0;
  std::uint64_t tasks_claimed = 0;
  std::uint64_t sessions = 0;
  std::uint64_t memory_bytes = 0;  // of the ledger's own containers
  std::uint64_t snapshot_index = 0;
  std::uint64_t state_hash = 0;
  std::uint64_t grants = 0;       // ever
  std::uint64_t completions = 0;  // ever
  std::uint64_t superseded = 0;   // operations refused for an old token, ever
  WallTime up_since;
};

class Admin {
 public:
  template <class T>
  using Callback = std::function<void(Result<T>)>;

  virtual ~Admin() = default;
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // not_found: no such task was ever produced. A finished task is found even when its row is gone.
  virtual void task(TaskId task, Duration timeout, Callback<TaskInfo> done) = 0;
  // not_found: the task has no result, or it is no longer kept.
  virtual void task_result(TaskId task, Duration timeout, Callback<TaskResult> done) = 0;
  // One page of the tasks of a queue in one state. `limit`: 1 to 1,000. `cursor`: empty, or `next`
  // of the page before.
  virtual void list_tasks(std::string queue, TaskState state, std::uint32_t limit,
                          std::string cursor, Duration timeout, Callback<TaskPage> done) = 0;
  virtual void list_queues(std::string prefix, std::uint32_t limit, std::string cursor,
                           Duration timeout, Callback<QueuePage> done) = 0;
  virtual void list_managers(Duration timeout, Callback<std::vector<ManagerInfo>> done) = 0;
  // Frees the name of a manager whose store is lost or sealed. conflict: it is up. not_found: no
  // such name (ok when the question had to be repeated: it may be the first one that removed it).
  virtual void remove_manager(std::string name, Duration timeout,
                              std::function<void(const Status&)> done) = 0;
  virtual void center_status(Duration timeout, Callback<CenterInfo> done) = 0;

  // The same, blocking. Not inside a callback.
  Result<TaskInfo> task(TaskId task, Duration timeout);
  Result<TaskResult> task_result(TaskId task, Duration timeout);
  Result<TaskPage> list_tasks(std::string queue, TaskState state, std::uint32_t limit,
                              std::string cursor, Duration timeout);
  Result<QueuePage> list_queues(std::string prefix, std::uint32_t limit, std::string cursor,
                                Duration timeout);
  Result<std::vector<ManagerInfo>> list_managers(Duration timeout);
  Status remove_manager(std::string name, Duration timeout);
  Result<CenterInfo> center_status(Duration timeout);

 protected:
  Admin() = default;
};

}  // namespace baton::client
