// PayloadLog: the durable LogStore (log_store.h is the contract), over a BatchLog in the manager's
// KvStore.
//
// The log is a row of stretches. The last one is open and takes the batches; when it is full it is
// closed with a record of its own (stretch.h), which is also the log's checkpoint. A closed stretch
// is collected as a whole: what lives is copied out under its offset, the batches go. In memory
// there are only the stretch records with a sparse index, some bytes per 64 KiB of log, and a few
// recent batches.
//
// docs/storage-format.md describes every key and byte.
#pragma once

#include <memory>

#include "common/base/loop.h"
#include "common/base/random.h"
#include "common/storage/commit_pacer.h"
#include "common/storage/kv_store.h"
#include "manager/storage/log_store.h"

namespace baton::manager {

class PayloadLog : public LogStore {
 public:
  struct Options {
    ShardId shard;
    bool sealed = false;  // only reads and collection: no epoch is raised, nothing may be appended
    SyncMode sync_mode = SyncMode::kAdaptive;
    std::size_t stretch_bytes = std::size_t{4} << 20;
    std::size_t cache_bytes = std::size_t{8} << 20;
    Worker* background = nullptr;  // gives room back; null: the store does when it comes to that
  };

  // Opens the shard, empty if nothing was ever written to it. Verifies the log behind its last
  // checkpoint, the rest later in the background; data_loss, naming the place, when something that
  // was synced is missing or damaged there. Blocks. Several shards may share a store. The arguments
  // outlive the log.
  static Result<std::unique_ptr<PayloadLog>> open(Loop& loop, Worker& worker, KvStore& store,
                                                  Random& random, Options options);
};

}  // namespace baton::manager
