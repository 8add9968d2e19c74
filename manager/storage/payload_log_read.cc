#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/storage/small_record.h"
#include "manager/storage/dedup_record.h"
#include "manager/storage/payload_keys.h"
#include "manager/storage/payload_log_impl.h"

namespace baton::manager {
namespace {

Status no_such_task(TaskId task) {
  return Status(ErrorCode::kNotFound, "task " + to_string(task) + " is not stored here");
}

// The last entry at or in front of the offset: batches without tasks share their offset with the
// next.
Lsn start_of(const std::vector<IndexEntry>& index, Offset offset) {
  const auto after = std::partition_point(
      index.begin(), index.end(), [&](const IndexEntry& entry) { return entry.first <= offset; });
  BATON_CHECK(after != index.begin());
  return std::prev(after)->lsn;
}

}  // namespace

void PayloadLogImpl::read_tasks(std::vector<Offset> offsets, std::size_t bytes_max,
                                std::function<void(Tasks)> done) {
  find_tasks(offsets, bytes_max, [done = std::move(done)](Found found) {
    Tasks tasks;
    tasks.reserve(found.size());
    for (Result<FoundTask>& task : found) {
      tasks.push_back(task.ok() ? Result<StoredTask>(std::move(task.value().task)) : task.status());
    }
    done(std::move(tasks));
  });
}

void PayloadLogImpl::record_crc(Offset offset, std::function<void(Result<std::uint32_t>)> done) {
  find_tasks({offset}, 1, [done = std::move(done)](Found found) {
    const Result<FoundTask>& task = found.front();
    done(task.ok() ? Result<std::uint32_t>(task.value().record_crc) : task.status());
  });
}

void PayloadLogImpl::find_tasks(const std::vector<Offset>& offsets, std::size_t bytes_max,
                                std::function<void(Found)> done) {
  struct Question {
    Found found;
    std::vector<ReadPlace> places;     // what is not at hand
    std::vector<std::size_t> indexes;  // where each belongs in `found`
    Found cold;
    RecordFinder::Batches batches;
  };
  const auto question = std::make_shared<Question>();
  std::size_t bytes = 0;
  for (const Offset offset : offsets) {
    if (bytes >= bytes_max) {
      question->found.push_back(RecordFinder::not_read());
      continue;
    }
    std::optional<Result<FoundTask>> at_hand = find_at_hand(offset);
    if (at_hand && at_hand->ok()) bytes += at_hand->value().task.payload.size();
    if (!at_hand) {
      question->places.push_back(place_of(offset));
      question->indexes.push_back(question->found.size());
      at_hand = no_such_task(TaskId(options_.shard, offset));
    }
    question->found.push_back(std::move(*at_hand));
  }
  if (question->places.empty()) {
    loop_.post(
        gate_.on_loop([question, done = std::move(done)] { done(std::move(question->found)); }));
    return;
  }
  // What is at hand came first in the count, so it may leave no room here; one is read always.
  const std::size_t room = bytes_max - std::min(bytes, bytes_max);
  worker_.run(gate_.job([this, question, room] {
    question->cold = finder_.read(question->places, room, question->batches);
  }),
              gate_.on_loop([this, question, done = std::move(done)] {
                for (auto& batch : question->batches) cache_.add(std::move(batch));
                for (std::size_t i = 0; i < question->places.size(); ++i) {
                  question->found[question->indexes[i]] =
                      judge(question->places[i].offset, std::move(question->cold[i]));
                }
                done(std::move(question->found));
              }));
}

std::optional<Result<FoundTask>> PayloadLogImpl::find_at_hand(Offset offset) {
  if (!offset || offset >= durable_end()) return no_such_task(TaskId(options_.shard, offset));
  const StretchRecord* stretch = table_.find(offset);
  const bool collected = stretch != nullptr && stretch->collected;
  if (collected && !contains(stretch->survivors, offset)) {
    return no_such_task(TaskId(options_.shard, offset));
  }
  if (const TaskBatch* batch = cache_.find(offset)) {
    Result<FoundTask> found = record_in(*batch, offset);
    return found.ok() ? found : judge(offset, std::move(found));
  }
  if (collected) return {};
  if (log_ == nullptr) return {};
  const auto fresh = log_->cached(place_of(offset).start);
  if (fresh == nullptr) return {};
  Result<std::shared_ptr<const TaskBatch>> batch = TaskBatch::decode(options_.shard, fresh);
  if (!batch.ok() || !batch.value()->has(offset)) return {};
  cache_.add(batch.value());
  return record_in(*batch.value(), offset);
}

// REQUIRES: the offset is durable.
ReadPlace PayloadLogImpl::place_of(Offset offset) const {
  if (const StretchRecord* stretch = table_.find(offset)) {
    if (stretch->collected) return {offset, stretch->first, stretch->last, true};
    return {offset, start_of(stretch->index, offset), stretch->last, false};
  }
  const Lsn lsn = start_of(open_.batches(), offset);
  return {offset, lsn, lsn, false};
}

// What the store did not have is dropped, or lost: the stretch records know.
Result<FoundTask> PayloadLogImpl::judge(Offset offset, Result<FoundTask> found) {
  if (found.ok() || !is_lost(found.status())) return found;
  const TaskId task(options_.shard, offset);
  const StretchRecord* stretch = table_.find(offset);
  if (stretch != nullptr && stretch->collected && !contains(stretch->survivors, offset)) {
    return no_such_task(task);
  }
  // A collection whose write failed may have happened all the same: a stopped store gives no
  // verdict.
  if (const Status stopped = store_.failure(); !stopped.ok()) return stopped;
  note_damaged(offset);
  if (found.status().code() == ErrorCode::kDataLoss) return found;
  return Status(ErrorCode::kDataLoss, "the record of task " + to_string(task) + " is missing");
}

void PayloadLogImpl::note_damaged(Offset offset) {
  if (store_.failure().ok() && known_damaged_.insert(offset).second) damaged_.push_back(offset);
}

bool PayloadLogImpl::was_dropped(const ResultRecordId& id) const {
  const StretchRecord* stretch = table_.find(id.lsn);
  if (stretch == nullptr || !stretch->collected) return false;
  return std::find(stretch->results.begin(), stretch->results.end(), id) == stretch->results.end();
}

void PayloadLogImpl::read_record(const ResultRecordId& id,
                                 std::function<void(Result<ResultContent>)> done) {
  const auto post = [&](Result<ResultContent> result) {
    loop_.post(
        gate_.on_loop([done = std::move(done), result = std::move(result)] { done(result); }));
  };
  if (!id.lsn || id.lsn > durable_lsn() || was_dropped(id)) {
    post(Status(ErrorCode::kNotFound,
                "the result of task " + to_string(id.task) + " is not stored here"));
    return;
  }
  if (const auto fresh = log_ ? log_->cached(id.lsn) : nullptr) {
    const Result<std::shared_ptr<const TaskBatch>> batch = TaskBatch::decode(options_.shard, fresh);
    const Result<TaskBatch::ResultView> view =
        batch.ok() ? batch.value()->result(id.task, id.token, id.kind) : batch.status();
    post(view.ok() ? Result<ResultContent>(ResultContent{std::string(view.value().bytes),
                                                         std::string(view.value().content_type)})
                   : view.status());
    return;
  }
  const auto found =
      std::make_shared<Result<ResultContent>>(Status(ErrorCode::kInternal, "not read"));
  worker_.run(gate_.job([this, id, found] { *found = finder_.read_result(id); }),
              gate_.on_loop([this, id, found, done = std::move(done)] {
                if (found->status().code() != ErrorCode::kNotFound) {
                  done(std::move(*found));
                  return;
                }
                if (const Status stopped = store_.failure(); !stopped.ok()) {
                  done(stopped);
                  return;
                }
                done(Status(was_dropped(id) ? ErrorCode::kNotFound : ErrorCode::kDataLoss,
                            "the result of task " + to_string(id.task) + " is missing"));
              }));
}

// The end of the uncollected batches from there on.
Lsn PayloadLogImpl::last_uncollected(Lsn from) const {
  for (const StretchRecord& stretch : table_.all()) {
    if (stretch.last >= from && stretch.collected) return Lsn(stretch.first.value() - 1);
  }
  return durable_lsn();
}

void PayloadLogImpl::scan(Offset from, std::size_t tasks_max,
                          std::function<void(Result<std::vector<StoredRun>>)> done) {
  using Runs = Result<std::vector<StoredRun>>;
  const auto post = [&](Runs runs) {
    loop_.post(gate_.on_loop([done = std::move(done), runs = std::move(runs)] { done(runs); }));
  };
  if (from >= durable_end() || tasks_max == 0) {
    post(std::vector<StoredRun>());
    return;
  }
  const ReadPlace place = place_of(std::max(from, Offset(1)));
  if (place.collected) {
    post(Status(ErrorCode::kConflict, "the attributes of task " +
                                          to_string(TaskId(options_.shard, place.offset)) +
                                          " were dropped: the ledger had them"));
    return;
  }
  const auto runs = std::make_shared<Runs>(std::vector<StoredRun>());
  const Lsn last = std::min(last_uncollected(place.start), durable_lsn());
  const Offset end = last == durable_lsn() ? durable_end() : table_.find(last)->to;
  worker_.run(gate_.job([this, place, last, end, tasks_max, runs] {
    *runs = finder_.scan(place.offset, place.start, last, end, tasks_max);
  }),
              gate_.on_loop([this, from, tasks_max, runs, asked_at = collected_so_far_,
                             done = std::move(done)] {
                const bool whole =
                    runs->ok() && (runs->value().empty() || !runs->value().front().unreadable);
                // A stopped store gives no verdict.
                const Status stopped = store_.failure();
                if (whole) {
                  done(std::move(*runs));
                } else if (!stopped.ok()) {
                  done(stopped);
                } else if (asked_at != collected_so_far_) {
                  // What it was about to read may have been collected first.
                  scan(from, tasks_max, done);
                } else {
                  done(std::move(*runs));
                }
              }));
}

Status PayloadLogImpl::recent_runs(std::function<void(const StoredRun&)> visit) {
  dedup_records_.clear();
  Status outcome;
  const auto visit_record = [&](std::string_view key, std::string_view value) {
    const Lsn first(number_of_key(key));
    const Result<std::string_view> body = open_record(key, value, kDedupVersion, "a dedup record");
    const Result<std::vector<StoredRun>> runs =
        body.ok() ? decode_dedup(body.value()) : body.status();
    dedup_records_.push_back(first);
    if (runs.ok()) {
      std::for_each(runs.value().begin(), runs.value().end(), visit);
    } else {
      outcome = visit_runs_in_log(first, visit);
    }
    return outcome.ok();
  };
  const Status read =
      store_.scan(dedup_key(options_.shard, Lsn(0)),
                  dedup_key(ShardId(options_.shard.value() + 1), Lsn(0)), visit_record);
  BATON_RETURN_IF_ERROR(outcome);
  if (read.code() == ErrorCode::kUnavailable) return read;
  if (!read.ok()) {
    // Some records were not seen: what they said is read from the log itself.
    const std::set<Lsn> seen(dedup_records_.begin(), dedup_records_.end());
    for (const StretchRecord& stretch : table_.all()) {
      if (seen.contains(stretch.first)) continue;
      BATON_RETURN_IF_ERROR(visit_runs_in_log(stretch.first, visit));
    }
  }
  std::for_each(open_.dedup_runs().begin(), open_.dedup_runs().end(), visit);
  return {};
}

// What the dedup record of a stretch would say, as far as the log still has it.
Status PayloadLogImpl::visit_runs_in_log(Lsn first,
                                         const std::function<void(const StoredRun&)>& visit) const {
  const StretchRecord* stretch = table_.find(first);
  if (stretch == nullptr || stretch->collected) return {};
  const auto all = static_cast<std::size_t>(stretch->to.value() - stretch->from.value());
  if (all == 0) return {};
  const Result<std::vector<StoredRun>> runs =
      finder_.scan(stretch->from, stretch->first, stretch->last, stretch->to, all);
  if (runs.status().code() == ErrorCode::kUnavailable) return runs.status();
  if (!runs.ok()) return {};  // damaged as well: the verification names its tasks
  for (const StoredRun& run : runs.value()) {
    if (!run.unreadable && is_deduplicated(run.attributes)) visit(run);
  }
  return {};
}

}  // namespace baton::manager
