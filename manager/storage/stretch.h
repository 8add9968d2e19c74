// StretchRecord: what is remembered of a closed stretch of the log, in memory and on disk.
//
// The records of a shard join without gaps from batch 1 and offset 1 to the open stretch: a lost
// one is noticed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "manager/storage/log_store.h"

namespace baton::manager {

// Consecutive offsets.
struct OffsetRun {
  Offset first;
  std::uint64_t count = 0;
  friend bool operator==(const OffsetRun&, const OffsetRun&) = default;
};

// `offsets` in ascending order, without repetition.
std::vector<OffsetRun> to_runs(const std::vector<Offset>& offsets);
bool contains(const std::vector<OffsetRun>& runs, Offset offset);

// A batch whose first task is known. The index of a stretch has one about every 64 KiB, the first
// among them.
struct IndexEntry {
  Offset first;
  Lsn lsn;
  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

struct StretchRecord {
  Lsn first;  // batches first..last
  Lsn last;
  Offset from;  // tasks [from, to)
  Offset to;
  std::uint64_t bytes = 0;
  std::vector<IndexEntry> index;        // empty once collected
  std::vector<ResultRecordId> results;  // once collected: those that live
  bool collected = false;               // its batches are gone
  std::vector<OffsetRun> survivors;     // collected: the tasks that live, copied out

  // Nothing of it is left: neighbours like it are joined into one record.
  [[nodiscard]] bool empty() const { return collected && survivors.empty() && results.empty(); }
};

std::string encode_stretch(const StretchRecord& record);
// data_loss when it is malformed.
Result<StretchRecord> decode_stretch(std::string_view body);

inline constexpr std::uint8_t kStretchVersion = 1;

}  // namespace baton::manager
