#include "manager/storage/record_finder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "manager/storage/payload_keys.h"
#include "manager/storage/survivor.h"

namespace baton::manager {
namespace {

// Of batches that a reader hands back for the cache: a row of small payloads in large batches must
// not fill the memory.
constexpr std::size_t kBatchesBytesMax = std::size_t{8} << 20;

bool is_missing(const Status& status) { return status.code() == ErrorCode::kNotFound; }

// Not: out of reach for now, or written by a newer Baton.
bool is_damage(const Status& status) {
  return is_missing(status) || status.code() == ErrorCode::kDataLoss;
}

ResultContent content_of(const TaskBatch::ResultView& view) {
  return {std::string(view.bytes), std::string(view.content_type)};
}

StoredRun unreadable_run(Offset from, Offset end, std::size_t tasks_max) {
  StoredRun run;
  run.first = from;
  run.count =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(end.value() - from.value(), tasks_max));
  run.unreadable = true;
  return run;
}

}  // namespace

Result<FoundTask> record_in(const TaskBatch& batch, Offset offset) {
  BATON_ASSIGN_OR_RETURN(const TaskBatch::TaskRecord record, batch.task(offset));
  BATON_ASSIGN_OR_RETURN(TaskOptions options, decode_options(record.attributes));
  return FoundTask{record.header.record_crc, {std::string(record.payload), std::move(options)}};
}

Status RecordFinder::not_read() { return Status(ErrorCode::kRetryLater, "the answer is full"); }

std::vector<Result<FoundTask>> RecordFinder::read(const std::vector<ReadPlace>& places,
                                                  std::size_t bytes_max, Batches& batches) const {
  std::vector<Result<FoundTask>> found;
  found.reserve(places.size());
  std::shared_ptr<const TaskBatch> last_batch;  // offsets come in order, mostly
  std::size_t bytes = 0;
  for (const ReadPlace& place : places) {
    if (bytes >= bytes_max && !found.empty()) {
      found.push_back(not_read());
      continue;
    }
    found.push_back(read_one(place, last_batch, batches));
    if (found.back().ok()) bytes += found.back().value().task.payload.size();
  }
  return found;
}

Result<FoundTask> RecordFinder::read_one(const ReadPlace& place,
                                         std::shared_ptr<const TaskBatch>& last_batch,
                                         Batches& batches) const {
  if (place.collected) return read_survivor(place.offset);
  if (last_batch != nullptr && last_batch->has(place.offset)) {
    return record_in(*last_batch, place.offset);
  }
  Result<std::shared_ptr<const TaskBatch>> batch = find_batch(place, batches);
  if (batch.ok()) {
    last_batch = batch.value();
    return record_in(*last_batch, place.offset);
  }
  if (!is_missing(batch.status())) return batch.status();
  // The stretch may have been collected since the question was asked.
  return read_survivor(place.offset);
}

Result<std::shared_ptr<const TaskBatch>> RecordFinder::find_batch(const ReadPlace& place,
                                                                  Batches& batches) const {
  std::shared_ptr<const TaskBatch> found;
  std::optional<std::string> damaged;  // the last bad batch in front of where it must be
  const auto look = [&](std::string_view key, std::string_view value) {
    Result<std::shared_ptr<const TaskBatch>> batch =
        TaskBatch::check(shard_, Lsn(number_of_key(key)), std::string(value));
    if (!batch.ok()) {
      damaged = std::string(value);
      return true;
    }
    if (batch.value()->first() > place.offset) return false;
    damaged.reset();
    if (!batch.value()->has(place.offset)) return true;
    found = std::move(batch).value();
    return false;
  };
  const Status read = store_.scan(batch_key(shard_.value(), place.start),
                                  batch_key(shard_.value(), place.last.next()), look);
  if (found != nullptr) {
    note_batch(found, batches);
    return found;
  }
  if (damaged) {
    std::shared_ptr<const TaskBatch> rest = TaskBatch::salvage(shard_, std::move(*damaged));
    if (rest->has(place.offset)) return rest;
    return Status(ErrorCode::kDataLoss,
                  "the batch of task " + to_string(TaskId(shard_, place.offset)) + " is damaged");
  }
  BATON_RETURN_IF_ERROR(read);
  return Status(ErrorCode::kNotFound, "no batch has this task");
}

void RecordFinder::note_batch(const std::shared_ptr<const TaskBatch>& batch, Batches& batches) {
  std::size_t bytes = batch->stored().bytes.size();
  for (const auto& kept : batches) bytes += kept->stored().bytes.size();
  for (; !batches.empty() && bytes > kBatchesBytesMax; batches.pop_front()) {
    bytes -= batches.front()->stored().bytes.size();
  }
  batches.push_back(batch);
}

Result<FoundTask> RecordFinder::read_survivor(Offset offset) const {
  BATON_ASSIGN_OR_RETURN(const std::string value, store_.get(survivor_key(shard_, offset)));
  BATON_ASSIGN_OR_RETURN(Survivor survivor, decode_survivor(shard_, offset, value));
  BATON_ASSIGN_OR_RETURN(TaskOptions options, decode_options(survivor.attributes));
  return FoundTask{survivor.header.record_crc, {std::move(survivor.payload), std::move(options)}};
}

Result<ResultContent> RecordFinder::read_result(const ResultRecordId& id) const {
  Result<std::string> raw = reader_.get_raw(id.lsn);
  if (raw.ok()) {
    const Result<std::shared_ptr<const TaskBatch>> batch =
        TaskBatch::check(shard_, id.lsn, raw.value());
    if (batch.ok()) {
      BATON_ASSIGN_OR_RETURN(const TaskBatch::ResultView found,
                             batch.value()->result(id.task, id.token, id.kind));
      return content_of(found);
    }
    // What a damaged batch still holds proves itself; what is not found in it may have been there.
    const auto rest = TaskBatch::salvage(shard_, std::move(raw).value());
    const Result<TaskBatch::ResultView> saved = rest->result(id.task, id.token, id.kind);
    return saved.ok() ? Result<ResultContent>(content_of(saved.value())) : batch.status();
  }
  if (!is_missing(raw.status())) return raw.status();
  BATON_ASSIGN_OR_RETURN(const std::string value, store_.get(result_survivor_key(shard_, id)));
  return decode_result_survivor(shard_, id, value);
}

Result<std::vector<StoredRun>> RecordFinder::scan(Offset from, Lsn start, Lsn last, Offset end,
                                                  std::size_t tasks_max) const {
  std::vector<StoredRun> runs;
  std::size_t left = tasks_max;
  Offset next = from;                  // the first task that no run has
  std::optional<std::uint32_t> chain;  // of the batch before, if that was good
  for (Lsn lsn = start; lsn <= last && left > 0; lsn = lsn.next()) {
    const Result<std::shared_ptr<const TaskBatch>> read = chained_batch(lsn, chain);
    chain.reset();
    if (!read.ok() && is_damage(read.status()) && runs.empty()) continue;  // how far does it go?
    if (!read.ok()) {
      if (runs.empty()) return read.status();
      break;
    }
    const TaskBatch& batch = *read.value();
    chain = batch.stored().crc;
    if (batch.first() > next) {
      end = batch.first();
      break;
    }
    Result<std::vector<StoredRun>> more = batch.runs(next, left);
    if (!more.ok()) {
      if (runs.empty()) return more.status();
      break;
    }
    for (StoredRun& run : more.value()) {
      left -= run.count;
      next = Offset(run.first.value() + run.count);
      runs.push_back(std::move(run));
    }
  }
  if (runs.empty() && next < end) runs.push_back(unreadable_run(next, end, tasks_max));
  return runs;
}

// data_loss also when the batch is good but not the one that followed the batch before.
Result<std::shared_ptr<const TaskBatch>> RecordFinder::chained_batch(
    Lsn lsn, std::optional<std::uint32_t> chain) const {
  BATON_ASSIGN_OR_RETURN(std::string raw, reader_.get_raw(lsn));
  BATON_ASSIGN_OR_RETURN(std::shared_ptr<const TaskBatch> batch,
                         TaskBatch::check(shard_, lsn, std::move(raw)));
  if (!chain || batch->stored().header.chain == *chain) return batch;
  return Status(ErrorCode::kDataLoss,
                "batch " + std::to_string(lsn.value()) + " does not follow the one before it");
}

}  // namespace baton::manager
