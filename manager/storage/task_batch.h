// TaskBatch: a payload batch taken apart, so that single records are found in it without copying.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/batch_reader.h"
#include "manager/storage/log_store.h"
#include "manager/storage/record_codec.h"

namespace baton::manager {

class TaskBatch {
 public:
  // A task's record, checked when it was found.
  struct TaskRecord {
    RecordHeader header;
    std::string_view payload;     // points into the batch
    std::string_view attributes;  // the block of its run, whose seq is that of the run's first task
    std::uint32_t place_in_run = 0;
  };
  struct ResultPlace {
    TaskId task;
    Token token;
    RecordKind kind = RecordKind::kResult;
    std::string_view content_type;  // points into the batch
    RecordHeader header;
    std::size_t position = 0;

    [[nodiscard]] ResultOwner owner() const { return {task, token, kind, content_type}; }
  };
  // Both point into the batch.
  struct ResultView {
    std::string_view bytes;
    std::string_view content_type;
  };

  // data_loss when the body is malformed, unsupported_version when a newer Baton wrote it.
  static Result<std::shared_ptr<const TaskBatch>> decode(ShardId shard,
                                                         std::shared_ptr<const StoredBatch> batch);
  // The same of bytes that were stored as batch `lsn`, which need not be true.
  static Result<std::shared_ptr<const TaskBatch>> check(ShardId shard, Lsn lsn, std::string bytes);
  // What can be told apart of a batch whose checksum is wrong: up to the first thing that makes no
  // sense. Each record still proves itself when it is found.
  static std::shared_ptr<const TaskBatch> salvage(ShardId shard, std::string bytes);

  [[nodiscard]] const StoredBatch& stored() const { return *batch_; }
  [[nodiscard]] Offset first() const { return first_; }
  [[nodiscard]] Offset end() const { return end_; }
  [[nodiscard]] bool has(Offset offset) const { return offset >= first_ && offset < end_; }
  [[nodiscard]] const std::vector<ResultPlace>& results() const { return results_; }

  // not_found when the batch does not have it, data_loss when its bytes are damaged.
  [[nodiscard]] Result<TaskRecord> task(Offset offset) const;
  // The last one of that name: a later checkpoint of a claim replaces the earlier one.
  [[nodiscard]] Result<ResultView> result(TaskId task, Token token, RecordKind kind) const;
  // The runs from `from` on, at most `tasks_max` tasks.
  [[nodiscard]] Result<std::vector<StoredRun>> runs(Offset from, std::size_t tasks_max) const;

 private:
  struct Run {
    Offset first;
    std::uint32_t count = 0;
    std::string_view attributes;
    std::size_t headers = 0;       // position of its first header
    std::size_t first_record = 0;  // index into positions_ of its first payload
  };

  explicit TaskBatch(ShardId shard, std::shared_ptr<const StoredBatch> batch)
      : shard_(shard), batch_(std::move(batch)) {}
  Status take_apart();
  Status read_run(ByteReader& in);
  Status read_result(ByteReader& in, bool typed);
  [[nodiscard]] RecordHeader header_of(const Run& run, std::uint32_t place) const;

  const ShardId shard_;
  const std::shared_ptr<const StoredBatch> batch_;
  Offset first_;
  Offset end_;
  WallTime stored_at_;
  std::vector<Run> runs_;
  std::vector<std::uint32_t> positions_;  // of each payload in the body
  std::vector<ResultPlace> results_;
};

// True when a read's outcome means that the record is damaged or gone, and not only out of reach
// for now, or not looked for.
inline bool is_lost(const Status& read) {
  return !read.ok() && read.code() != ErrorCode::kUnavailable &&
         read.code() != ErrorCode::kRetryLater;
}

}  // namespace baton::manager
