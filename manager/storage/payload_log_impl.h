// PayloadLogImpl: puts the parts of a payload log together. payload_log.h and log_store.h have the
// contract.
//
// payload_log_append.cc writes, payload_log_read.cc reads, payload_log_collect.cc collects and
// verifies, payload_log_impl.cc opens. What lives on the Worker is in RecordFinder, Collector and
// Verifier.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <vector>

#include "common/storage/batch_log.h"
#include "manager/storage/batch_cache.h"
#include "manager/storage/collector.h"
#include "manager/storage/open_stretch.h"
#include "manager/storage/payload_log.h"
#include "manager/storage/reclaimer.h"
#include "manager/storage/record_finder.h"
#include "manager/storage/stretch_table.h"
#include "manager/storage/verifier.h"

namespace baton::manager {

class PayloadLogImpl final : public PayloadLog {
 public:
  static Result<std::unique_ptr<PayloadLogImpl>> open(Loop& loop, Worker& worker, KvStore& store,
                                                      Random& random, Options options);
  ~PayloadLogImpl() override;
  PayloadLogImpl(const PayloadLogImpl&) = delete;
  PayloadLogImpl& operator=(const PayloadLogImpl&) = delete;

  [[nodiscard]] ShardId shard() const override { return options_.shard; }
  [[nodiscard]] Epoch epoch() const override { return epoch_; }
  [[nodiscard]] Life life() const override { return life_; }
  [[nodiscard]] Offset next_offset() const override { return open_.end(); }
  [[nodiscard]] Offset durable_end() const override;
  [[nodiscard]] Lsn durable_lsn() const override;
  void set_on_failed(std::function<void(const Status&)> on_failed) override;

  Appended append_tasks(const TaskAttributes& attributes,
                        std::span<const std::string_view> payloads) override;
  Lsn append_result(const ResultRecord& result) override;
  void when_durable(Lsn lsn, std::function<void(Status)> done) override;

  void read_tasks(std::vector<Offset> offsets, std::size_t bytes_max,
                  std::function<void(Tasks)> done) override;
  void read_record(const ResultRecordId& id,
                   std::function<void(Result<ResultContent>)> done) override;
  void scan(Offset from, std::size_t tasks_max,
            std::function<void(Result<std::vector<StoredRun>>)> done) override;
  void record_crc(Offset offset, std::function<void(Result<std::uint32_t>)> done) override;
  Status recent_runs(std::function<void(const StoredRun&)> visit) override;
  std::vector<Offset> take_damaged() override { return std::exchange(damaged_, {}); }

  [[nodiscard]] std::optional<Dropped> next_dropped(Offset from) const override;
  void note_live(Offset first, std::uint64_t count) override;
  [[nodiscard]] std::vector<Stretch> closed_stretches(std::size_t max,
                                                      const Wanted& wanted) const override;
  void collect(const Stretch& stretch, std::vector<Offset> live,
               std::vector<ResultRecordId> live_results, std::function<void(Status)> done) override;

 private:
  using Found = std::vector<Result<FoundTask>>;
  struct Collection {
    Lsn first;
    std::vector<Offset> live;
    std::vector<ResultRecordId> live_results;
    std::function<void(Status)> done;
  };

  PayloadLogImpl(Loop& loop, Worker& worker, KvStore& store, Options options, StretchTable table);

  // Opening.
  Status recover(Random& random);
  Status recover_batch(const StoredBatch& stored);

  // Writing.
  BatchLog::Gathering gather(std::uint32_t records, std::size_t bytes);
  void close_stretch(Lsn last, KvBatch& changes);

  // Reading. The outcome of a record that is at hand, or where to look for it.
  void find_tasks(const std::vector<Offset>& offsets, std::size_t bytes_max,
                  std::function<void(Found)> done);
  std::optional<Result<FoundTask>> find_at_hand(Offset offset);
  [[nodiscard]] ReadPlace place_of(Offset offset) const;
  Result<FoundTask> judge(Offset offset, Result<FoundTask> found);
  [[nodiscard]] Lsn last_uncollected(Lsn from) const;
  Status visit_runs_in_log(Lsn first, const std::function<void(const StoredRun&)>& visit) const;
  void note_damaged(Offset offset);
  // Its stretch was collected, and it did not live.
  [[nodiscard]] bool was_dropped(const ResultRecordId& id) const;

  // Collecting and verifying.
  void collect_next();
  Collector::Job collector_job(const StretchRecord& stretch, const Collection& collection) const;
  void reclaim(const StretchRecord& stretch, std::uint64_t bytes);
  void finish_collection(const Collection& collection, const Result<Collector::Outcome>& outcome);
  void verify_later();
  void verify_step();

  Loop& loop_;
  Worker& worker_;
  KvStore& store_;
  const Options options_;
  const RecordFinder finder_;

  Epoch epoch_;
  Life life_;
  std::unique_ptr<BatchLog> log_;  // null when sealed
  Lsn sealed_end_;                 // sealed: the last batch

  StretchTable table_;
  OpenStretch open_;
  struct Unsynced {
    Lsn lsn;
    Offset first;
  };
  mutable std::deque<Unsynced> unsynced_;  // batches that were not durable when last looked at
  // Stretches with a dedup record, in order, as far as recent_runs saw them.
  std::deque<Lsn> dedup_records_;

  BatchCache cache_;
  std::set<Offset> known_damaged_;
  std::vector<Offset> damaged_;  // not told yet

  std::deque<Collection> collections_;  // the first is being worked on
  std::uint64_t collected_so_far_ = 0;

  Loop::TimerId verify_timer_ = 0;
  Lsn verify_stretch_{1};  // the first batch of a stretch, or behind the last
  std::optional<Verifier::Cursor> verify_cursor_;

  std::optional<Reclaimer> reclaimer_;

  JobGate gate_;  // last: closes before anything above goes
};

}  // namespace baton::manager
