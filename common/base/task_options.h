// TaskOptions: what a producer asks for beside the payload. One struct for client, manager and
// ledger.
//
// 0, and what is empty, means the setting of the queue, or none. docs/queues.md explains each to
// users.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/limits.h"
#include "common/base/status.h"
#include "common/base/time.h"

namespace baton {

// What a failed task means for one that runs after it, or for its parent.
enum class FailurePolicy : std::uint8_t {
  kDefault = 0,  // kFail
  kFail = 1,     // that is dead, too
  kIgnore = 2,   // as if the failed one had finished
  kWait = 3,     // that is blocked until somebody decides
};

struct TaskOptions {
  std::uint32_t priority = kPriorityDefault;
  Millis delay{0};        // from when the manager takes it; a stored record has not_before instead
  WallTime not_before{};  // 0: at once
  Millis time_to_live{0};
  Millis wait_timeout{0};
  Millis attempt_timeout{0};
  Millis total_timeout{0};
  std::uint32_t max_attempts = 0;
  std::string key{};  // idempotency key
  std::string order_key{};
  std::string fair_key{};
  std::uint32_t fair_weight = 0;  // 0: 1
  std::string type{};
  std::vector<TaskId> after{};
  FailurePolicy on_failed = FailurePolicy::kDefault;
  TaskId parent{};
  Token parent_token{};
  bool with_completion = false;  // unseen until the parent's claim is acked
  TaskId retry_of{};

  friend bool operator==(const TaskOptions&, const TaskOptions&) = default;

  // Confirmed only by the ledger, which alone sees all shards (R6 - R8).
  [[nodiscard]] bool waits_for_ledger() const {
    return !key.empty() || !order_key.empty() || parent || !after.empty();
  }
};

// invalid_argument with a sentence that names the option and its range. With this a manager checks
// before it stores, so that the ledger never has to refuse what was confirmed (R1).
Status validate_task_options(const TaskOptions& options);

}  // namespace baton
