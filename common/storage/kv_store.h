// KvStore: the one ordered key-value store of a daemon, LevelDB behind a small interface.
//
// Every write is synced: there is no other kind, and the check of the write-ahead log relies on it
// (an older log file must be whole). Keys are built in one place per user, first byte = kind
// (docs/storage-format.md). May be used from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <leveldb/write_batch.h>

#include "common/base/status.h"
#include "common/storage/durable_env.h"

namespace leveldb {
class Cache;
class DB;
}  // namespace leveldb

namespace baton {

// Changes that become durable together or not at all.
class KvBatch {
 public:
  void put(std::string_view key, std::string_view value);
  void remove(std::string_view key);
  void clear();
  // About as large as the write will be.
  [[nodiscard]] std::size_t bytes() const { return batch_.ApproximateSize(); }
  [[nodiscard]] bool empty() const { return changes_ == 0; }

 private:
  friend class KvStore;
  leveldb::WriteBatch batch_;
  std::size_t changes_ = 0;
};

class KvStore {
 public:
  struct Options {
    // False: the store must exist, otherwise data_loss.
    bool create = true;
    std::size_t write_buffer_bytes = std::size_t{16} << 20;
    std::size_t cache_bytes = std::size_t{16} << 20;
  };

  // Checks LevelDB's own logs first (wal_check.h): a torn tail, which nobody was told about, is cut
  // off; damage in front of something that was synced is refused as data_loss, naming file and
  // position. What an earlier process may have left in the page cache only is written anew and
  // synced before this returns (R24). `env` outlives the store.
  static Result<std::unique_ptr<KvStore>> open(DurableEnv& env, const std::string& directory,
                                               Options options);
  static Result<std::unique_ptr<KvStore>> open(DurableEnv& env, const std::string& directory) {
    return open(env, directory, Options{});
  }
  ~KvStore();
  KvStore(const KvStore&) = delete;
  KvStore& operator=(const KvStore&) = delete;

  // Durable when it returns ok. Blocks. After the first failure every call fails (unavailable):
  // whether the failed changes are there is known after the next open.
  Status write(KvBatch& batch);

  // not_found, or data_loss when the place where it would be cannot be read.
  [[nodiscard]] Result<std::string> get(std::string_view key) const;

  // Calls visit(key, value) for every key in [from, to) in order, until it returns false. data_loss
  // when a part could not be read: keys may have been left out then. Start from a remembered key,
  // never from the front of what was deleted: that costs time for each deleted key.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  Status scan(std::string_view from, std::string_view to, const Visit& visit) const;

  // Gives the room of what was removed in [from, to) back to the disk. Blocks for as long as it takes
  // to read it, beside reads and writes of others. Errors are met like those of any background work.
  void compact(std::string_view from, std::string_view to);

  // Registers a listener for the first write or sync error, also one met in the background: called
  // once, on any thread. What it refers to outlives the DurableEnv.
  void add_on_failed(std::function<void(const Status&)> on_failed) {
    env_.add_on_failed(std::move(on_failed));
  }
  [[nodiscard]] Status failure() const { return env_.failure(); }
  [[nodiscard]] std::uint64_t disk_free_bytes() const { return env_.free_bytes(directory_); }

 private:
  KvStore(DurableEnv& env, std::string directory);

  DurableEnv& env_;
  const std::string directory_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<leveldb::Logger> silent_;
  std::unique_ptr<leveldb::DB> db_;
};

}  // namespace baton
