// What the parts of a ManagerNode share. The node owns all of it and outlives its parts.
#pragma once

#include <memory>
#include <utility>

#include "common/base/logger.h"
#include "common/base/loop.h"
#include "common/base/random.h"
#include "manager/service/manager_metrics.h"

namespace baton::manager {

struct ServiceContext {
  Loop& loop;
  Logger& logger;
  Random& random;
  ManagerMetrics& metrics;
  std::weak_ptr<const void> alive;  // expires when the node is destroyed

  // A callback that does nothing once the node is gone.
  template <class Callback>
  auto guarded(Callback callback) const {
    return [alive = alive, callback = std::move(callback)](auto&&... arguments) mutable {
      if (!alive.expired()) callback(std::forward<decltype(arguments)>(arguments)...);
    };
  }
  // Runs `closure` on the loop in a later turn, if the node still lives.
  void post(Closure closure) const { loop.post(guarded(std::move(closure))); }
  Loop::TimerId call_after(Duration delay, Closure closure) const {
    return loop.call_after(delay, guarded(std::move(closure)));
  }
};

}  // namespace baton::manager
