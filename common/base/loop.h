// Loop and Worker: where code runs and what time it is there.
//
// One Loop per node. Everything of a node (its sockets, its core, its service) runs on its Loop's
// thread and needs no lock. The simulator implements both with simulated time and no thread.
#pragma once

#include <cstdint>
#include <functional>

#include "common/base/time.h"

namespace baton {

// Something to run once.
using Closure = std::function<void()>;

class Loop {
 public:
  using TimerId = std::uint64_t;  // 0 is never a timer

  virtual ~Loop() = default;

  [[nodiscard]] virtual MonoTime now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;

  // Runs `closure` on the loop, after what was posted before. Other threads may call this, and only
  // this.
  virtual void post(Closure closure) = 0;

  // Runs `closure` on the loop at `at` or soon after; soon when `at` has passed, but never inside
  // this call.
  virtual TimerId call_at(MonoTime at, Closure closure) = 0;
  TimerId call_after(Duration delay, Closure closure) {
    return call_at(now() + delay, std::move(closure));
  }

  // The closure of a cancelled timer never runs. A timer that has run, or 0, is ignored.
  virtual void cancel(TimerId timer) = 0;
};

// Runs blocking work off the loop, one job at a time, in order.
class Worker {
 public:
  virtual ~Worker() = default;

  // Runs `job` on the worker's thread, then posts `done` to the loop. Called from the loop only.
  virtual void run(Closure job, Closure done) = 0;
};

}  // namespace baton
