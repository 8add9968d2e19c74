#include <utility>

#include "common/base/check.h"
#include "common/base/content_hash.h"
#include "common/storage/small_record.h"
#include "manager/storage/dedup_record.h"
#include "manager/storage/payload_keys.h"
#include "manager/storage/payload_log_impl.h"

namespace baton::manager {

// The batch to add to, with its prologue written.
BatchLog::Gathering PayloadLogImpl::gather(std::uint32_t records, std::size_t bytes) {
  BATON_CHECK(log_ != nullptr);  // nothing is appended to a sealed shard
  BatchLog::Gathering batch = log_->gather(records, bytes);
  if (batch.fresh) {
    write_prologue(batch.body, open_.end(), loop_.wall_now());
    if (open_.empty() || open_.batches().back().lsn != batch.lsn) open_.begin_batch(batch.lsn);
    static_cast<void>(durable_end());  // forgets what has become durable
    unsynced_.push_back({batch.lsn, open_.end()});
  }
  return batch;
}

LogStore::Appended PayloadLogImpl::append_tasks(const TaskAttributes& attributes,
                                                std::span<const std::string_view> payloads) {
  BATON_CHECK(!payloads.empty());
  const auto count = static_cast<std::uint32_t>(payloads.size());
  std::size_t bytes = payloads.size() * RecordHeader::kBytes;
  for (const std::string_view payload : payloads) bytes += payload.size();

  const BatchLog::Gathering batch = gather(count, bytes);
  const std::size_t before = batch.body.size();
  const std::vector<RecordHeader> headers =
      write_task_run(batch.body, options_.shard, open_.end(), attributes, payloads);
  Appended appended;
  appended.lsn = batch.lsn;
  appended.first = open_.end();
  appended.content_hash.reserve(headers.size());
  for (const RecordHeader& header : headers) {
    appended.content_hash.push_back(content_hash(header.payload_crc, header.length));
  }
  appended.crc_last = headers.back().record_crc;
  if (is_deduplicated(attributes)) {
    open_.add_dedup_run({appended.first, count, attributes, appended.content_hash,
                         appended.crc_last, loop_.wall_now()});
  }
  open_.add_tasks(count, batch.body.size() - before);
  return appended;
}

Lsn PayloadLogImpl::append_result(const ResultRecord& result) {
  const BatchLog::Gathering batch = gather(1, result.bytes.size());
  const std::size_t before = batch.body.size();
  write_result(batch.body, result);
  open_.add_result(result.task, result.token, result.kind, batch.body.size() - before);
  return batch.lsn;
}

void PayloadLogImpl::when_durable(Lsn lsn, std::function<void(Status)> done) {
  BATON_CHECK(log_ != nullptr);
  log_->when_durable(lsn, std::move(done));
}

// Called when the log takes a checkpoint with its last batch: the records become durable with that
// batch.
void PayloadLogImpl::close_stretch(Lsn last, KvBatch& changes) {
  const std::vector<StoredRun> dedup_runs = open_.dedup_runs();
  StretchRecord record = open_.close();
  BATON_CHECK(record.last == last);
  const std::string key = stretch_key(options_.shard, record.first);
  changes.put(key, seal_record(key, kStretchVersion, encode_stretch(record)));
  if (!dedup_runs.empty()) {
    const std::string dedup = dedup_key(options_.shard, record.first);
    changes.put(dedup, seal_record(dedup, kDedupVersion, encode_dedup(dedup_runs)));
    dedup_records_.push_back(record.first);
  }
  table_.add(std::move(record));
}

}  // namespace baton::manager
