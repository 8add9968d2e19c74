#include "manager/core/created_reporter.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace baton::manager {
namespace {

// Runs are merged up to the stretch in which the ledger keeps the order of created (R12).
constexpr std::uint32_t kRunTasksMax = 1024;
// Queue names whose ids are remembered; more than that and the rest travel by name.
constexpr std::size_t kQueuesMax = 65'536;

bool continues(const ReportRun& run, const ReportRun& next) {
  if (run.waits || next.waits || run.is_void || next.is_void) return false;
  if (run.unreadable != next.unreadable) return false;
  if (run.count + next.count > kRunTasksMax) return false;
  if (run.producer != next.producer || run.key_hash || next.key_hash) return false;
  if (run.payload_bytes.empty() != next.payload_bytes.empty()) return false;
  if (run.producer && run.seq.value() + run.count != next.seq.value()) return false;
  return run.queue == next.queue && run.options == next.options;
}

// Of two runs that become one.
void join_payload_bytes(ReportRun& run, const ReportRun& next) {
  std::vector<std::uint32_t>& bytes = run.payload_bytes;
  if (bytes.size() == 1 && bytes == next.payload_bytes) return;
  if (bytes.size() == 1) bytes.assign(run.count, bytes.front());
  if (next.payload_bytes.size() == 1) {
    bytes.insert(bytes.end(), next.count, next.payload_bytes.front());
  } else {
    bytes.insert(bytes.end(), next.payload_bytes.begin(), next.payload_bytes.end());
  }
}

}  // namespace

CreatedReporter::CreatedReporter(Offset life_start, Options options)
    : life_start_(life_start), options_(options), stored_end_(life_start) {}

void CreatedReporter::start(Offset created_hi) {
  created_hi = std::min(created_hi, stored_end_);
  running_ = true;
  rewind_ = false;
  refusals_ = 0;
  in_flight_.clear();
  // Only a ledger that went back names less than before; the caller checks that. Memory cannot
  // serve it.
  if (!runs_.empty() && created_hi < runs_.front().first) {
    runs_.clear();
    tasks_in_memory_ = 0;
    scan_is_stale_ = scanning_;
  }
  created_hi_ = created_hi;
  if (runs_.empty()) {
    scan_is_stale_ = scanning_ && scan_from_ != created_hi;
    scan_from_ = created_hi;
  }
  sent_ = created_hi;
  drop_reported();
}

void CreatedReporter::stop() {
  running_ = false;
  in_flight_.clear();
  rewind_ = false;
}

void CreatedReporter::stored(ReportRun run) {
  BATON_CHECK(run.first == stored_end_);
  stored_end_ = run.end();
  const bool room = tasks_in_memory_ + run.count <= options_.tasks_in_memory_max;
  if (!scanning_ && memory_end() == run.first && room) append(std::move(run));
}

std::optional<CreatedBatch> CreatedReporter::next_batch() {
  if (!running_ || rewind_ || in_flight_.size() >= options_.batches_in_flight_max) return {};
  const auto first =
      std::lower_bound(runs_.begin(), runs_.end(), sent_,
                       [](const ReportRun& run, Offset sent) { return run.end() <= sent; });
  if (first == runs_.end()) return {};

  CreatedBatch batch;
  batch.from = first->first;
  std::size_t tasks = 0;
  for (auto run = first; run != runs_.end() && batch.runs.size() < options_.batch_runs_max; ++run) {
    if (!batch.runs.empty() && tasks + run->count > options_.batch_tasks_max) break;
    tasks += run->count;
    batch.runs.push_back(*run);
  }
  batch.id = next_id_++;
  batch.end = batch.runs.back().end();
  sent_ = batch.end;
  in_flight_.push_back(batch.id);
  return batch;
}

std::optional<CreatedReporter::Scan> CreatedReporter::next_scan() {
  if (!running_ || scanning_ || memory_end() >= stored_end_) return {};
  if (tasks_in_memory_ > options_.tasks_in_memory_max / 2) return {};
  scanning_ = true;
  scan_is_stale_ = false;
  return Scan{memory_end(), options_.batch_tasks_max};
}

void CreatedReporter::scanned(std::vector<ReportRun> runs) {
  BATON_CHECK(scanning_);
  scanning_ = false;
  if (std::exchange(scan_is_stale_, false)) return;
  for (ReportRun& run : runs) {
    if (run.first != memory_end()) return;  // not what was asked for: ask again
    run.is_void = run.waits && run.first < life_start_;
    append(std::move(run));
  }
}

void CreatedReporter::accepted(std::uint64_t batch, Offset created_hi) {
  const auto found = std::find(in_flight_.begin(), in_flight_.end(), batch);
  if (found == in_flight_.end()) return;  // of a channel that is gone
  in_flight_.erase(found);
  refusals_ = 0;
  created_hi_ = std::max(created_hi_, std::min(created_hi, stored_end_));
  drop_reported();
  settle_refusal();
}

void CreatedReporter::refused(std::uint64_t batch, Offset created_hi) {
  const auto found = std::find(in_flight_.begin(), in_flight_.end(), batch);
  if (found == in_flight_.end()) return;
  in_flight_.erase(found);
  // Those sent behind a refused one are refused too: only the first tells something new.
  if (!rewind_) ++refusals_;
  rewind_ = true;
  created_hi_ = std::max(created_hi_, std::min(created_hi, stored_end_));
  drop_reported();
  settle_refusal();
}

void CreatedReporter::learn_queue(const std::string& name, QueueId id) {
  if (queues_.size() < kQueuesMax) queues_.insert_or_assign(name, id);
}

QueueId CreatedReporter::find_queue(const std::string& name) const {
  const auto found = queues_.find(name);
  return found == queues_.end() ? QueueId() : found->second;
}

void CreatedReporter::append(ReportRun run) {
  tasks_in_memory_ += run.count;
  if (!merge(run)) runs_.push_back(std::move(run));
}

// Only a run that was not sent yet may grow: a batch in flight keeps its bounds.
bool CreatedReporter::merge(const ReportRun& run) {
  if (runs_.empty()) return false;
  ReportRun& last = runs_.back();
  if (last.first < sent_ || !continues(last, run)) return false;
  join_payload_bytes(last, run);
  last.count += run.count;
  last.crc_last = run.crc_last;
  last.resolved_below = std::max(last.resolved_below, run.resolved_below);
  return true;
}

void CreatedReporter::drop_reported() {
  while (!runs_.empty() && runs_.front().end() <= created_hi_) {
    tasks_in_memory_ -= runs_.front().count;
    scan_from_ = runs_.front().end();
    runs_.pop_front();
  }
  if (runs_.empty()) scan_from_ = std::max(scan_from_, created_hi_);
  sent_ = std::max(sent_, created_hi_);
}

void CreatedReporter::settle_refusal() {
  if (!rewind_ || !in_flight_.empty()) return;
  rewind_ = false;
  sent_ = created_hi_;
}

Offset CreatedReporter::memory_end() const {
  return runs_.empty() ? scan_from_ : runs_.back().end();
}

}  // namespace baton::manager
