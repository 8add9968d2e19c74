#include "manager/storage/record_codec.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/crc32c.h"
#include "common/base/limits.h"
#include "manager/storage/option_codec.h"

namespace baton::manager {
namespace {

enum Tag : std::uint8_t { kQueue = 1, kPriority = 2, kProducer = 3, kFlags = 4, kMaybeAt = 5 };

constexpr std::uint64_t kFlagWaits = 1;
constexpr std::uint64_t kFlagWithCompletion = 2;
// Waits by its nature and was not moved; records without it are older, and all that waits is moved.
constexpr std::uint64_t kFlagOnlyWaits = 8;
constexpr std::uint64_t kFlagsKnown = kFlagWaits | kFlagWithCompletion | kFlagOnlyWaits;
// Far above what is accepted, so that a record stays readable when that becomes less one day.
constexpr std::uint64_t kMaybeAtReadMax = 1024;

// What the record CRC covers besides the payload's own CRC.
std::uint32_t record_crc_of(std::string_view owner, std::uint32_t length,
                            std::uint32_t payload_crc) {
  std::string numbers;
  ByteWriter out(numbers);
  out.u32(length);
  out.u32(payload_crc);
  return crc32c_extend(crc32c(owner), numbers);
}

std::uint32_t bind_task(TaskId task, std::uint32_t length, std::uint32_t payload_crc) {
  std::string owner;
  ByteWriter(owner).u64(task.value());
  return record_crc_of(owner, length, payload_crc);
}

std::uint32_t bind_result(const ResultOwner& owner, std::uint32_t length,
                          std::uint32_t payload_crc) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u64(owner.task.value());
  out.u64(owner.token.value());
  out.u8(static_cast<std::uint8_t>(owner.kind));
  out.bytes(owner.content_type);
  return record_crc_of(bytes, length, payload_crc);
}

void field(ByteWriter& out, Tag tag, std::string_view value) {
  out.u8(tag);
  out.sized(value);
}

void number_field(ByteWriter& out, Tag tag, std::uint64_t value) {
  std::string bytes;
  ByteWriter(bytes).varint(value);
  field(out, tag, bytes);
}

std::uint64_t flags_of(const TaskAttributes& attributes) {
  std::uint64_t flags = 0;
  if (attributes.waits) flags |= kFlagWaits;
  if (attributes.waits && !attributes.moved) flags |= kFlagOnlyWaits;
  if (attributes.options.with_completion) flags |= kFlagWithCompletion;
  return flags;
}

Status malformed() {
  return Status(ErrorCode::kDataLoss, "the attributes of a task are malformed");
}

Status read_field(std::uint8_t tag, std::string_view value, TaskAttributes& attributes) {
  ByteReader in(value);
  switch (tag) {
    case kQueue:
      attributes.queue = in.bytes(value.size());
      break;
    case kPriority:
      attributes.options.priority = static_cast<std::uint32_t>(in.varint_max(kPriorityMax));
      break;
    case kProducer:
      attributes.producer = ProducerId(in.uuid());
      attributes.seq = ProducerSeq(in.varint());
      break;
    case kFlags: {
      const std::uint64_t flags = in.varint();
      if ((flags & ~kFlagsKnown) != 0) {
        return Status(ErrorCode::kUnsupportedVersion, "a task has flags of a newer Baton");
      }
      attributes.waits = (flags & kFlagWaits) != 0;
      attributes.moved = attributes.waits && (flags & kFlagOnlyWaits) == 0;
      attributes.options.with_completion = (flags & kFlagWithCompletion) != 0;
      break;
    }
    case kMaybeAt: {
      const std::uint64_t count = in.varint_max(kMaybeAtReadMax);
      for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
        attributes.maybe_at.emplace_back(static_cast<std::uint32_t>(in.varint_max(kShardIdMax)));
      }
      break;
    }
    default:
      if (tag >= kOptionTagFirst && tag <= kOptionTagLast) {
        BATON_RETURN_IF_ERROR(read_option(tag, in, attributes.options));
        break;
      }
      return Status(ErrorCode::kUnsupportedVersion,
                    "a task has attributes of a newer Baton (tag " + std::to_string(tag) + ")");
  }
  return in.at_end() ? Status() : malformed();
}

}  // namespace

RecordHeader RecordHeader::of_task(TaskId task, std::string_view payload) {
  BATON_CHECK(payload.size() <= kPayloadBytesHardMax);
  const auto length = static_cast<std::uint32_t>(payload.size());
  const std::uint32_t crc = crc32c(payload);
  return {length, crc, bind_task(task, length, crc)};
}

RecordHeader RecordHeader::of_result(const ResultOwner& owner, std::string_view bytes) {
  BATON_CHECK(bytes.size() <= kPayloadBytesHardMax);
  const auto length = static_cast<std::uint32_t>(bytes.size());
  const std::uint32_t crc = crc32c(bytes);
  return {length, crc, bind_result(owner, length, crc)};
}

void RecordHeader::write(ByteWriter& out) const {
  out.u32(length);
  out.u32(payload_crc);
  out.u32(record_crc);
}

RecordHeader RecordHeader::read(ByteReader& in) {
  RecordHeader header;
  header.length = in.u32();
  header.payload_crc = in.u32();
  header.record_crc = in.u32();
  return header;
}

bool RecordHeader::fits_task(TaskId task, std::string_view payload) const {
  return payload.size() == length && record_crc == bind_task(task, length, payload_crc) &&
         crc32c(payload) == payload_crc;
}

bool RecordHeader::fits_result(const ResultOwner& owner, std::string_view bytes) const {
  return bytes.size() == length && record_crc == bind_result(owner, length, payload_crc) &&
         crc32c(bytes) == payload_crc;
}

void write_prologue(std::string& body, Offset first, WallTime stored_at) {
  ByteWriter out(body);
  out.varint(first.value());
  out.varint(static_cast<std::uint64_t>(stored_at.ms));
}

std::vector<RecordHeader> write_task_run(std::string& body, ShardId shard, Offset first,
                                         const TaskAttributes& attributes,
                                         std::span<const std::string_view> payloads) {
  ByteWriter out(body);
  out.u8(kTaskRunItem);
  out.varint(payloads.size());
  out.sized(encode_attributes(attributes));
  std::vector<RecordHeader> headers;
  headers.reserve(payloads.size());
  Offset offset = first;
  for (const std::string_view payload : payloads) {
    headers.push_back(RecordHeader::of_task(TaskId(shard, offset), payload));
    headers.back().write(out);
    offset = offset.next();
  }
  for (const std::string_view payload : payloads) out.bytes(payload);
  return headers;
}

void write_result(std::string& body, const ResultRecord& result) {
  ByteWriter out(body);
  out.u8(result.content_type.empty() ? kResultItem : kTypedResultItem);
  out.u64(result.task.value());
  out.u64(result.token.value());
  out.u8(static_cast<std::uint8_t>(result.kind));
  if (!result.content_type.empty()) out.sized(result.content_type);
  const ResultOwner owner{result.task, result.token, result.kind, result.content_type};
  RecordHeader::of_result(owner, result.bytes).write(out);
  out.bytes(result.bytes);
}

std::string encode_attributes(const TaskAttributes& attributes) {
  std::string block;
  ByteWriter out(block);
  field(out, kQueue, attributes.queue);
  number_field(out, kPriority, attributes.options.priority);
  if (attributes.producer) {
    std::string producer;
    ByteWriter value(producer);
    value.uuid(attributes.producer);
    value.varint(attributes.seq.value());
    field(out, kProducer, producer);
  }
  if (const std::uint64_t flags = flags_of(attributes); flags != 0) {
    number_field(out, kFlags, flags);
  }
  if (!attributes.maybe_at.empty()) {
    std::string shards;
    ByteWriter value(shards);
    value.varint(attributes.maybe_at.size());
    for (const ShardId shard : attributes.maybe_at) value.varint(shard.value());
    field(out, kMaybeAt, shards);
  }
  const std::size_t before = block.size();
  write_options(out, attributes.options);
  if (block.size() > before || attributes.options.with_completion) {
    std::string crc;
    ByteWriter(crc).u32(crc32c(block));
    out.u8(kBlockCrcTag);
    out.sized(crc);
  }
  return block;
}

Result<TaskAttributes> decode_attributes(std::string_view block) {
  TaskAttributes attributes;
  ByteReader in(block);
  while (in.ok() && in.remaining() > 0) {
    const std::string_view before = block.substr(0, in.position());
    const std::uint8_t tag = in.u8();
    const std::string_view value = in.sized();
    if (!in.ok()) break;
    if (tag == kBlockCrcTag) {
      ByteReader crc(value);
      if (crc.u32() != crc32c(before) || !crc.at_end() || in.remaining() > 0) return malformed();
      continue;
    }
    BATON_RETURN_IF_ERROR(read_field(tag, value, attributes));
  }
  if (!in.at_end()) return malformed();
  return attributes;
}

Result<TaskOptions> decode_options(std::string_view block) {
  BATON_ASSIGN_OR_RETURN(TaskAttributes attributes, decode_attributes(block));
  return std::move(attributes.options);
}

}  // namespace baton::manager
