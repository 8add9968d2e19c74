// Consumer: claims tasks of one or several queues and hands them to a handler.
//
// Each task comes as a Claim, the exclusive right to work on it. The consumer keeps the claim alive
// with heartbeats while the handler works, through lost connections and lost managers, until the
// handler ends it with ack, nack or release. When the claim is lost nevertheless (the process was
// suspended, the center was away for too long), `on_superseded` says so: somebody else may work on
// the task from then on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/limits.h"
#include "common/base/protocol_enums.h"
#include "common/base/status.h"
#include "common/base/task_options.h"
#include "common/base/time.h"

namespace baton::client {

struct Delivery {
  TaskId task;
  std::string queue;
  std::uint32_t attempt = 0;  // 1 for the first
  Token token;                // the fencing token: give it to stores that check it
  Millis lease{0};
  std::string payload;
  std::string manager;  // name of the manager that delivered it
  // Of what the producer asked for: priority, type, keys, parent, retry_of.
  TaskOptions options;
  // Attempts before this one that were cut off: what they did is uncertain.
  std::uint32_t expiries = 0;
  // What attempts before saved last: a checkpoint, and progress in percent and in words. Empty, or
  // no percentage: nothing.
  std::string checkpoint;
  std::optional<std::uint32_t> percent;
  std::string progress;
};

// How an attempt failed. By default it runs again after the queue's backoff.
struct NackOptions {
  std::optional<Millis> delay = {};  // runs again after this instead; at most 10 years
  bool dead = false;                 // dead at once: trying again makes no sense
};

struct AckOptions {
  std::string content_type = {};  // of the result, UTF-8, at most 200 bytes
  // What a child of this task that fails means for it. Default: what the task itself asks for.
  FailurePolicy on_failed_child = FailurePolicy::kDefault;
};

// What save() keeps with the task while it runs.
struct Progress {
  std::optional<std::uint32_t> percent = {};  // 0 to 100
  std::string text = {};                      // for people, UTF-8, at most 200 bytes
  std::optional<std::string> checkpoint =
      {};  // for the next attempt, at most 1 MiB; "": none any more
};

// How an operation ended. OK; claim_superseded: the claim was lost before, nothing happened;
// unavailable: the consumer ended before an answer came, and it may or may not have happened (not,
// when the operation began after that end).
struct OperationResult {
  Status status;
  // OK, and the task is finished, but by which claim is no longer known.
  bool finished_unknown = false;
};
using OperationCallback = std::function<void(const OperationResult&)>;

// A handle, cheap to copy. The first ack, nack or release ends the claim; later ones get
// `conflict`. When the last copy is destroyed without any, the claim is released (as started).
// Callbacks may be empty, run on the client's thread, exactly once, never inside the call.
class Claim {
 public:
  class State;
  explicit Claim(std::shared_ptr<State> state) : state_(std::move(state)) {}

  [[nodiscard]] const Delivery& delivery() const;

  // The task is done, for ever. `result` (at most 1 MiB) is kept with it. too_large leaves the
  // claim open.
  void ack(std::string result = {}, OperationCallback done = {}) const;
  void ack(std::string result, AckOptions options, OperationCallback done) const;
  // The attempt failed: runs again after a backoff, or is dead after too many. Reason: cut at 1,024
  // bytes.
  void nack(std::string reason, OperationCallback done = {}) const;
  void nack(std::string reason, NackOptions options, OperationCallback done) const;
  // Given back, ready at once for others. `started`: the work had begun, so that the attempt
  // counts.
  void release(bool started = true, OperationCallback done = {}) const;
  // The lease lasts `lease` from now. Heartbeats do this anyway; this is for work that will block
  // them.
  void extend(Millis lease, OperationCallback done = {}) const;
  // Durable when answered with OK. The checkpoint comes with the task's next delivery, if there is
  // one. invalid_argument or too_large when something is over its limit: nothing was sent.
  void save(Progress progress, OperationCallback done = {}) const;

  // True once the claim is known to be lost. A claim that was ended by its handler is not lost,
  // unless that was answered with claim_superseded.
  [[nodiscard]] bool superseded() const;
  // Why it is lost, as far as the cluster, or the claim's own deadline, has said so.
  [[nodiscard]] std::optional<LostCause> lost_cause() const;

 private:
  std::shared_ptr<State> state_;
};

// Which of the client's managers the tasks are pulled through.
enum class Pick : std::uint8_t {
  kStay,        // one, and another only when it fails
  kRoundRobin,  // each pull at the next one
  kRandom,      // each pull at a random one
};

struct ConsumerOptions {
  // 1 to 64, each once. While several have tasks, each gets a share of the claims as its setting
  // `weight` says (docs/queues.md); all below is for the consumer as a whole.
  std::vector<std::string> queues = {};

  // How long a claim outlives a consumer that was cut off: 3 s to 12 h, or 0: the lease of the
  // queue. Heartbeats go at a third of it.
  Millis lease{0};

  // Claims that the handler may have open at once.
  std::size_t concurrency = 1;
  // Claims held beside those, so that the next task is there when a handler ends: as many as were
  // finished in the last 100 ms, at most this many. 0 for tasks that take long. concurrency +
  // prefetch_max <= 1,024.
  std::size_t prefetch_max = 0;

  // Ends after this many tasks were handed to the handler. 0: no bound.
  std::uint64_t tasks_max = 0;
  // Ends when the consumer was free to take a task and none came for this long; not set: waits for
  // ever. What is less than 500 ms counts as that: a task that is there takes a moment to come.
  std::optional<Duration> wait_max = {};
  // Set: only this task, of the one queue.
  TaskId task = {};

  Pick pick = Pick::kStay;
};

enum class ConsumerEnd : std::uint8_t {
  kTasksMax,     // tasks_max were handled
  kNothingCame,  // for wait_max
  kStopped,      // stop() was called
  kRefused,      // a manager refused the consumer for good; `status` says why
};

struct ConsumerSummary {
  ConsumerEnd end = ConsumerEnd::kStopped;
  // Ok, or why the consumer was cut off from the cluster when it ended (nothing could have come),
  // or refused.
  Status status;
  std::uint64_t handled = 0;  // tasks handed to the handler
};

// All run on the client's thread.
struct ConsumerHandlers {
  // A task to work on. Keep the claim (or a copy) until the work is done.
  std::function<void(Claim)> on_task = {};
  // A claim that the handler still has open is lost: stop the work; lost_cause() says why. Ending it
  // afterwards gets claim_superseded, and is still needed: it is how the consumer learns that the
  // handler is free.
  std::function<void(const Claim&)> on_superseded = {};
  // The last thing that happens: every claim is ended and answered, or given up.
  std::function<void(const ConsumerSummary&)> on_end = {};
  // No manager has taken the consumer for 3 s, and why the last try failed. It goes on trying; once
  // each time it is cut off.
  std::function<void(const Status&)> on_cut_off = {};
};

class Consumer {
 public:
  // Cuts the consumer off at once; its handlers run no more. Open claims end with their lease,
  // since nobody renews them. stop() first to give them back.
  virtual ~Consumer() = default;
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  enum class StopMode : std::uint8_t {
    kFinish,   // tasks not yet handed over are released; the handler may finish what it has
    kRelease,  // what the handler has is released as well
  };
  // Takes no more tasks; on_end follows. `patience` bounds the wait for answers once the handler
  // has ended all its claims; then what has no answer gets `unavailable`. A second call may only be
  // stricter.
  virtual void stop(StopMode mode, Duration patience = std::chrono::seconds(5)) = 0;

 protected:
  Consumer() = default;
};

}  // namespace baton::client
