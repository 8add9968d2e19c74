#include <algorithm>
#include <utility>

#include "manager/storage/payload_log_impl.h"

namespace baton::manager {
namespace {

// A producer may repeat what it sent while it has no answer, although the task is long done and its
// stretch collected: 1 GiB of log is seconds at the highest rate and hours at a usual one.
constexpr std::size_t kDedupRecordsKept = 256;

// 25 MiB/s: the disk and the worker are hardly held up.
constexpr std::size_t kVerifyBytes = std::size_t{512} << 10;
constexpr Duration kVerifyPause = std::chrono::milliseconds(20);

}  // namespace

std::optional<LogStore::Dropped> PayloadLogImpl::next_dropped(Offset from) const {
  for (const StretchRecord& stretch : table_.all()) {
    if (stretch.collected && stretch.to > from)
      return Dropped{std::max(from, stretch.from), stretch.to};
  }
  return {};
}

void PayloadLogImpl::note_live(Offset first, std::uint64_t count) {
  for (Offset offset = first; offset.value() < first.value() + count; offset = offset.next()) {
    const StretchRecord* stretch = table_.find(offset);
    if (stretch != nullptr && stretch->collected && !contains(stretch->survivors, offset))
      note_damaged(offset);
  }
}

std::vector<Stretch> PayloadLogImpl::closed_stretches(std::size_t max, const Wanted& wanted) const {
  std::vector<Stretch> stretches;
  const auto add = [&](const StretchRecord& stretch) {
    if (stretches.size() >= max || stretch.empty() || stretch.last > durable_lsn()) return;
    if (!wanted(stretch.first)) return;
    const bool busy = std::any_of(
        collections_.begin(), collections_.end(),
        [&](const Collection& collection) { return collection.first == stretch.first; });
    if (busy) return;
    stretches.push_back(
        {stretch.first, stretch.last, stretch.from, stretch.to, stretch.bytes, stretch.results});
  };
  for (const StretchRecord& stretch : table_.all()) {
    if (!stretch.collected) add(stretch);
  }
  for (const StretchRecord& stretch : table_.all()) {
    if (stretch.collected) add(stretch);
  }
  return stretches;
}

void PayloadLogImpl::collect(const Stretch& stretch, std::vector<Offset> live,
                             std::vector<ResultRecordId> live_results,
                             std::function<void(Status)> done) {
  std::sort(live.begin(), live.end());
  live.erase(std::unique(live.begin(), live.end()), live.end());
  collections_.push_back(
      {stretch.first, std::move(live), std::move(live_results), std::move(done)});
  if (collections_.size() == 1) collect_next();
}

// Works on the first of collections_. One at a time, since neighbours may be joined.
void PayloadLogImpl::collect_next() {
  if (collections_.empty()) return;
  const Collection& next = collections_.front();
  const StretchRecord* stretch = table_.find(next.first);
  const auto outcome = std::make_shared<Result<Collector::Outcome>>(
      Status(ErrorCode::kNotFound, "there is no such closed stretch"));
  const auto finish = [this, outcome] {
    const JobGate::Watch watch(gate_);
    const Collection collection = std::move(collections_.front());
    collections_.pop_front();
    finish_collection(collection, *outcome);
    if (watch.open()) collect_next();
  };
  if (stretch == nullptr || stretch->first != next.first || stretch->last > durable_lsn()) {
    loop_.post(gate_.on_loop(finish));
    return;
  }
  worker_.run(gate_.job([this, outcome, job = collector_job(*stretch, next)] {
    *outcome = Collector(store_, options_.shard).collect(job);
  }),
              gate_.on_loop(finish));
}

Collector::Job PayloadLogImpl::collector_job(const StretchRecord& stretch,
                                             const Collection& collection) const {
  Collector::Job job;
  job.stretch = stretch;
  job.live = collection.live;
  job.live_results = collection.live_results;
  for (const Lsn beside : {Lsn(stretch.first.value() - 1), stretch.last.next()}) {
    const StretchRecord* neighbour = table_.find(beside);
    if (neighbour != nullptr && neighbour->empty()) job.empty_neighbours.push_back(*neighbour);
  }
  const std::size_t old =
      dedup_records_.size() - std::min(dedup_records_.size(), kDedupRecordsKept);
  for (std::size_t i = 0; i < old; ++i) {
    const StretchRecord* owner = table_.find(dedup_records_[i]);
    if (owner != nullptr && (owner->collected || owner->first == stretch.first)) {
      job.old_dedup.push_back(dedup_records_[i]);
    }
  }
  return job;
}

void PayloadLogImpl::reclaim(const StretchRecord& stretch, std::uint64_t bytes) {
  const std::uint32_t log = options_.shard.value();
  if (reclaimer_)
    reclaimer_->add(batch_key(log, stretch.first), batch_key(log, stretch.last.next()), bytes);
}

void PayloadLogImpl::finish_collection(const Collection& collection,
                                       const Result<Collector::Outcome>& outcome) {
  if (outcome.ok()) {
    if (const StretchRecord* before = table_.find(collection.first);
        before != nullptr && !before->collected)
      reclaim(*before, before->bytes);
    table_.replace(outcome.value().stretch);
    ++collected_so_far_;
    const std::vector<Lsn>& gone = outcome.value().old_dedup;
    std::erase_if(dedup_records_,
                  [&](Lsn lsn) { return std::binary_search(gone.begin(), gone.end(), lsn); });
    std::for_each(outcome.value().damaged.begin(), outcome.value().damaged.end(),
                  [this](Offset offset) { note_damaged(offset); });
  }
  collection.done(outcome.status());
}

void PayloadLogImpl::verify_later() {
  verify_timer_ = loop_.call_after(kVerifyPause, gate_.on_loop([this] {
    verify_timer_ = 0;
    verify_step();
  }));
}

void PayloadLogImpl::verify_step() {
  const StretchRecord* stretch = table_.find(verify_stretch_);
  if (stretch == nullptr || stretch->last > durable_lsn())
    return;  // all that was there at the open is done
  if (stretch->empty()) {
    verify_stretch_ = stretch->last.next();
    verify_cursor_.reset();
    verify_later();
    return;
  }
  const auto step = std::make_shared<Verifier::Step>();
  const Verifier::Cursor cursor =
      verify_cursor_.value_or(Verifier::Cursor{stretch->first, stretch->from});
  worker_.run(gate_.job([this, step, cursor, record = *stretch] {
    const Verifier verifier(store_, options_.shard);
    *step = record.collected ? verifier.verify_survivors(record)
                             : verifier.verify_batches(record, cursor, kVerifyBytes);
  }),
              gate_.on_loop([this, step, was = *stretch] {
                const StretchRecord* now = table_.find(was.first);
                // Collected in the meantime, for the first time or again: what was found missing
                // was dropped, and the survivors are looked at.
                const bool changed = now == nullptr || now->collected != was.collected ||
                                     now->survivors != was.survivors;
                if (!changed) {
                  for (const Offset offset : step->damaged) note_damaged(offset);
                }
                verify_cursor_ = changed ? std::nullopt : step->next;
                if (!changed && !step->next) verify_stretch_ = now->last.next();
                verify_later();
              }));
}

}  // namespace baton::manager
