// FamilyTable: which tasks wait for which others: parents for their children, tasks for those they
// run after.
#pragma once

#include <cstdint>
#include <utility>

#include "common/base/ids.h"
#include "common/base/paged_map.h"
#include "common/base/task_options.h"

namespace baton::center {

// Of a parent that has, or had, children.
struct Family {
  std::uint32_t open = 0;     // children that have not ended
  std::uint32_t failed = 0;   // that ended otherwise than done, and that nobody decided about
  std::uint32_t pending = 0;  // that come with a completion: not born yet
  // Counts the decisions about failed ones, from 1: who failed before the last does not count any
  // more (OptionsRow::failed_in).
  std::uint32_t decision = 1;
  FailurePolicy policy = FailurePolicy::kDefault;
};

// A child that is unseen until its parent's claim is acked.
struct Unborn {
  Token token;                     // of that claim
  Uuid key;                        // its idempotency key, which it takes when it is born
  std::uint64_t content_hash = 0;  // with the key
  bool has_key = false;
};

struct FamilyTable {
  struct Nothing {};
  struct Told {
    bool failed = false;  // the one that waits counts it as failed
  };
  template <class Value>
  using Pairs = PagedMap<std::pair<TaskId, TaskId>, Value>;

  PagedMap<TaskId, Family> families;  // by parent
  Pairs<Unborn> pending;              // (parent, child)
  // Each `after` from both ends: (task, one that runs after it) and the other way round.
  Pairs<Told> dependents;
  Pairs<Nothing> dependencies;

  // The first pair of `pairs` with this first half and a second one not below `from`; none: no task.
  template <class Value>
  static TaskId next(const Pairs<Value>& pairs, TaskId of, TaskId from) {
    const auto at = pairs.lower_bound({of, from});
    return at.done() || at->first.first != of ? TaskId() : at->first.second;
  }

  void depend(TaskId task, TaskId on) {
    dependents.insert({on, task}, {});
    dependencies.insert({task, on}, {});
  }
  void undepend(TaskId task, TaskId on) {
    dependents.erase({on, task});
    dependencies.erase({task, on});
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    return families.memory_bytes() + pending.memory_bytes() + dependents.memory_bytes() +
           dependencies.memory_bytes();
  }
};

}  // namespace baton::center
