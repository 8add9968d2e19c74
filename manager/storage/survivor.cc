#include "manager/storage/survivor.h"

#include "common/base/bytes.h"
#include "common/storage/batch_envelope.h"
#include "common/storage/small_record.h"
#include "manager/storage/payload_keys.h"

namespace baton::manager {
namespace {

constexpr std::uint8_t kVersion = 1;
// Of a result that has a content type.
constexpr std::uint8_t kTypedVersion = 2;

Status damaged(TaskId task) {
  return Status(ErrorCode::kDataLoss, "the kept record of task " + to_string(task) + " is damaged");
}

std::string_view envelope_of(const TaskBatch& batch) {
  return std::string_view(batch.stored().bytes).substr(0, kBatchHeaderBytes);
}

}  // namespace

Result<std::string> encode_survivor(ShardId shard, Offset offset, const TaskBatch& batch) {
  BATON_ASSIGN_OR_RETURN(const TaskBatch::TaskRecord record, batch.task(offset));
  std::string body;
  ByteWriter out(body);
  out.bytes(envelope_of(batch));
  out.varint(record.place_in_run);
  out.sized(record.attributes);
  record.header.write(out);
  out.bytes(record.payload);
  return seal_record(survivor_key(shard, offset), kVersion, body);
}

Result<Survivor> decode_survivor(ShardId shard, Offset offset, std::string_view value) {
  const TaskId task(shard, offset);
  BATON_ASSIGN_OR_RETURN(const std::string_view body,
                         open_record(survivor_key(shard, offset), value, kVersion,
                                     "the kept record of task " + to_string(task)));
  ByteReader in(body);
  in.bytes(kBatchHeaderBytes);
  in.varint();
  Survivor survivor;
  survivor.attributes = in.sized();
  survivor.header = RecordHeader::read(in);
  const std::string_view payload = in.bytes(survivor.header.length);
  if (!in.at_end() || !survivor.header.fits_task(task, payload)) return damaged(task);
  survivor.payload = payload;
  return survivor;
}

Result<std::string> encode_result_survivor(ShardId shard, const ResultRecordId& id,
                                           const TaskBatch& batch) {
  BATON_ASSIGN_OR_RETURN(const TaskBatch::ResultView result,
                         batch.result(id.task, id.token, id.kind));
  std::string body;
  ByteWriter out(body);
  out.bytes(envelope_of(batch));
  out.u8(static_cast<std::uint8_t>(id.kind));
  const bool typed = !result.content_type.empty();
  if (typed) out.sized(result.content_type);
  RecordHeader::of_result({id.task, id.token, id.kind, result.content_type}, result.bytes)
      .write(out);
  out.bytes(result.bytes);
  return seal_record(result_survivor_key(shard, id), typed ? kTypedVersion : kVersion, body);
}

Result<ResultContent> decode_result_survivor(ShardId shard, const ResultRecordId& id,
                                             std::string_view value) {
  BATON_ASSIGN_OR_RETURN(const std::string_view body,
                         open_record(result_survivor_key(shard, id), value, kTypedVersion,
                                     "the kept result of task " + to_string(id.task)));
  const bool typed = static_cast<std::uint8_t>(value.front()) == kTypedVersion;
  ByteReader in(body);
  in.bytes(kBatchHeaderBytes);
  const auto kind = static_cast<RecordKind>(in.u8());
  const std::string_view content_type = typed ? in.sized() : std::string_view();
  const RecordHeader header = RecordHeader::read(in);
  const std::string_view bytes = in.bytes(header.length);
  if (!in.at_end() || kind != id.kind ||
      !header.fits_result({id.task, id.token, kind, content_type}, bytes)) {
    return damaged(id.task);
  }
  return ResultContent{std::string(bytes), std::string(content_type)};
}

}  // namespace baton::manager
