// BatchLog: a log of numbered, chained batches in a KvStore, with group commit.
//
// What is added gathers in the open batch; a batch is closed and written with one sync as soon as
// no sync is in flight (commit_pacer.h has the exact rule, R25). Batch numbers (lsn) start at 1,
// have no gaps, and go on over restarts; each open raises the epoch.
//
// Everything happens on the Loop except the sync and cold reads, which may happen on the Worker.
// Every callback is a posted event, never a call from inside a method. After any write or sync
// error the log is stopped for good (I15). Destroying it waits for a job that runs on the Worker;
// callbacks not yet made are dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/loop.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/storage/batch_log_meta.h"
#include "common/storage/batch_reader.h"
#include "common/storage/commit_pacer.h"
#include "common/storage/job_gate.h"
#include "common/storage/kv_store.h"

namespace baton {

class BatchLog {
 public:
  struct Options {
    std::uint32_t log = 0;  // shard id of a payload log, 0 for the ledger's log
    SyncMode sync_mode = SyncMode::kAdaptive;
    std::uint32_t batch_records_max = 1024;
    // A single larger record is a batch of its own.
    std::size_t batch_bytes_max = std::size_t{1} << 20;
    // What is verified again at the next open: at most this.
    std::size_t checkpoint_bytes = std::size_t{4} << 20;
    // Of recent batches.
    std::size_t cache_bytes = std::size_t{8} << 20;
    // Called when a checkpoint is taken with batch `last`, on the loop: what is put into `changes`
    // becomes durable together with that batch.
    std::function<void(Lsn last, KvBatch& changes)> on_checkpoint;
  };

  // Verifies the chain from the last checkpoint to the end, handing each batch to `on_tail` in
  // order; data_loss, naming the batch, when one is missing, damaged or foreign. Then raises the
  // epoch and draws a new life, both synced. Blocks. `loop`, `worker` and `store` outlive the log.
  static Result<std::unique_ptr<BatchLog>> open(Loop& loop, Worker& worker, KvStore& store,
                                                Random& random, Options options,
                                                const BatchReader::Visit& on_tail);
  ~BatchLog();
  BatchLog(const BatchLog&) = delete;
  BatchLog& operator=(const BatchLog&) = delete;

  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] Life life() const { return life_; }
  // First that is kept; last + 1 when none is.
  [[nodiscard]] Lsn first_lsn() const { return first_; }
  // Last that has anything in it, durable or not.
  [[nodiscard]] Lsn last_lsn() const { return last_; }
  // Last that is synced.
  [[nodiscard]] Lsn durable_lsn() const { return durable_; }
  [[nodiscard]] const Status& failure() const { return failure_; }

  // Called once, posted, after the first failure, also one that LevelDB met in the background. Set
  // before the first gather().
  void set_on_failed(std::function<void(const Status&)> on_failed) {
    on_failed_ = std::move(on_failed);
  }

  // The batch to add to. Append `bytes` to `body` before returning to the loop and before the next
  // call; `body` may already hold what was gathered before (`fresh` is true when it holds nothing
  // yet). Commits by itself.
  struct Gathering {
    Lsn lsn;
    std::string& body;
    bool fresh;
  };
  Gathering gather(std::uint32_t records, std::size_t bytes);
  // The next gather() starts a batch of its own. For a log with one entry a batch.
  void close_batch();

  // Posts `done(ok)` once batch `lsn` is durable, in order of lsn; the failure (unavailable) after
  // one.
  using Done = std::function<void(Status)>;
  void when_durable(Lsn lsn, Done done);

  // Posts the batch, from memory if it is recent; not_found when it is not durable yet or was cut
  // off, data_loss when it is damaged.
  void read(Lsn lsn, std::function<void(Result<StoredBatch>)> done);
  // The batch if it is durable and still in memory, else null.
  [[nodiscard]] std::shared_ptr<const StoredBatch> cached(Lsn lsn) const;
  // Reads stored batches, also from a job on the Worker. Blocks.
  [[nodiscard]] const BatchReader& reader() const { return reader_; }

  // Forgets every batch below `first_kept`, which must be durable or the next one. `changes` become
  // durable together with the new front; the batches go after that. Posts `done` when all is
  // synced.
  void truncate_front(Lsn first_kept, KvBatch changes, Done done);

 private:
  struct OpenBatch {
    std::string bytes;  // room for the header, then the body
    std::uint32_t records = 0;
  };
  struct Commit;

  BatchLog(Loop& loop, Worker& worker, KvStore& store, Options options);
  void restore(const LogState& state);
  Status start_epoch(const LogEpoch& last, Random& random);

  void schedule_commit();
  void commit_when_due();
  void seal_open_batch();
  void start_commit(std::uint32_t records);
  void finish_commit(const Commit& commit, const Status& outcome, Duration took);
  void stop(const Status& failure);
  void release(std::multimap<Lsn, Done> waiters, const Status& outcome);
  void remember(std::shared_ptr<const StoredBatch> batch);
  Status remove_batches(Lsn from, Lsn to);

  Loop& loop_;
  Worker& worker_;
  KvStore& store_;
  const Options options_;
  const BatchReader reader_;

  Epoch epoch_;
  Life life_;
  Lsn first_{1};
  Lsn last_;
  Lsn durable_;
  Status failure_;
  std::function<void(const Status&)> on_failed_;

  // open_ is batch last_ while it has records; sealed batches wait in pending_ for the next commit.
  OpenBatch open_;
  std::unique_ptr<Commit> pending_;
  std::uint32_t chain_ = 0;           // CRC of the last sealed batch
  std::size_t since_checkpoint_ = 0;  // bytes sealed since then

  // At most one commit is in flight, and at most one is posted or on the timer.
  CommitPacer pacer_;
  bool commit_in_flight_ = false;
  bool commit_posted_ = false;
  Loop::TimerId commit_timer_ = 0;

  std::multimap<Lsn, Done> waiters_;
  std::map<Lsn, std::shared_ptr<const StoredBatch>> cache_;
  std::size_t cache_bytes_ = 0;
  JobGate gate_;  // last: closes before anything above goes
};

}  // namespace baton
