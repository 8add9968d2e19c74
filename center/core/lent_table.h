// LentTable: what managers have borrowed of limited queues (R22): tasks and bytes that they may
// still store, or have stored and not reported.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "common/base/ids.h"

namespace baton::center {

class LentTable {
 public:
  struct Lent {
    std::uint64_t tasks = 0;
    std::uint64_t bytes = 0;
  };
  using Key = std::pair<QueueId, std::uint32_t>;  // queue, manager slot

  [[nodiscard]] Lent find(QueueId queue, std::uint32_t manager) const {
    const auto at = lent_.find({queue, manager});
    return at == lent_.end() ? Lent{} : at->second;
  }
  [[nodiscard]] Lent total(QueueId queue) const {
    Lent sum;
    for (auto at = lent_.lower_bound({queue, 0}); at != lent_.end() && at->first.first == queue;
         ++at) {
      sum.tasks += at->second.tasks;
      sum.bytes += at->second.bytes;
    }
    return sum;
  }
  void set(QueueId queue, std::uint32_t manager, Lent lent) {
    if (lent.tasks == 0 && lent.bytes == 0) {
      lent_.erase({queue, manager});
    } else {
      lent_[{queue, manager}] = lent;
    }
  }
  // What it had borrowed has become tasks of the ledger.
  void reported(QueueId queue, std::uint32_t manager, std::uint64_t tasks, std::uint64_t bytes) {
    const auto at = lent_.find({queue, manager});
    if (at == lent_.end()) return;
    const Lent lent = at->second;
    set(queue, manager,
        {lent.tasks - std::min(lent.tasks, tasks), lent.bytes - std::min(lent.bytes, bytes)});
  }
  void forget_manager(std::uint32_t manager) {
    std::erase_if(lent_, [manager](const auto& entry) { return entry.first.second == manager; });
  }
  void forget_queue(QueueId queue) {
    std::erase_if(lent_, [queue](const auto& entry) { return entry.first.first == queue; });
  }

  using All = std::map<Key, Lent>;  // ordered: the same everywhere
  [[nodiscard]] const All& all() const { return lent_; }

 private:
  All lent_;
};

}  // namespace baton::center
