#include "manager/storage/payload_log_impl.h"

#include <utility>

#include "common/base/check.h"
#include "manager/storage/dedup_record.h"

namespace baton::manager {

PayloadLogImpl::PayloadLogImpl(Loop& loop, Worker& worker, KvStore& store, Options options,
                               StretchTable table)
    : loop_(loop),
      worker_(worker),
      store_(store),
      options_(options),
      finder_(store, options.shard),
      table_(std::move(table)),
      open_(table_.end_lsn(), table_.end_offset()),
      cache_(options.cache_bytes) {
  if (options.background == nullptr) return;
  reclaimer_.emplace(
      loop, *options.background,
      [&store](const std::string& from, const std::string& to) { store.compact(from, to); });
  // What an earlier process had no time for; where nothing is left it costs nothing.
  for (const StretchRecord& stretch : table_.all()) {
    if (stretch.collected) reclaim(stretch, 0);
  }
}

PayloadLogImpl::~PayloadLogImpl() { loop_.cancel(verify_timer_); }

Result<std::unique_ptr<PayloadLogImpl>> PayloadLogImpl::open(Loop& loop, Worker& worker,
                                                             KvStore& store, Random& random,
                                                             Options options) {
  BATON_CHECK(options.shard && options.shard.value() <= kShardIdMax);
  BATON_ASSIGN_OR_RETURN(StretchTable table, StretchTable::load(store, options.shard));
  std::unique_ptr<PayloadLogImpl> log(
      new PayloadLogImpl(loop, worker, store, options, std::move(table)));
  BATON_RETURN_IF_ERROR(log->recover(random));
  log->verify_later();
  return log;
}

Status PayloadLogImpl::recover(Random& random) {
  const auto on_tail = [this](const StoredBatch& stored) { return recover_batch(stored); };
  Lsn last;
  if (options_.sealed) {
    BATON_ASSIGN_OR_RETURN(const LogState state,
                           recover_log(store_, options_.shard.value(), on_tail));
    epoch_ = state.opened.epoch;
    life_ = state.opened.life;
    sealed_end_ = last = state.last;
  } else {
    BatchLog::Options options;
    options.log = options_.shard.value();
    options.sync_mode = options_.sync_mode;
    options.checkpoint_bytes = options_.stretch_bytes;
    options.cache_bytes = options_.cache_bytes;
    options.on_checkpoint = [this](Lsn end, KvBatch& changes) { close_stretch(end, changes); };
    BATON_ASSIGN_OR_RETURN(
        log_, BatchLog::open(loop_, worker_, store_, random, std::move(options), on_tail));
    epoch_ = log_->epoch();
    life_ = log_->life();
    last = log_->last_lsn();
  }
  const Lsn known = open_.empty() ? Lsn(table_.end_lsn().value() - 1) : open_.batches().back().lsn;
  if (last == known) return {};
  return Status(ErrorCode::kDataLoss, "the stretch records of shard " +
                                          std::to_string(options_.shard.value()) +
                                          " end at batch " + std::to_string(known.value()) +
                                          ", its log at batch " + std::to_string(last.value()));
}

Status PayloadLogImpl::recover_batch(const StoredBatch& stored) {
  const std::string name = "batch " + std::to_string(stored.lsn().value()) + " of shard " +
                           std::to_string(options_.shard.value());
  const Lsn expected = open_.empty() ? table_.end_lsn() : open_.batches().back().lsn.next();
  if (stored.lsn() != expected) {
    return Status(ErrorCode::kDataLoss,
                  "the last stretch record in front of " + name + " is missing");
  }
  auto bytes = std::make_shared<const StoredBatch>(stored);
  Result<std::shared_ptr<const TaskBatch>> batch = TaskBatch::decode(options_.shard, bytes);
  if (!batch.ok()) {
    return Status(batch.status().code(), name + ": " + batch.status().message());
  }
  if (batch.value()->first() != open_.end()) {
    return Status(ErrorCode::kDataLoss,
                  name + " begins at offset " + std::to_string(batch.value()->first().value()) +
                      " where " + std::to_string(open_.end().value()) + " should follow");
  }
  const std::size_t all = static_cast<std::size_t>(kOffsetMax);
  BATON_ASSIGN_OR_RETURN(std::vector<StoredRun> runs,
                         batch.value()->runs(batch.value()->first(), all));
  open_.begin_batch(stored.lsn());
  open_.add_tasks(static_cast<std::uint32_t>(batch.value()->end().value() - open_.end().value()),
                  stored.bytes.size());
  for (StoredRun& run : runs) {
    if (is_deduplicated(run.attributes)) open_.add_dedup_run(std::move(run));
  }
  for (const TaskBatch::ResultPlace& result : batch.value()->results()) {
    open_.add_result(result.task, result.token, result.kind, 0);
  }
  return {};
}

Lsn PayloadLogImpl::durable_lsn() const { return log_ ? log_->durable_lsn() : sealed_end_; }

Offset PayloadLogImpl::durable_end() const {
  const Lsn durable = durable_lsn();
  while (!unsynced_.empty() && unsynced_.front().lsn <= durable) unsynced_.pop_front();
  return unsynced_.empty() ? open_.end() : unsynced_.front().first;
}

void PayloadLogImpl::set_on_failed(std::function<void(const Status&)> on_failed) {
  if (log_) {
    log_->set_on_failed(std::move(on_failed));
    return;
  }
  store_.add_on_failed(
      [&loop = loop_, tell = gate_.on_loop([this, on_failed = std::move(on_failed)] {
        on_failed(store_.failure());
      })](const Status&) { loop.post(tell); });
}

}  // namespace baton::manager
