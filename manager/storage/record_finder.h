// RecordFinder: finds records in the store by offset. Runs in jobs on the Worker: holds no state of
// the loop, blocks, and never returns bytes that do not prove to be the record asked for.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/batch_reader.h"
#include "common/storage/kv_store.h"
#include "manager/storage/task_batch.h"

namespace baton::manager {

// Where a record should be: in a batch between `start` and `last`, or among the survivors if it was
// collected.
struct ReadPlace {
  Offset offset;
  Lsn start;
  Lsn last;
  bool collected = false;
};

struct FoundTask {
  std::uint32_t record_crc = 0;
  StoredTask task;
};

// The record of a task in its batch, with its payload and options; what TaskBatch::task says
// otherwise, or decode_attributes when its run's block is damaged.
Result<FoundTask> record_in(const TaskBatch& batch, Offset offset);

class RecordFinder {
 public:
  RecordFinder(const KvStore& store, ShardId shard)
      : store_(store), shard_(shard), reader_(store, shard.value()) {}

  // Per place: the record; data_loss when it is damaged; not_found when it is neither in the log
  // nor among the survivors, which the caller, who knows what was collected, must judge. Reading
  // ends with the payload that reaches `bytes_max`; what is left is not_read(). Undamaged batches
  // that were read last, a few MiB of them, go to `batches`.
  using Batches = std::deque<std::shared_ptr<const TaskBatch>>;
  std::vector<Result<FoundTask>> read(const std::vector<ReadPlace>& places, std::size_t bytes_max,
                                      Batches& batches) const;
  static Status not_read();

  // The same for a result.
  Result<ResultContent> read_result(const ResultRecordId& id) const;

  // The runs from `from` on, which is in batch `start` or later, to batch `last`, behind which the
  // tasks end at `end`; at most `tasks_max` tasks. Damage as LogStore::scan says.
  Result<std::vector<StoredRun>> scan(Offset from, Lsn start, Lsn last, Offset end,
                                      std::size_t tasks_max) const;

 private:
  Result<std::shared_ptr<const TaskBatch>> find_batch(const ReadPlace& place,
                                                      Batches& batches) const;
  Result<FoundTask> read_one(const ReadPlace& place, std::shared_ptr<const TaskBatch>& last_batch,
                             Batches& batches) const;
  static void note_batch(const std::shared_ptr<const TaskBatch>& batch, Batches& batches);
  [[nodiscard]] Result<FoundTask> read_survivor(Offset offset) const;
  [[nodiscard]] Result<std::shared_ptr<const TaskBatch>> chained_batch(
      Lsn lsn, std::optional<std::uint32_t> chain) const;

  const KvStore& store_;
  const ShardId shard_;
  const BatchReader reader_;
};

}  // namespace baton::manager
