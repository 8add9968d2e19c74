// ShardLogs: the data directory of a manager with the payload logs in it.
//
// One log is active (it may be appended to once its shard is registered); those of sealed shards
// are only read. The identity file says which is which, what the store is called, and how far the
// ledger was when it was last seen (R20).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/ids.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/net/node_context.h"
#include "common/storage/data_dir.h"
#include "common/storage/durable_env.h"
#include "common/storage/identity.h"
#include "common/storage/job_gate.h"
#include "common/storage/kv_store.h"
#include "manager/storage/log_store.h"
#include "manager/storage/payload_log.h"

namespace baton::manager {

class ShardLogs {
 public:
  // Opens the directory and the logs of every shard in it, each with `log_options` but for its own
  // identity. `random` and what the context refers to outlive this. data_loss also when the store
  // has a shard that the identity does not list.
  static Result<std::unique_ptr<ShardLogs>> open(NodeContext context, const std::string& path,
                                                 Random& random, PayloadLog::Options log_options);

  [[nodiscard]] const Identity& identity() const { return data_dir_->identity(); }
  Status set_name(const std::string& name);
  Status set_cluster(ClusterId cluster);
  // Durable when it returns ok; a position behind the one that is kept changes nothing.
  Status note_ledger(Generation generation, Lsn index);

  // Null before the first enrolment.
  [[nodiscard]] LogStore* active() { return active_; }
  // Null when the shard is not kept here.
  [[nodiscard]] LogStore* find(ShardId shard);
  [[nodiscard]] const std::map<ShardId, std::unique_ptr<LogStore>>& all() const { return logs_; }

  // The shard becomes the active one; the one before it, if any, is sealed. Blocks. conflict when
  // the shard is kept here and sealed.
  Result<LogStore*> open_shard(ShardId shard);

  // Called once, posted, with the first write or sync error of any log, or of the directory itself,
  // which may be there before any log is.
  void set_on_failed(std::function<void(const Status&)> on_failed);
  [[nodiscard]] std::uint64_t disk_free_bytes() const { return store_->disk_free_bytes(); }

 private:
  ShardLogs(NodeContext context, Random& random, PayloadLog::Options log_options)
      : context_(context), random_(random), log_options_(log_options), env_(context.env) {}
  Status check_all_listed() const;
  Result<std::unique_ptr<LogStore>> open_log(ShardId shard, bool sealed);
  void watch(LogStore& log);
  void fail(const Status& status);

  NodeContext context_;
  Random& random_;
  const PayloadLog::Options log_options_;
  DurableEnv env_;
  std::unique_ptr<DataDir> data_dir_;
  std::unique_ptr<KvStore> store_;
  std::map<ShardId, std::unique_ptr<LogStore>> logs_;
  LogStore* active_ = nullptr;
  std::function<void(const Status&)> on_failed_;
  JobGate gate_;  // last: closes before anything above goes
};

}  // namespace baton::manager
