#include "manager/service/shard_logs.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/storage/batch_log_meta.h"

namespace baton::manager {

Result<std::unique_ptr<ShardLogs>> ShardLogs::open(NodeContext context, const std::string& path,
                                                   Random& random,
                                                   PayloadLog::Options log_options) {
  std::unique_ptr<ShardLogs> logs(new ShardLogs(context, random, log_options));
  BATON_ASSIGN_OR_RETURN(logs->data_dir_,
                         DataDir::open(logs->env_, path, StoreKind::kManager, random));
  BATON_ASSIGN_OR_RETURN(logs->store_, logs->data_dir_->open_store());
  BATON_RETURN_IF_ERROR(logs->check_all_listed());
  for (const Identity::Shard& shard : logs->identity().shards) {
    BATON_ASSIGN_OR_RETURN(logs->logs_[shard.id], logs->open_log(shard.id, shard.sealed));
    if (!shard.sealed) logs->active_ = logs->logs_[shard.id].get();
  }
  return logs;
}

// A shard is listed before anything of it is written: one that is not was forgotten by an identity
// that is older than the store, and so would be its tasks.
Status ShardLogs::check_all_listed() const {
  Status outcome;
  const Status read = for_each_log(*store_, [&](std::uint32_t log) {
    const auto& shards = identity().shards;
    const bool listed =
        std::any_of(shards.begin(), shards.end(),
                    [&](const Identity::Shard& shard) { return shard.id.value() == log; });
    if (listed || !outcome.ok()) return;
    outcome = Status(ErrorCode::kDataLoss,
                     "the identity in the data directory " + data_dir_->path() +
                         " does not list shard " + std::to_string(log) +
                         ", which the store has: put the file back that was there last");
  });
  return outcome.ok() ? read : outcome;
}

Status ShardLogs::set_name(const std::string& name) {
  Identity identity = data_dir_->identity();
  if (identity.name == name) return {};
  identity.name = name;
  return data_dir_->save(identity);
}

Status ShardLogs::set_cluster(ClusterId cluster) {
  Identity identity = data_dir_->identity();
  if (identity.cluster == cluster) return {};
  identity.cluster = cluster;
  return data_dir_->save(identity);
}

Status ShardLogs::note_ledger(Generation generation, Lsn index) {
  Identity identity = data_dir_->identity();
  if (std::tie(generation, index) <= std::tie(identity.generation, identity.ledger_index))
    return {};
  identity.generation = generation;
  identity.ledger_index = index;
  return data_dir_->save(identity);
}

LogStore* ShardLogs::find(ShardId shard) {
  const auto found = logs_.find(shard);
  return found == logs_.end() ? nullptr : found->second.get();
}

Result<LogStore*> ShardLogs::open_shard(ShardId shard) {
  if (LogStore* known = find(shard); known != nullptr) {
    if (known == active_) return known;
    return Status(ErrorCode::kConflict, "the center names shard " + std::to_string(shard.value()) +
                                            ", which this store keeps as sealed");
  }
  // The identity first: a log that nobody lists would be forgotten by a crash in between.
  Identity identity = data_dir_->identity();
  for (Identity::Shard& known : identity.shards) known.sealed = true;
  identity.shards.push_back({shard, false});
  BATON_RETURN_IF_ERROR(data_dir_->save(identity));
  BATON_ASSIGN_OR_RETURN(std::unique_ptr<LogStore> log, open_log(shard, false));
  watch(*log);
  active_ = log.get();
  logs_[shard] = std::move(log);
  return active_;
}

void ShardLogs::set_on_failed(std::function<void(const Status&)> on_failed) {
  on_failed_ = std::move(on_failed);
  for (auto& [shard, log] : logs_) watch(*log);
  // The listener may be called on any thread, and after this is gone: it only posts to the loop.
  store_->add_on_failed([&loop = context_.loop, tell = gate_.on_loop([this] {
    fail(store_->failure());
  })](const Status&) { loop.post(tell); });
}

void ShardLogs::fail(const Status& status) {
  if (auto on_failed = std::exchange(on_failed_, nullptr)) on_failed(status);
}

Result<std::unique_ptr<LogStore>> ShardLogs::open_log(ShardId shard, bool sealed) {
  PayloadLog::Options options = log_options_;
  options.shard = shard;
  options.sealed = sealed;
  options.background = context_.background;
  BATON_ASSIGN_OR_RETURN(
      std::unique_ptr<PayloadLog> log,
      PayloadLog::open(context_.loop, context_.worker, *store_, random_, options));
  return std::unique_ptr<LogStore>(std::move(log));
}

void ShardLogs::watch(LogStore& log) {
  log.set_on_failed([this](const Status& status) { fail(status); });
}

}  // namespace baton::manager
