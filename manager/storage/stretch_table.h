// StretchTable: the closed stretches of a shard, in order, as the loop knows them.
#pragma once

#include <cstddef>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/kv_store.h"
#include "manager/storage/stretch.h"

namespace baton::manager {

class StretchTable {
 public:
  // data_loss when a record is damaged or one is missing in between.
  static Result<StretchTable> load(const KvStore& store, ShardId shard);

  // Behind the last closed stretch: where the open one begins.
  [[nodiscard]] Lsn end_lsn() const;
  [[nodiscard]] Offset end_offset() const;
  [[nodiscard]] const std::vector<StretchRecord>& all() const { return stretches_; }

  // The stretch that has it, or null.
  [[nodiscard]] const StretchRecord* find(Offset offset) const;
  [[nodiscard]] const StretchRecord* find(Lsn lsn) const;

  // A stretch that was closed just now. REQUIRES: it follows the last.
  void add(StretchRecord record);
  // Puts `record` in the place of all stretches within its batches.
  void replace(StretchRecord record);

 private:
  std::vector<StretchRecord> stretches_;  // joined: each begins where the one before ends
};

}  // namespace baton::manager
