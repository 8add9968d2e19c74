#include "manager/storage/verifier.h"

#include <utility>

#include "manager/storage/record_finder.h"
#include "manager/storage/task_batch.h"

namespace baton::manager {
namespace {

// The tasks of [from, to) that `batch`, which may be damaged, cannot give.
void add_unreadable(const TaskBatch* batch, Offset from, Offset to, std::vector<Offset>& damaged) {
  for (Offset offset = from; offset < to; offset = offset.next()) {
    if (batch == nullptr || !batch->task(offset).ok()) damaged.push_back(offset);
  }
}

}  // namespace

Verifier::Step Verifier::verify_batches(const StretchRecord& stretch, Cursor at,
                                        std::size_t bytes_max) const {
  const BatchReader reader(store_, shard_.value());
  Step step;
  std::size_t bytes = 0;
  Offset expected = at.offset;
  std::shared_ptr<const TaskBatch> damaged;  // the last damaged batch since the last good one
  std::optional<std::uint32_t> chain;        // the CRC of the batch before, if that was good
  Lsn lsn = at.lsn;
  // Not to end behind a damaged batch: only the next good one tells which tasks it had.
  for (; lsn <= stretch.last && (bytes < bytes_max || damaged != nullptr); lsn = lsn.next()) {
    Result<std::string> raw = reader.get_raw(lsn);
    if (raw.status().code() == ErrorCode::kUnavailable)
      return step;  // not readable now: no verdict
    if (!raw.ok()) {
      damaged = TaskBatch::salvage(shard_, {});
      chain.reset();
      continue;
    }
    bytes += raw.value().size();
    const Result<std::shared_ptr<const TaskBatch>> batch =
        TaskBatch::check(shard_, lsn, raw.value());
    if (!batch.ok() || (chain && batch.value()->stored().header.chain != *chain)) {
      damaged = TaskBatch::salvage(shard_, batch.ok() ? std::string() : std::move(raw).value());
      chain.reset();
      continue;
    }
    chain = batch.value()->stored().crc;
    add_unreadable(damaged.get(), expected, batch.value()->first(), step.damaged);
    damaged = nullptr;
    expected = batch.value()->end();
  }
  if (lsn <= stretch.last) {
    step.next = Cursor{lsn, expected};
  } else {
    add_unreadable(damaged.get(), expected, stretch.to, step.damaged);
  }
  return step;
}

Verifier::Step Verifier::verify_survivors(const StretchRecord& stretch) const {
  const RecordFinder finder(store_, shard_);
  Step step;
  RecordFinder::Batches batches;
  for (const OffsetRun& run : stretch.survivors) {
    for (std::uint64_t i = 0; i < run.count; ++i) {
      const Offset offset(run.first.value() + i);
      const auto found = finder.read({{offset, stretch.first, stretch.last, true}}, 1, batches);
      if (is_lost(found.front().status())) step.damaged.push_back(offset);
    }
  }
  return step;
}

}  // namespace baton::manager
