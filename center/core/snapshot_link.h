// What is read from a snapshot before it is one ledger again, and how it becomes that.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "center/core/snapshot_fields.h"
#include "center/core/tables.h"
#include "common/base/status.h"

namespace baton::center {

// All items of a snapshot: what stands in the tables by itself, and what is to be compared or linked.
struct SnapshotItems {
  // What a queue said of itself. Its counts are counted again; lanes come to be with their tasks.
  struct Said {
    std::uint64_t ready = 0;
    std::uint64_t delayed = 0;
    std::uint64_t blocked = 0;
    std::uint64_t pending = 0;
    std::vector<LaneItem> plain;  // the lane without a fairness key, by priority
  };

  Tables tables;
  Loose loose;
  std::vector<Producer> producers;                       // by id, with their numbers
  std::vector<Said> said;                                // by queue
  std::map<std::uint32_t, std::vector<LaneItem>> lanes;  // by slot of the fairness key
  bool is_old = false;                                   // of version 1
};

// data_loss: the pages are whole, and do not fit together.
Status inconsistent_snapshot(std::string_view what);

// Builds again what can be derived: ready sets, rings, heaps, indexes.
//
// data_loss says what points to nothing, or differs from what was counted when it was written.
Result<Tables> link_snapshot(SnapshotItems items);

}  // namespace baton::center
