// CreatedReporter: tells the ledger what a shard has stored, in order and without a gap (R1, R3).
//
// Durable runs come in, batches of `created` go out, answers move created_hi. At most four batches
// of 4,096 tasks are in flight. What the ledger has not confirmed is kept in memory up to 64 k
// tasks; beyond that it is re-read from the log. After the channel was lost everything above
// created_hi is sent again.
//
// Invariant: memory holds the runs of [memory_begin, memory_end), created_hi <= memory_end <=
// stored_end; everything in [memory_end, stored_end) is in the log only.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/limits.h"
#include "common/base/task_options.h"
#include "common/base/time.h"

namespace baton::manager {

// Consecutive tasks with the same attributes.
struct ReportRun {
  Offset first;
  std::uint32_t count = 0;
  std::string queue;
  // Without key and type, which the ledger does not need: a hash of the key follows.
  TaskOptions options;
  Uuid key_hash;  // with an idempotency key the run is one task; all zero: none
  ProducerId producer;
  ProducerSeq seq;  // of the first
  ProducerSeq resolved_below;
  bool waits = false;
  bool only_waits = false;  // by its nature, not because it was moved
  bool is_void = false;
  std::vector<ShardId> maybe_at;
  std::vector<std::uint64_t> content_hash;   // one per task where `waits`
  std::vector<std::uint32_t> payload_bytes;  // one for all, or one per task; none: not known
  std::uint32_t crc_last = 0;                // record CRC32C of the last task
  WallTime stored_at;
  bool unreadable = false;  // damaged: nothing else is known, the ledger quarantines them

  [[nodiscard]] Offset end() const { return Offset(first.value() + count); }
};

struct CreatedBatch {
  std::uint64_t id = 0;
  Offset from;
  Offset end;
  std::vector<ReportRun> runs;
};

class CreatedReporter {
 public:
  struct Options {
    std::size_t tasks_in_memory_max = 65'536;
    std::size_t batches_in_flight_max = 4;
    std::size_t batch_tasks_max = kCreatedTasksMax;
    std::size_t batch_runs_max = 1024;  // keeps the frame below its limit
  };

  // `life_start`: next_offset when this life of the process opened the shard. Older records that
  // waited for the ledger are reported as void: nobody was told that they exist (R6).
  CreatedReporter(Offset life_start, Options options);
  explicit CreatedReporter(Offset life_start) : CreatedReporter(life_start, Options{}) {}

  // The shard is registered (or registered again after the channel was lost) and the ledger knows
  // everything below created_hi. It cannot know more than is stored: a larger number counts as
  // that.
  void start(Offset created_hi);
  // The channel is gone. Nothing leaves until start().
  void stop();

  // REQUIRES: in order of offset, without a gap, durable, by this life.
  void stored(ReportRun run);

  // The next batch to send, or nothing now.
  std::optional<CreatedBatch> next_batch();

  // What must be read from the log before reporting can go on; at most one scan at a time.
  struct Scan {
    Offset from;
    std::size_t tasks_max = 0;
  };
  std::optional<Scan> next_scan();
  // What the log held from the scan's `from` on.
  void scanned(std::vector<ReportRun> runs);

  // The ledger's answer to a batch. A refused one (a gap, or another epoch) is sent again from the
  // created_hi that it named, once all others in flight are answered.
  void accepted(std::uint64_t batch, Offset created_hi);
  void refused(std::uint64_t batch, Offset created_hi);
  // Twice refused at the same place: not a gap that sending again could close. Register again.
  [[nodiscard]] bool stuck() const { return refusals_ >= 2; }

  // The ledger gave queue names ids (never reused): runs may carry them instead.
  void learn_queue(const std::string& name, QueueId id);
  [[nodiscard]] QueueId find_queue(const std::string& name) const;

  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] Offset created_hi() const { return created_hi_; }
  [[nodiscard]] Offset stored_end() const { return stored_end_; }
  [[nodiscard]] std::uint64_t lag() const { return stored_end_.value() - created_hi_.value(); }
  [[nodiscard]] std::size_t tasks_in_memory() const { return tasks_in_memory_; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }

 private:
  void append(ReportRun run);
  bool merge(const ReportRun& run);
  void drop_reported();
  void settle_refusal();
  [[nodiscard]] Offset memory_end() const;

  const Offset life_start_;
  const Options options_;

  bool running_ = false;
  Offset created_hi_{1};
  Offset sent_{1};        // next offset to send
  Offset stored_end_{1};  // first offset that is not stored and durable
  std::deque<ReportRun> runs_;
  std::size_t tasks_in_memory_ = 0;
  Offset scan_from_{1};  // memory_end while runs_ is empty
  bool scanning_ = false;
  bool scan_is_stale_ = false;

  std::uint64_t next_id_ = 1;
  std::deque<std::uint64_t> in_flight_;
  bool rewind_ = false;
  int refusals_ = 0;

  std::map<std::string, QueueId, std::less<>> queues_;
};

}  // namespace baton::manager
