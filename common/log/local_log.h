// LocalLog: the ReplicatedLog with one voter, on this machine's disk.
//
// Each entry is one batch of a BatchLog (its number is the entry's index, its epoch the term), so
// envelope, chain and group commit are those of BatchLog (R23): what is proposed while a sync is in
// flight shares the next one. Each start is a term of its own, raised and synced by opening the
// log. Snapshots are files beside the store; a key in the store names the current one and changes
// in the same write that cuts the log.
//
// Like a log with several voters it hands out an entry only when it is committed, and may end its
// leadership: here only by failing, which ends the process.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/base/loop.h"
#include "common/base/random.h"
#include "common/log/replicated_log.h"
#include "common/log/snapshot_file.h"
#include "common/log/snapshot_place.h"
#include "common/storage/batch_log.h"
#include "common/storage/durable_env.h"
#include "common/storage/job_gate.h"
#include "common/storage/kv_store.h"

namespace baton {

class LocalLog final : public ReplicatedLog {
 public:
  struct Options {
    std::string snapshot_directory;  // made when missing; only snapshots of this log are in it
    // Where snapshots go that a newer one has replaced, under their own name: before save_snapshot
    // tells that it is done. Their taker removes them. Empty: they are removed at once. A crash may
    // lose one.
    std::string replaced_directory;
    SyncMode sync_mode = SyncMode::kAdaptive;
  };

  // Opens the log in `store` and raises the term. data_loss, naming the entry, when one is missing
  // or damaged. Blocks. What is referred to outlives the log.
  static Result<std::unique_ptr<LocalLog>> open(Loop& loop, Worker& worker, DurableEnv& env,
                                                KvStore& store, Random& random, Options options);
  ~LocalLog() override;

  // Reads and checks the snapshot and every entry behind it; blocks.
  Result<Restored> restore() override;
  void start(Events events) override;
  void propose(std::string entry, std::function<void(ProposalFate, Lsn)> done) override;
  void barrier(std::function<void(Status)> done) override;
  [[nodiscard]] bool is_leader() const override { return leader_; }
  [[nodiscard]] Term term() const override { return Term(log_->epoch().value()); }
  [[nodiscard]] Lsn last_index() const override { return log_->durable_lsn(); }
  [[nodiscard]] Lsn first_index() const override { return log_->first_lsn(); }
  [[nodiscard]] std::uint64_t bytes_since_snapshot() const override {
    return bytes_since_snapshot_;
  }
  void save_snapshot(Lsn index, std::unique_ptr<SnapshotSource> source,
                     std::function<void(Status)> done) override;

 private:
  struct ReplayEntry {
    Lsn index;
    Term term;
    std::string bytes;
  };
  struct Proposal {
    Lsn index;
    std::string entry;
    std::function<void(ProposalFate, Lsn)> done;  // empty: a barrier
    std::function<void(Status)> barrier;
  };
  struct Saving;

  LocalLog(Loop& loop, Worker& worker, DurableEnv& env, Options options);
  Status remove_other_snapshots() const;

  void replay_some();
  void on_durable(Lsn index, const Status& status);
  void fail(const Status& status);

  void save_next_pages();
  void finish_pages();
  void switch_snapshot(std::uint32_t chain);
  [[nodiscard]] Status put_away(Lsn replaced) const;
  void end_saving(const Status& status);

  Loop& loop_;
  Worker& worker_;
  DurableEnv& env_;
  const Options options_;
  std::unique_ptr<BatchLog> log_;
  Events events_;

  bool leader_ = false;
  Status failure_;
  SnapshotPlace snapshot_;
  std::uint64_t bytes_since_snapshot_ = 0;
  std::deque<ReplayEntry> replay_;  // read by restore(), handed out after start()
  std::deque<Proposal> proposals_;  // not committed yet, and the barriers behind them
  std::unique_ptr<Saving> saving_;  // the snapshot under way
  JobGate gate_;                    // last: closes before anything above goes
};

}  // namespace baton
