// Producer: puts tasks into queues, asynchronously and in batches.
//
// Every task ends in exactly one of three outcomes, and the producer never says "failed" of a task
// that may exist. Between a broken connection and its outcome a task is repeated, at the same
// manager or at another one, in such a way that it is stored once (R5 in docs/rules.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <string>

#include "client/task_state.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/task_options.h"
#include "common/base/time.h"

namespace baton::client {

enum class ProduceState : std::uint8_t {
  kConfirmed,  // durable; `task` is its id
  kFailed,     // does not exist and never will; `status` says why
  kUnknown,    // time ran out and it may or may not exist; producing it again may make a second one
};

struct ProduceOutcome {
  ProduceState state = ProduceState::kFailed;
  TaskId task;    // confirmed only
  Status status;  // ok exactly when confirmed
  // Confirmed, and the idempotency key named this task already, with the same content: nothing was
  // made.
  bool duplicate = false;
  TaskState task_state = TaskState::kNone;  // duplicate: where that task stood

  [[nodiscard]] bool confirmed() const { return state == ProduceState::kConfirmed; }
};
using ProduceCallback = std::function<void(const ProduceOutcome&)>;

// What produce() does while `unresolved_items_max` or `unresolved_bytes_max` is reached.
enum class Backpressure : std::uint8_t {
  kWait,    // blocks the caller until there is room; inside a callback it refuses, to not block the
            // loop
  kRefuse,  // the outcome is kFailed with retry_later, at once
};

struct ProducerOptions {
  // How long one task is tried, from produce() to its outcome. At most 10 minutes: longer than that
  // the cluster does not remember a producer's numbers, and a repetition could store the task
  // twice.
  Duration timeout = std::chrono::seconds(60);

  // Tasks of one queue that travel in one request: at most this many (1 to 1,024), and what fits a
  // frame.
  std::size_t batch_items_max = 1024;

  // Tasks without an outcome. Only the first 1,024 of them are ever on the way; the others wait
  // here.
  std::size_t unresolved_items_max = 8192;
  // Their payload bytes. A single larger payload is accepted while nothing else is unresolved.
  std::size_t unresolved_bytes_max = std::size_t{64} << 20;
  Backpressure backpressure = Backpressure::kWait;
};

class Producer {
 public:
  // Abandons what has no outcome yet: its callbacks never run, its futures break. close() first to
  // wait.
  virtual ~Producer() = default;
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // `done` runs on the client's thread, exactly once, never inside this call. Tasks of one queue
  // produced by one thread reach the queue in this order, unless a fail-over comes between; tasks
  // of one ordering key keep their order even then.
  //
  // Failed with invalid_argument: an option is out of its range, or a copy (retry_of) has a payload.
  // conflict: the idempotency key names a task with other content. claim_superseded: the parent's
  // claim is not current any more. not_found: what retry_of names is not kept.
  virtual void produce(std::string queue, std::string payload, TaskOptions options,
                       ProduceCallback done) = 0;
  // Without options.
  void produce(std::string queue, std::string payload, ProduceCallback done);

  // The same as futures. Waiting for one inside a callback would wait for ever.
  std::future<ProduceOutcome> produce(std::string queue, std::string payload);
  std::future<ProduceOutcome> produce(std::string queue, std::string payload, TaskOptions options);

  // True when produce() would take a task of this size now without waiting or refusing.
  [[nodiscard]] virtual bool has_room(std::size_t payload_bytes) const = 0;

  // `done` runs on the client's thread once everything produced before has its outcome and the
  // managers have been told that nothing will be repeated. Producing afterwards is refused with
  // conflict.
  virtual void close(std::function<void()> done) = 0;
  // Blocks until then. Not inside a callback.
  void close();

 protected:
  Producer() = default;
};

}  // namespace baton::client
