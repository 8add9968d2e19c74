// ReconnectPolicy: how long to wait before the next attempt (R29).
//
// The first retry comes within 100 ms, so that a fail-over is quick; the next four double from
// there. Only after five failures in a row is the delay drawn from a range that grows to 10 s, so
// that many clients do not come back to a recovering daemon in step.
#pragma once

#include "common/base/random.h"
#include "common/base/time.h"

namespace baton {

class ReconnectPolicy {
 public:
  explicit ReconnectPolicy(Random random) : random_(random) {}

  // An attempt failed, or an open connection was lost: how long to wait.
  Duration next_delay();
  // A connection has proven good.
  void reset() { failures_ = 0; }

 private:
  Random random_;
  int failures_ = 0;
};

}  // namespace baton
