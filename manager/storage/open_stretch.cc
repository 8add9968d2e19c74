#include "manager/storage/open_stretch.h"

#include <utility>

#include "common/base/check.h"

namespace baton::manager {
namespace {

// How much is read, at most, to find a batch behind an index entry.
constexpr std::uint64_t kIndexStepBytes = std::uint64_t{64} << 10;

}  // namespace

void OpenStretch::begin_batch(Lsn lsn) {
  BATON_CHECK(lsn.value() == first_.value() + index_.size());
  index_.push_back({to_, lsn});
  index_bytes_.push_back(bytes_);
}

void OpenStretch::add_tasks(std::uint32_t count, std::uint64_t bytes) {
  to_ = Offset(to_.value() + count);
  bytes_ += bytes;
}

void OpenStretch::add_dedup_run(StoredRun run) {
  TaskAttributes numbers;
  numbers.producer = run.attributes.producer;
  numbers.seq = run.attributes.seq;
  run.attributes = std::move(numbers);
  dedup_runs_.push_back(std::move(run));
}

void OpenStretch::add_result(TaskId task, Token token, RecordKind kind, std::uint64_t bytes) {
  results_.push_back({task, token, kind, index_.back().lsn});
  bytes_ += bytes;
}

StretchRecord OpenStretch::close() {
  BATON_CHECK(!empty());
  StretchRecord record;
  record.first = first_;
  record.last = index_.back().lsn;
  record.from = from_;
  record.to = to_;
  record.bytes = bytes_;
  record.results = std::move(results_);
  std::uint64_t next_entry_at = 0;
  for (std::size_t i = 0; i < index_.size(); ++i) {
    if (index_bytes_[i] < next_entry_at) continue;
    record.index.push_back(index_[i]);
    next_entry_at = index_bytes_[i] + kIndexStepBytes;
  }
  *this = OpenStretch(record.last.next(), record.to);
  return record;
}

}  // namespace baton::manager
