// Admin: questions about tasks, queues, managers and the center, and what an operator does with
// them; each with a deadline of its own.
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

#include "client/task_state.h"
#include "common/base/ids.h"
#include "common/base/protocol_enums.h"
#include "common/base/queue_settings.h"
#include "common/base/status.h"
#include "common/base/time.h"

namespace baton::client {

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
  std::string manager;          // that keeps the payload
  WallTime not_before;          // 0: none was asked for
  std::uint32_t uncertain = 0;  // attempts that were cut off while they may have been running
  std::uint32_t percent = 0;    // progress of the current or last attempt
  std::string progress;
  std::uint32_t checkpoint_bytes = 0;
  std::uint32_t payload_bytes = 0;
  std::string order_key;
  std::string fair_key;
  TaskId parent;
  std::uint32_t children_open = 0;
  std::uint32_t children_failed = 0;
  TaskId retry_of;
  std::uint32_t blocked_on = 0;  // unfinished tasks that it waits for
  Millis expires_in{0};          // until a timeout or its time to live ends it; 0: never
  bool payload_kept = false;     // its payload stays for as long as what else is kept of it
};

// Which tasks of a queue list_tasks() is about. What is empty or 0 lets everything pass.
struct TaskFilter {
  std::string reason_has;  // the last reason contains this
  WallTime created_before;
  std::uint32_t attempts_min = 0;
  std::string order_key;
  std::string fair_key;
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
  std::string content_type;  // empty: none was stated
};

// What an action did with one task.
struct ActOutcome {
  TaskId task;
  // not_found; conflict: its state does not allow it; unavailable: nobody could say in time.
  Status status;
  TaskState state = TaskState::kNone;  // afterwards
};

// Why a task is where it is.
enum class ExplainCode : std::uint8_t {
  kNone = 0,
  kFinished = 1,
  kRunning = 2,
  kDelayed = 3,  // not before a time
  kBackoff = 4,  // failed, and waits to be tried again
  kPaused = 5,
  kNoConsumer = 6,
  kTurn = 7,  // others are before it
  kInFlightLimit = 8,
  kFairKeyLimit = 9,
  kRateLimit = 10,
  kOrderKey = 11,  // another task of its ordering key is before it
  kAfter = 12,     // tasks that it runs after have not finished
  kChildren = 13,  // done itself, its children are not
  kDecision = 14,  // a person must decide
  kDead = 15,
  kQuarantined = 16,
  kManagerAway = 17,  // the manager that keeps its payload
  kBarred = 18,       // the consumers' managers could not fetch its payload
  kPending = 19,      // waits for its parent's completion
  kPurging = 20,
  kDeadlock = 21,  // it waits for tasks that wait for each other
};
// "finished", "no_consumer", ...
std::string_view to_string(ExplainCode code);

struct Explanation {
  TaskInfo task;
  std::string sentence;
  ExplainCode because = ExplainCode::kNone;
  TaskId other;  // the task that it waits for, if it is one
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
  std::uint64_t held = 0;
  std::uint64_t blocked = 0;
  std::uint64_t cancelled = 0;  // ever
  std::uint64_t bytes = 0;      // of the payloads of unfinished tasks
  bool paused = false;
  // Of the blocked: done themselves, waiting for their children.
  std::uint64_t acked = 0;
  // How far back its idempotency keys reach: less than the setting when there are too many.
  Millis key_window{0};
};

struct QueueDetail {
  QueueInfo info;
  QueueSettings settings;
  std::uint64_t keys = 0;        // idempotency keys remembered
  std::uint64_t order_keys = 0;  // ordering keys in use
  std::uint64_t fair_keys = 0;   // fairness keys with tasks
  std::uint64_t finished_kept = 0;
  std::uint64_t finished_kept_bytes = 0;
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
  std::uint64_t audit_violations = 0;  // promises that the center's auditor saw broken
  std::uint64_t tasks_held = 0;
  std::uint64_t tasks_blocked = 0;
  std::uint64_t tasks_dead = 0;
};

// One change of a task, or something that was noted about it.
struct HistoryEvent {
  std::uint64_t index = 0;  // the ledger entry that brought it about
  std::uint64_t term = 0;
  WallTime time;         // about when; 0: not known
  Millis lease_time{0};  // the ledger's own clock
  TaskState from = TaskState::kNone;
  TaskState to = TaskState::kNone;  // both kNone: only noted
  std::string cause;                // "created", "granted", "ack", "nack", "expired", ...
  Token token;                      // of the claim that is meant
  std::uint32_t attempt = 0;        // 0: none, or it cannot be told
  bool uncertain = false;  // the attempt was cut off: its holder may still have been working
  std::string manager;     // through which it came; of a creation: that keeps the payload
  std::string consumer;
  SessionId session;
  std::string reason;  // of a nack, as it was given
};

struct HistoryPage {
  std::vector<HistoryEvent> events;  // oldest first
  std::string next;                  // cursor of the next page; empty at the end
  std::uint64_t kept_from = 0;       // ledger entries below are not kept (any more)
};

// What watches the ledger, and what is kept of its past.
struct AuditInfo {
  std::uint64_t violations = 0;  // promises seen broken since the center's start
  std::string first_violation;
  std::uint64_t checked_from = 0;  // the first entry that was watched
  std::uint64_t checked_entries = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t archive_first = 0;
  std::uint64_t archive_last = 0;
  std::uint64_t archive_bytes = 0;
  std::uint64_t archive_segments = 0;
  std::uint64_t indexes_waiting = 0;
  bool replayable = false;  // `baton audit verify` can replay all that is kept
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
  // not_found: the payload is no longer kept.
  virtual void task_payload(TaskId task, Duration timeout, Callback<std::string> done) = 0;
  // Answered once the task has ended: done, dead, cancelled, quarantined or void. deadline_exceeded: it
  // has not, in time.
  virtual void wait_task(TaskId task, Duration timeout, Callback<TaskInfo> done) = 0;
  virtual void explain_task(TaskId task, Duration timeout, Callback<Explanation> done) = 0;
  // One page of the tasks of a queue in one state, or of all that are kept (kNone). `limit`: 1 to
  // 1,000. `cursor`: empty, or `next` of the page before.
  virtual void list_tasks(std::string queue, TaskState state, TaskFilter filter,
                          std::uint32_t limit, std::string cursor, Duration timeout,
                          Callback<TaskPage> done) = 0;
  void list_tasks(std::string queue, TaskState state, std::uint32_t limit, std::string cursor,
                  Duration timeout, Callback<TaskPage> done);

  // Acts on up to 1,024 tasks; the outcome of each, in their order. `reason` is for people, cut at
  // 1,024 bytes. Repeating an action does no harm; one that had to be repeated without an answer is
  // OK when the task stands as it would have left it. invalid_argument: no task, or too many.
  virtual void act(TaskAction action, std::vector<TaskId> tasks, std::string reason,
                   Duration timeout, Callback<std::vector<ActOutcome>> done) = 0;

  // not_found: nothing was ever produced to, or set of, this queue.
  virtual void show_queue(std::string queue, Duration timeout, Callback<QueueDetail> done) = 0;
  // Makes the queue if there is none, and changes what is named. invalid_argument: a value is out of
  // its range.
  virtual void set_queue(std::string queue, QueueChange change, Duration timeout,
                         std::function<void(const Status&)> done) = 0;
  // Cancels what waits in the queue now (ready, delayed, blocked); how many tasks those are.
  virtual void purge_queue(std::string queue, Duration timeout, Callback<std::uint64_t> done) = 0;
  virtual void list_queues(std::string prefix, std::uint32_t limit, std::string cursor,
                           Duration timeout, Callback<QueuePage> done) = 0;
  virtual void list_managers(Duration timeout, Callback<std::vector<ManagerInfo>> done) = 0;
  // Frees the name of a manager whose store is lost or sealed. conflict: it is up. not_found: no
  // such name (ok when the question had to be repeated: it may be the first one that removed it).
  virtual void remove_manager(std::string name, Duration timeout,
                              std::function<void(const Status&)> done) = 0;
  virtual void center_status(Duration timeout, Callback<CenterInfo> done) = 0;
  // One page of what became of a task. `limit`: 1 to 1,000. not_found: no such task.
  virtual void task_history(TaskId task, std::uint32_t limit, std::string cursor, Duration timeout,
                            Callback<HistoryPage> done) = 0;
  virtual void audit_status(Duration timeout, Callback<AuditInfo> done) = 0;

  // The same, blocking. Not inside a callback.
  Result<TaskInfo> task(TaskId task, Duration timeout);
  Result<TaskResult> task_result(TaskId task, Duration timeout);
  Result<std::string> task_payload(TaskId task, Duration timeout);
  Result<TaskInfo> wait_task(TaskId task, Duration timeout);
  Result<Explanation> explain_task(TaskId task, Duration timeout);
  Result<std::vector<ActOutcome>> act(TaskAction action, std::vector<TaskId> tasks,
                                      std::string reason, Duration timeout);
  Result<QueueDetail> show_queue(std::string queue, Duration timeout);
  Status set_queue(std::string queue, QueueChange change, Duration timeout);
  Result<std::uint64_t> purge_queue(std::string queue, Duration timeout);
  Result<TaskPage> list_tasks(std::string queue, TaskState state, TaskFilter filter,
                              std::uint32_t limit, std::string cursor, Duration timeout);
  Result<TaskPage> list_tasks(std::string queue, TaskState state, std::uint32_t limit,
                              std::string cursor, Duration timeout);
  Result<QueuePage> list_queues(std::string prefix, std::uint32_t limit, std::string cursor,
                                Duration timeout);
  Result<std::vector<ManagerInfo>> list_managers(Duration timeout);
  Status remove_manager(std::string name, Duration timeout);
  Result<CenterInfo> center_status(Duration timeout);
  Result<HistoryPage> task_history(TaskId task, std::uint32_t limit, std::string cursor,
                                   Duration timeout);
  Result<AuditInfo> audit_status(Duration timeout);

 protected:
  Admin() = default;
};

}  // namespace baton::client
