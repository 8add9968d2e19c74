#include "manager/storage/task_batch.h"

#include <algorithm>

#include "common/base/content_hash.h"

namespace baton::manager {
namespace {

Status malformed(const char* what) {
  return Status(ErrorCode::kDataLoss, std::string("a payload batch has ") + what);
}

}  // namespace

Result<std::shared_ptr<const TaskBatch>> TaskBatch::decode(
    ShardId shard, std::shared_ptr<const StoredBatch> batch) {
  std::shared_ptr<TaskBatch> taken(new TaskBatch(shard, std::move(batch)));
  BATON_RETURN_IF_ERROR(taken->take_apart());
  return std::shared_ptr<const TaskBatch>(std::move(taken));
}

Result<std::shared_ptr<const TaskBatch>> TaskBatch::check(ShardId shard, Lsn lsn,
                                                          std::string bytes) {
  BATON_ASSIGN_OR_RETURN(StoredBatch stored, check_batch(shard.value(), lsn, std::move(bytes)));
  return decode(shard, std::make_shared<const StoredBatch>(std::move(stored)));
}

std::shared_ptr<const TaskBatch> TaskBatch::salvage(ShardId shard, std::string bytes) {
  // Room for an envelope is needed to find the body; its contents are not used.
  bytes.resize(std::max(bytes.size(), kBatchHeaderBytes + kBatchFooterBytes));
  auto batch = std::make_shared<StoredBatch>();
  batch->bytes = std::move(bytes);
  std::shared_ptr<TaskBatch> taken(new TaskBatch(shard, std::move(batch)));
  // What was taken apart before the first error stays.
  static_cast<void>(taken->take_apart());
  return taken;
}

Status TaskBatch::take_apart() {
  ByteReader in(batch_->body());
  first_ = Offset(in.varint_max(kOffsetMax));
  end_ = first_;
  stored_at_.ms = static_cast<std::int64_t>(in.varint());
  if (!in.ok() || !first_) return malformed("no beginning");
  while (in.remaining() > 0) {
    const std::uint8_t item = in.u8();
    if (item == kTaskRunItem) {
      BATON_RETURN_IF_ERROR(read_run(in));
    } else if (item == kResultItem || item == kTypedResultItem) {
      BATON_RETURN_IF_ERROR(read_result(in, item == kTypedResultItem));
    } else {
      return Status(
          ErrorCode::kUnsupportedVersion,
          "a payload batch has records of a newer Baton (kind " + std::to_string(item) + ")");
    }
  }
  return {};
}

Status TaskBatch::read_run(ByteReader& in) {
  Run run;
  run.first = end_;
  // Each task takes a header at least, so this bounds the work that a wrong count can cause.
  const std::uint64_t count = in.varint_max(in.remaining() / RecordHeader::kBytes);
  run.count = static_cast<std::uint32_t>(count);
  run.attributes = in.sized();
  run.headers = in.position();
  run.first_record = positions_.size();
  ByteReader headers(in.bytes(count * RecordHeader::kBytes));
  if (!in.ok() || count == 0) return malformed("a run of tasks that is cut off");
  std::uint64_t position = in.position();
  for (std::uint64_t i = 0; i < count; ++i) {
    positions_.push_back(static_cast<std::uint32_t>(position));
    position += RecordHeader::read(headers).length;
  }
  in.bytes(position - in.position());
  if (!in.ok()) {
    positions_.resize(run.first_record);
    return malformed("a run of tasks that is cut off");
  }
  runs_.push_back(run);
  end_ = Offset(end_.value() + count);
  return {};
}

Status TaskBatch::read_result(ByteReader& in, bool typed) {
  ResultPlace place;
  place.task = TaskId(in.u64());
  place.token = Token(in.u64());
  place.kind = static_cast<RecordKind>(in.u8());
  if (typed) place.content_type = in.sized();
  place.header = RecordHeader::read(in);
  place.position = in.position();
  in.bytes(place.header.length);
  if (!in.ok()) return malformed("a result that is cut off");
  results_.push_back(place);
  return {};
}

RecordHeader TaskBatch::header_of(const Run& run, std::uint32_t place) const {
  ByteReader in(batch_->body().substr(run.headers + place * RecordHeader::kBytes));
  return RecordHeader::read(in);
}

Result<TaskBatch::TaskRecord> TaskBatch::task(Offset offset) const {
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), offset,
                       [](Offset wanted, const Run& run) { return wanted < run.first; });
  if (!has(offset) || after == runs_.begin()) {
    return Status(ErrorCode::kNotFound, "the batch does not have this task");
  }
  const Run& run = *std::prev(after);
  TaskRecord record;
  record.place_in_run = static_cast<std::uint32_t>(offset.value() - run.first.value());
  record.header = header_of(run, record.place_in_run);
  record.attributes = run.attributes;
  record.payload = batch_->body().substr(positions_[run.first_record + record.place_in_run],
                                         record.header.length);
  const TaskId task(shard_, offset);
  if (!record.header.fits_task(task, record.payload)) {
    return Status(ErrorCode::kDataLoss, "the payload of task " + to_string(task) + " is damaged");
  }
  return record;
}

Result<TaskBatch::ResultView> TaskBatch::result(TaskId task, Token token, RecordKind kind) const {
  for (auto found = results_.rbegin(); found != results_.rend(); ++found) {
    const ResultPlace& place = *found;
    if (place.task != task || place.token != token || place.kind != kind) continue;
    const std::string_view bytes = batch_->body().substr(place.position, place.header.length);
    if (place.header.fits_result(place.owner(), bytes))
      return ResultView{bytes, place.content_type};
    return Status(ErrorCode::kDataLoss, "the result of task " + to_string(task) + " is damaged");
  }
  return Status(ErrorCode::kNotFound, "the batch does not have this result");
}

Result<std::vector<StoredRun>> TaskBatch::runs(Offset from, std::size_t tasks_max) const {
  std::vector<StoredRun> found;
  for (const Run& run : runs_) {
    const std::uint64_t skipped =
        from > run.first ? std::min<std::uint64_t>(from.value() - run.first.value(), run.count) : 0;
    const std::uint64_t count = std::min<std::uint64_t>(run.count - skipped, tasks_max);
    if (count == 0) continue;
    tasks_max -= count;
    StoredRun stored;
    stored.first = Offset(run.first.value() + skipped);
    stored.count = static_cast<std::uint32_t>(count);
    BATON_ASSIGN_OR_RETURN(stored.attributes, decode_attributes(run.attributes));
    if (stored.attributes.producer) {
      stored.attributes.seq = ProducerSeq(stored.attributes.seq.value() + skipped);
    }
    stored.stored_at = stored_at_;
    stored.content_hash.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      const RecordHeader header = header_of(run, static_cast<std::uint32_t>(skipped + i));
      stored.content_hash.push_back(content_hash(header.payload_crc, header.length));
      stored.crc_last = header.record_crc;
    }
    found.push_back(std::move(stored));
  }
  return found;
}

}  // namespace baton::manager
