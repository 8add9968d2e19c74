// LogStore: the payload log of one shard, as everything above sees it.
//
// Appends gather into the current batch; a batch is one write and one sync. Completion is always a
// posted event, never a call inside append (R25). Any write or sync error stops the store for good:
// every later callback gets the same unavailable status and on_failed was posted once (I15).
//
// PayloadLog (payload_log.h) is the durable one. All calls and callbacks happen on the node's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/limits.h"
#include "common/base/record_kind.h"
#include "common/base/status.h"
#include "common/base/task_options.h"
#include "common/base/time.h"

namespace baton::manager {

// What tasks that are produced together share. Empty `producer`: not part of a producer's sequence.
struct TaskAttributes {
  std::string queue;
  // As they were asked for, but for the delay, which was turned into not_before.
  TaskOptions options;
  ProducerId producer;
  ProducerSeq seq;     // of the first task of the run
  bool waits = false;  // confirmed only by the ledger
  bool moved = false;  // waits because it may have been stored at another shard, too (R5)
  std::vector<ShardId> maybe_at;

  friend bool operator==(const TaskAttributes&, const TaskAttributes&) = default;
};

// Consecutive stored tasks with the same attributes, without their payloads.
struct StoredRun {
  Offset first;
  std::uint32_t count = 0;
  TaskAttributes attributes;
  std::vector<std::uint64_t> content_hash;  // one per task
  std::uint32_t crc_last = 0;               // record CRC32C of the last task
  WallTime stored_at;
  bool unreadable = false;  // damaged: offsets are all that is known of these tasks
};

// What a stored task is made of, for who delivers or copies it.
struct StoredTask {
  std::string payload;
  TaskOptions options;
};

struct ResultRecord {
  TaskId task;
  Token token;
  RecordKind kind = RecordKind::kResult;
  std::string bytes;
  std::string content_type{};  // empty: not said
};

struct ResultContent {
  std::string bytes;
  std::string content_type;
};

struct ResultRecordId {
  TaskId task;
  Token token;
  RecordKind kind = RecordKind::kResult;
  Lsn lsn;

  friend bool operator==(const ResultRecordId&, const ResultRecordId&) = default;
};

// A closed stretch of the log, the unit of garbage collection (R17).
struct Stretch {
  Lsn first;
  Lsn last;
  Offset from;  // tasks [from, to)
  Offset to;
  std::uint64_t bytes = 0;
  std::vector<ResultRecordId> results;
};

class LogStore {
 public:
  struct Appended {
    Lsn lsn;       // of the batch
    Offset first;  // of the first task
    std::vector<std::uint64_t> content_hash;
    std::uint32_t crc_last = 0;  // record CRC32C of the last task: what `created` reports
  };

  virtual ~LogStore() = default;

  [[nodiscard]] virtual ShardId shard() const = 0;
  // Raised and synced by this open, together with a new life.
  [[nodiscard]] virtual Epoch epoch() const = 0;
  [[nodiscard]] virtual Life life() const = 0;
  [[nodiscard]] virtual Offset next_offset() const = 0;  // of the next task appended
  [[nodiscard]] virtual Offset durable_end() const = 0;  // first offset that is not durable
  [[nodiscard]] virtual Lsn durable_lsn() const = 0;

  // Called once, before the first append.
  virtual void set_on_failed(std::function<void(const Status&)> on_failed) = 0;

  // Assigns the next offsets. The payloads are copied before the call returns.
  virtual Appended append_tasks(const TaskAttributes& attributes,
                                std::span<const std::string_view> payloads) = 0;
  virtual Lsn append_result(const ResultRecord& result) = 0;
  // Posts `done(ok)` once the batch is durable, in order of lsn; `done(unavailable)` after a
  // failure.
  virtual void when_durable(Lsn lsn, std::function<void(Status)> done) = 0;

  // Tasks by offset, in the order asked; not_found, or data_loss for a damaged record (never its
  // bytes). Reading ends with the payload that reaches `bytes_max`: what is left is retry_later.
  using Tasks = std::vector<Result<StoredTask>>;
  virtual void read_tasks(std::vector<Offset> offsets, std::size_t bytes_max,
                          std::function<void(Tasks)> done) = 0;
  virtual void read_record(const ResultRecordId& id,
                           std::function<void(Result<ResultContent>)> done) = 0;
  // The same, of their bytes alone.
  using Payloads = std::vector<Result<std::string>>;
  void read(std::vector<Offset> offsets, std::size_t bytes_max, std::function<void(Payloads)> done);
  void read_result(const ResultRecordId& id, std::function<void(Result<std::string>)> done);

  // What was stored from `from` on, at most `tasks_max` tasks, only durable ones, without a gap: for
  // reporting it again. Ends in front of a damaged batch; when `from` itself is in one, a single
  // unreadable run tells how far the damage goes. conflict when `from` was collected (the ledger
  // knew it).
  virtual void scan(Offset from, std::size_t tasks_max,
                    std::function<void(Result<std::vector<StoredRun>>)> done) = 0;
  // The record CRC32C of a stored task.
  virtual void record_crc(Offset offset, std::function<void(Result<std::uint32_t>)> done) = 0;

  // The plain records a producer might repeat, in log order: for rebuilding the dedup table (R5).
  // At start. unavailable when something could not be read that may be whole: the table would lack
  // it, and a repetition be stored twice.
  virtual Status recent_runs(std::function<void(const StoredRun&)> visit) = 0;

  // Offsets found damaged or missing since open, at start or in the background; each is told once.
  virtual std::vector<Offset> take_damaged() = 0;

  // The first tasks at or above `from` of a stretch that was collected, but for what was left of it.
  struct Dropped {
    Offset from;  // tasks [from, to)
    Offset to;
  };
  [[nodiscard]] virtual std::optional<Dropped> next_dropped(Offset from) const = 0;
  // The ledger calls these tasks live: those that were dropped are missing, and told as such.
  virtual void note_live(Offset first, std::uint64_t count) = 0;

  // Closed, durable stretches that begin with a batch that is `wanted`, the oldest first: those that
  // were not collected, then those of which something survived, since that ends some day too.
  using Wanted = std::function<bool(Lsn first)>;
  [[nodiscard]] virtual std::vector<Stretch> closed_stretches(std::size_t max,
                                                              const Wanted& wanted) const = 0;
  [[nodiscard]] std::vector<Stretch> closed_stretches(std::size_t max) const {
    return closed_stretches(max, [](Lsn) { return true; });
  }
  // Drops a stretch but for its live tasks and results, which are copied with their original
  // envelope and synced first. `live` and `live_results` come from the ledger; whether so little
  // lives that copying it pays is the caller's to decide.
  virtual void collect(const Stretch& stretch, std::vector<Offset> live,
                       std::vector<ResultRecordId> live_results,
                       std::function<void(Status)> done) = 0;
};

}  // namespace baton::manager
