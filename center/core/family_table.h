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
  std::uint32_t open = 0;    // children that have not ended
  std::uint32_t failed = 0;  // that ended otherwise than done, and that nobody decided about
  std::uint32_t pending = 0;
  FailurePolicy policy = FailurePolicy::kDefault;
};

struct FamilyTable {
  struct Nothing {};
  using Pairs = PagedMap<std::pair<TaskId, TaskId>, Nothing>;

  PagedMap<TaskId, Family> families;  // by parent
  Pairs pending;                      // (parent, child): unseen until the parent's claim is acked
  Pairs dependents;                   // (task, one that runs after it)

  // The first pair of `pairs` with this first half and a second one not below `from`; none: no task.
  static TaskId next(const Pairs& pairs, TaskId of, TaskId from) {
    const auto at = pairs.lower_bound({of, from});
    return at.done() || at->first.first != of ? TaskId() : at->first.second;
  }
  [[nodiscard]] std::size_t memory_bytes() const {
    return families.memory_bytes() + pending.memory_bytes() + dependents.memory_bytes();
  }
};

}  // namespace baton::center
