#include "common/storage/batch_log.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/check.h"

namespace baton {

// What one sync makes durable.
struct BatchLog::Commit {
  KvBatch changes;
  std::uint32_t records = 0;
  Lsn last;
};

BatchLog::BatchLog(Loop& loop, Worker& worker, KvStore& store, Options options)
    : loop_(loop),
      worker_(worker),
      store_(store),
      options_(std::move(options)),
      reader_(store, options_.log),
      pending_(std::make_unique<Commit>()),
      pacer_(options_.sync_mode) {}

BatchLog::~BatchLog() { loop_.cancel(commit_timer_); }

Result<std::unique_ptr<BatchLog>> BatchLog::open(Loop& loop, Worker& worker, KvStore& store,
                                                 Random& random, Options options,
                                                 const BatchReader::Visit& on_tail) {
  std::unique_ptr<BatchLog> log(new BatchLog(loop, worker, store, std::move(options)));
  BATON_ASSIGN_OR_RETURN(const LogState state, recover_log(store, log->options_.log, on_tail));
  log->restore(state);
  BATON_RETURN_IF_ERROR(log->start_epoch(state.opened, random));
  BATON_RETURN_IF_ERROR(log->remove_batches(state.removed_to, state.first));
  // The listener may be called on any thread, and after this log is gone: it only posts to the
  // loop.
  store.add_on_failed([&loop, stop = log->gate_.on_loop([raw = log.get()] {
    raw->stop(raw->store_.failure());
  })](const Status&) { loop.post(stop); });
  return log;
}

void BatchLog::restore(const LogState& state) {
  first_ = state.first;
  last_ = state.last;
  durable_ = state.last;
  chain_ = state.crc;
  since_checkpoint_ = state.tail_bytes;
}

Status BatchLog::start_epoch(const LogEpoch& last, Random& random) {
  epoch_ = last.epoch.next();
  life_ = Life(random.uuid());
  KvBatch changes;
  put_log_epoch(options_.log, {epoch_, life_, last_}, changes);
  return store_.write(changes);
}

BatchLog::Gathering BatchLog::gather(std::uint32_t records, std::size_t bytes) {
  if (!failure_.ok()) {
    open_ = {};  // nothing will be written any more: do not let it grow
  } else if (open_.records > 0 && (open_.records + records > options_.batch_records_max ||
                                   open_.bytes.size() + bytes > options_.batch_bytes_max)) {
    seal_open_batch();
  }
  const bool fresh = open_.records == 0;
  if (fresh) {
    last_ = last_.next();
    open_.bytes.assign(kBatchHeaderBytes, '\0');
  }
  open_.records += std::max(records, std::uint32_t{1});
  schedule_commit();
  return {last_, open_.bytes, fresh};
}

void BatchLog::close_batch() {
  if (open_.records > 0 && failure_.ok()) seal_open_batch();
}

void BatchLog::schedule_commit() {
  if (commit_in_flight_ || commit_posted_ || !failure_.ok()) return;
  commit_posted_ = true;
  // Posted, so that everything of this turn of the loop goes into one sync.
  loop_.post(gate_.on_loop([this] {
    commit_posted_ = false;
    commit_when_due();
  }));
}

void BatchLog::commit_when_due() {
  const std::uint32_t waiting = pending_->records + open_.records;
  if (commit_in_flight_ || waiting == 0 || !failure_.ok()) return;
  loop_.cancel(std::exchange(commit_timer_, 0));
  const MonoTime start = pacer_.start_at(loop_.now(), waiting);
  if (start > loop_.now()) {
    commit_timer_ = loop_.call_at(start, gate_.on_loop([this] {
      commit_timer_ = 0;
      commit_when_due();
    }));
    return;
  }
  if (open_.records > 0) seal_open_batch();
  start_commit(waiting);
}

void BatchLog::seal_open_batch() {
  const BatchHeader header{options_.log, epoch_, last_, chain_, durable_};
  chain_ = seal_batch(header, open_.bytes);
  pending_->changes.put(batch_key(options_.log, last_), open_.bytes);
  pending_->records += open_.records;
  pending_->last = last_;
  since_checkpoint_ += open_.bytes.size();
  remember(std::make_shared<const StoredBatch>(
      StoredBatch{header, chain_, std::exchange(open_.bytes, {})}));
  open_.records = 0;
  if (since_checkpoint_ < options_.checkpoint_bytes) return;
  since_checkpoint_ = 0;
  put_log_checkpoint(options_.log, last_, chain_, pending_->changes);
  if (options_.on_checkpoint) options_.on_checkpoint(last_, pending_->changes);
}

void BatchLog::start_commit(std::uint32_t records) {
  const std::shared_ptr<Commit> commit = std::exchange(pending_, std::make_unique<Commit>());
  const auto outcome = std::make_shared<Status>();
  const MonoTime started = loop_.now();
  commit_in_flight_ = true;
  pacer_.started(started);
  Closure write = [this, commit, outcome] { *outcome = store_.write(commit->changes); };
  if (pacer_.runs_on_worker(records)) {
    worker_.run(gate_.job(std::move(write)), gate_.on_loop([this, commit, outcome, started] {
      finish_commit(*commit, *outcome, loop_.now() - started);
    }));
    return;
  }
  write();
  const Duration took = loop_.now() - started;
  loop_.post(
      gate_.on_loop([this, commit, outcome, took] { finish_commit(*commit, *outcome, took); }));
}

void BatchLog::finish_commit(const Commit& commit, const Status& outcome, Duration took) {
  commit_in_flight_ = false;
  pacer_.finished(took);
  if (!outcome.ok()) {
    stop(outcome);
    return;
  }
  if (!failure_.ok()) return;  // whoever waited was told so
  durable_ = commit.last;
  std::multimap<Lsn, Done> ready;
  const auto end = waiters_.upper_bound(durable_);
  while (waiters_.begin() != end) ready.insert(ready.end(), waiters_.extract(waiters_.begin()));
  // Many waiting: the worker syncs them while the callbacks run. Few: nobody's answer waits for an
  // inline sync.
  if (CommitPacer::is_deep(pending_->records + open_.records)) commit_when_due();
  const JobGate::Watch watch(gate_);
  release(std::move(ready), Status());
  if (watch.open()) commit_when_due();
}

void BatchLog::stop(const Status& failure) {
  if (!failure_.ok()) return;
  failure_ = Status(ErrorCode::kUnavailable, failure.message());
  loop_.cancel(std::exchange(commit_timer_, 0));
  const JobGate::Watch watch(gate_);
  const auto on_failed = std::exchange(on_failed_, nullptr);
  release(std::exchange(waiters_, {}), failure_);
  if (watch.open() && on_failed) on_failed(failure_);
}

void BatchLog::release(std::multimap<Lsn, Done> waiters, const Status& outcome) {
  const JobGate::Watch watch(gate_);
  const Status status = outcome;  // `outcome` may be a member of what a callback destroys
  for (const auto& [lsn, done] : waiters) {
    if (!watch.open()) return;
    done(status);
  }
}

void BatchLog::when_durable(Lsn lsn, Done done) {
  if (!failure_.ok() || lsn <= durable_) {
    loop_.post(gate_.on_loop([done = std::move(done), status = failure_] { done(status); }));
    return;
  }
  BATON_CHECK(lsn <= last_);
  waiters_.emplace(lsn, std::move(done));
}

std::shared_ptr<const StoredBatch> BatchLog::cached(Lsn lsn) const {
  const auto found = lsn <= durable_ ? cache_.find(lsn) : cache_.end();
  return found == cache_.end() ? nullptr : found->second;
}

void BatchLog::remember(std::shared_ptr<const StoredBatch> batch) {
  cache_bytes_ += batch->bytes.size();
  cache_.emplace_hint(cache_.end(), batch->lsn(), std::move(batch));
  while (cache_bytes_ > options_.cache_bytes && !cache_.empty()) {
    cache_bytes_ -= cache_.begin()->second->bytes.size();
    cache_.erase(cache_.begin());
  }
}

void BatchLog::read(Lsn lsn, std::function<void(Result<StoredBatch>)> done) {
  const auto post = [&](Result<StoredBatch> batch) {
    loop_.post(gate_.on_loop([done = std::move(done), batch = std::move(batch)] { done(batch); }));
  };
  if (lsn < first_ || lsn > durable_) {
    post(Status(ErrorCode::kNotFound,
                "batch " + std::to_string(lsn.value()) + " is not in the log"));
    return;
  }
  if (const auto batch = cached(lsn)) {
    post(*batch);
    return;
  }
  const auto found =
      std::make_shared<Result<StoredBatch>>(Status(ErrorCode::kInternal, "not read"));
  worker_.run(gate_.job([this, lsn, found] { *found = reader_.get(lsn); }),
              gate_.on_loop([done = std::move(done), lsn, found] {
                // Within the kept range there are no holes.
                if (found->status().code() == ErrorCode::kNotFound) {
                  done(Status(ErrorCode::kDataLoss,
                              "batch " + std::to_string(lsn.value()) + " is missing"));
                } else {
                  done(std::move(*found));
                }
              }));
}

void BatchLog::truncate_front(Lsn first_kept, KvBatch changes, Done done) {
  BATON_CHECK(first_kept <= durable_.next());
  const Lsn from = first_;
  first_ = std::max(first_, first_kept);
  put_log_front(options_.log, first_, from, changes);
  const auto outcome = std::make_shared<Status>();
  auto front = std::make_shared<KvBatch>(std::move(changes));
  worker_.run(gate_.job([this, from, to = first_, front, outcome] {
    *outcome = store_.write(*front);
    if (outcome->ok()) *outcome = remove_batches(from, to);
  }),
              gate_.on_loop([this, outcome, done = std::move(done)] {
                const JobGate::Watch watch(gate_);
                if (!outcome->ok()) stop(*outcome);
                if (watch.open()) done(*outcome);
              }));
}

// The last write says that nothing is left to remove: after a crash before it, the next open tries
// again.
Status BatchLog::remove_batches(Lsn from, Lsn to) {
  constexpr std::uint64_t kPerWrite = 1000;
  for (std::uint64_t lsn = from.value(); lsn < to.value();) {
    KvBatch removals;
    for (std::uint64_t i = 0; i < kPerWrite && lsn < to.value(); ++i, ++lsn) {
      removals.remove(batch_key(options_.log, Lsn(lsn)));
    }
    if (lsn == to.value()) put_log_front(options_.log, to, to, removals);
    BATON_RETURN_IF_ERROR(store_.write(removals));
  }
  return {};
}

}  // namespace baton
