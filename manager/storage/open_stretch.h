// OpenStretch: the last, growing stretch of the log, with everything that its record will need.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/ids.h"
#include "manager/storage/stretch.h"

namespace baton::manager {

class OpenStretch {
 public:
  OpenStretch(Lsn first, Offset from) : first_(first), from_(from), to_(from) {}

  [[nodiscard]] bool empty() const { return index_.empty(); }
  [[nodiscard]] Offset end() const { return to_; }
  // Every batch of the stretch, in order.
  [[nodiscard]] const std::vector<IndexEntry>& batches() const { return index_; }
  // The runs that belong into the dedup record, in order, with what it keeps of them.
  [[nodiscard]] const std::vector<StoredRun>& dedup_runs() const { return dedup_runs_; }

  // REQUIRES: the number after that of the last batch.
  void begin_batch(Lsn lsn);
  // What was added to the last batch, in its order.
  void add_tasks(std::uint32_t count, std::uint64_t bytes);
  void add_dedup_run(StoredRun run);
  void add_result(TaskId task, Token token, RecordKind kind, std::uint64_t bytes);

  // The record of all of it; the stretch begins anew behind its last batch. REQUIRES: not empty.
  StretchRecord close();

 private:
  Lsn first_;
  Offset from_;
  Offset to_;
  std::uint64_t bytes_ = 0;
  std::vector<IndexEntry> index_;
  std::vector<std::uint64_t> index_bytes_;  // bytes_ when each batch began
  std::vector<ResultRecordId> results_;
  std::vector<StoredRun> dedup_runs_;
};

}  // namespace baton::manager
