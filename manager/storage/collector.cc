#include "manager/storage/collector.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/storage/batch_reader.h"
#include "common/storage/small_record.h"
#include "manager/storage/payload_keys.h"
#include "manager/storage/record_finder.h"
#include "manager/storage/survivor.h"
#include "manager/storage/task_batch.h"

namespace baton::manager {
namespace {

// Survivors are written in steps of about this size, so that a stretch of large payloads needs no
// large buffer.
constexpr std::size_t kWriteBytes = std::size_t{4} << 20;

}  // namespace

Result<Collector::Outcome> Collector::collect(const Job& job) {
  Outcome outcome;
  outcome.stretch = job.stretch;
  std::vector<Offset> live;
  for (const Offset offset : job.live) {
    if (offset >= job.stretch.from && offset < job.stretch.to) live.push_back(offset);
  }
  outcome.stretch.survivors = to_runs(live);
  outcome.stretch.results.clear();
  for (const ResultRecordId& id : job.live_results) {
    if (id.lsn >= job.stretch.first && id.lsn <= job.stretch.last) {
      outcome.stretch.results.push_back(id);
    }
  }
  if (job.stretch.collected) {
    BATON_RETURN_IF_ERROR(check_survivors(job, outcome));
  } else {
    BATON_RETURN_IF_ERROR(copy_from_log(job, outcome));
  }
  BATON_RETURN_IF_ERROR(finish(job, outcome));
  outcome.old_dedup = job.old_dedup;
  return outcome;
}

Status Collector::copy_from_log(const Job& job, Outcome& outcome) {
  const BatchReader reader(store_, shard_.value());
  std::vector<Offset> missing;
  for (const OffsetRun& run : outcome.stretch.survivors) {
    for (std::uint64_t i = 0; i < run.count; ++i) missing.emplace_back(run.first.value() + i);
  }
  KvBatch changes;
  for (Lsn lsn = job.stretch.first; lsn <= job.stretch.last; lsn = lsn.next()) {
    Result<std::string> raw = reader.get_raw(lsn);
    // Out of reach for now is no reason to drop anything.
    if (raw.status().code() == ErrorCode::kUnavailable) return raw.status();
    if (!raw.ok()) continue;
    const Result<std::shared_ptr<const TaskBatch>> checked =
        TaskBatch::check(shard_, lsn, raw.value());
    if (!checked.ok()) damaged_batches_.push_back(lsn);
    const std::shared_ptr<const TaskBatch> batch =
        checked.ok() ? checked.value() : TaskBatch::salvage(shard_, std::move(raw).value());
    const auto begin = std::lower_bound(missing.begin(), missing.end(), batch->first());
    const auto end = std::lower_bound(begin, missing.end(), batch->end());
    std::vector<Offset> lost;
    for (auto offset = begin; offset != end; ++offset) {
      const Result<std::string> value = encode_survivor(shard_, *offset, *batch);
      if (value.ok()) {
        BATON_RETURN_IF_ERROR(put(changes, survivor_key(shard_, *offset), value.value()));
      } else {
        lost.push_back(*offset);
      }
    }
    // What stays in `missing` to the end was found nowhere.
    missing.insert(missing.erase(begin, end), lost.begin(), lost.end());
    for (const ResultRecordId& id : outcome.stretch.results) {
      if (id.lsn != lsn) continue;
      // A lost result stays named in the record: reading it tells data_loss.
      const Result<std::string> value = encode_result_survivor(shard_, id, *batch);
      if (!value.ok()) continue;
      BATON_RETURN_IF_ERROR(put(changes, result_survivor_key(shard_, id), value.value()));
    }
  }
  outcome.damaged = std::move(missing);
  return changes.empty() ? Status() : store_.write(changes);
}

Status Collector::check_survivors(const Job& job, Outcome& outcome) {
  // What was not kept the last time cannot live again: if the ledger says so, it is lost.
  const RecordFinder finder(store_, shard_);
  for (const OffsetRun& run : outcome.stretch.survivors) {
    for (std::uint64_t i = 0; i < run.count; ++i) {
      const Offset offset(run.first.value() + i);
      RecordFinder::Batches batches;
      const auto found =
          finder.read({{offset, job.stretch.first, job.stretch.last, true}}, 1, batches);
      if (found.front().status().code() == ErrorCode::kUnavailable) return found.front().status();
      if (!found.front().ok()) outcome.damaged.push_back(offset);
    }
  }
  return {};
}

Status Collector::put(KvBatch& changes, const std::string& key, const std::string& value) {
  changes.put(key, value);
  if (changes.bytes() < kWriteBytes) return {};
  BATON_RETURN_IF_ERROR(store_.write(changes));
  changes.clear();
  return {};
}

Status Collector::finish(const Job& job, Outcome& outcome) {
  StretchRecord& stretch = outcome.stretch;
  stretch.collected = true;
  stretch.index.clear();
  stretch.bytes = 0;

  KvBatch changes;
  if (!job.stretch.collected) {
    for (Lsn lsn = stretch.first; lsn <= stretch.last; lsn = lsn.next()) {
      // A damaged batch that held something alive is left for whoever tries to repair it.
      const bool evidence = !outcome.damaged.empty() &&
                            std::find(damaged_batches_.begin(), damaged_batches_.end(), lsn) !=
                                damaged_batches_.end();
      if (!evidence) changes.remove(batch_key(shard_.value(), lsn));
    }
  }
  // Survivors of an earlier collection, also of one that a crash cut off, that live no more.
  BATON_RETURN_IF_ERROR(store_.scan(survivor_key(shard_, stretch.from),
                                    survivor_key(shard_, stretch.to),
                                    [&](std::string_view key, std::string_view) {
                                      if (!contains(stretch.survivors, Offset(number_of_key(key))))
                                        changes.remove(key);
                                      return true;
                                    }));
  BATON_RETURN_IF_ERROR(store_.scan(result_survivors_from(shard_, stretch.first),
                                    result_survivors_from(shard_, stretch.last.next()),
                                    [&](std::string_view key, std::string_view) {
                                      const bool lives = std::any_of(
                                          stretch.results.begin(), stretch.results.end(),
                                          [&](const ResultRecordId& id) {
                                            return result_survivor_key(shard_, id) == key;
                                          });
                                      if (!lives) changes.remove(key);
                                      return true;
                                    }));
  for (const Lsn lsn : job.old_dedup) changes.remove(dedup_key(shard_, lsn));

  if (stretch.empty()) {
    changes.remove(stretch_key(shard_, stretch.first));
    for (const StretchRecord& neighbour : job.empty_neighbours) {
      changes.remove(stretch_key(shard_, neighbour.first));
      stretch.first = std::min(stretch.first, neighbour.first);
      stretch.last = std::max(stretch.last, neighbour.last);
      stretch.from = std::min(stretch.from, neighbour.from);
      stretch.to = std::max(stretch.to, neighbour.to);
    }
  }
  const std::string key = stretch_key(shard_, stretch.first);
  changes.put(key, seal_record(key, kStretchVersion, encode_stretch(stretch)));
  return store_.write(changes);
}

}  // namespace baton::manager
