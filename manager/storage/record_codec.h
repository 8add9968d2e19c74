// The records inside a payload batch: how tasks and results are written.
//
//   batch body  prologue, items
//   prologue    first offset varint | stored at, wall milliseconds, varint
//   item        1, task run:  count varint | attribute block, sized | count task headers | payloads
//               2, result:    task u64 | token u64 | kind u8 | header | bytes
//               3, the same with a content type:
//                             task u64 | token u64 | kind u8 | content type, sized | header | bytes
//   header      length u32 | CRC32C of the payload u32 | record CRC u32
// The record CRC binds length and payload CRC to the task (or task, token, kind and content type), so
// that a record proves by itself whose it is, wherever it is copied to. Attributes are written once
// per run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/record_kind.h"
#include "common/base/status.h"
#include "common/base/time.h"
#include "manager/storage/log_store.h"

namespace baton::manager {

inline constexpr std::uint8_t kTaskRunItem = 1;
inline constexpr std::uint8_t kResultItem = 2;
inline constexpr std::uint8_t kTypedResultItem = 3;

// What a record of a claim is named by, and what its CRC covers besides the bytes.
struct ResultOwner {
  TaskId task;
  Token token;
  RecordKind kind = RecordKind::kResult;
  std::string_view content_type{};
};

struct RecordHeader {
  static constexpr std::size_t kBytes = 12;

  std::uint32_t length = 0;
  std::uint32_t payload_crc = 0;
  std::uint32_t record_crc = 0;

  static RecordHeader of_task(TaskId task, std::string_view payload);
  static RecordHeader of_result(const ResultOwner& owner, std::string_view bytes);
  void write(ByteWriter& out) const;
  static RecordHeader read(ByteReader& in);
  // True when this is the header of exactly these bytes and this task.
  [[nodiscard]] bool fits_task(TaskId task, std::string_view payload) const;
  [[nodiscard]] bool fits_result(const ResultOwner& owner, std::string_view bytes) const;

  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

void write_prologue(std::string& body, Offset first, WallTime stored_at);
// Appends a run of tasks with consecutive offsets from `first`; returns their headers.
std::vector<RecordHeader> write_task_run(std::string& body, ShardId shard, Offset first,
                                         const TaskAttributes& attributes,
                                         std::span<const std::string_view> payloads);
void write_result(std::string& body, const ResultRecord& result);

// The attribute block: fields of {tag u8, sized value}; docs/storage-format.md has the tags.
std::string encode_attributes(const TaskAttributes& attributes);
// data_loss when it is malformed, unsupported_version for a tag of a newer Baton.
Result<TaskAttributes> decode_attributes(std::string_view block);
// The options alone, for a delivery.
Result<TaskOptions> decode_options(std::string_view block);

}  // namespace baton::manager
