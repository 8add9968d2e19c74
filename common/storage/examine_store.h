// The examination of a stopped daemon's store: every file of LevelDB, then the store as LevelDB
// would open it, without a write to the disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <leveldb/env.h>

#include "common/base/status.h"
#include "common/storage/batch_reader.h"
#include "common/storage/durable_env.h"
#include "common/storage/examine_finding.h"
#include "common/storage/kv_store.h"
#include "common/storage/overlay_env.h"
#include "common/storage/wal_check.h"

namespace baton {

class ExaminedStore {
 public:
  // Reads every table and log in `directory`, block by block, and tells what is wrong. `env` is only
  // read and outlives this.
  ExaminedStore(leveldb::Env& env, std::string directory, const OnFinding& tell,
                const OnProgress& progress);
  ~ExaminedStore();
  ExaminedStore(const ExaminedStore&) = delete;
  ExaminedStore& operator=(const ExaminedStore&) = delete;

  // Null when LevelDB cannot open it: what was told says why.
  [[nodiscard]] const KvStore* store() const { return store_.get(); }
  // The newest batch of each log that any readable table or log file has, whole; also when the store
  // cannot be opened: what was acknowledged reached that far at least.
  [[nodiscard]] const std::map<std::uint32_t, StoredBatch>& newest() const { return newest_; }

 private:
  void examine_remains(const OnFinding& tell);
  void examine_log(const std::string& path, const OnProgress& progress);
  void examine_table(const WalCheck::Table& table, const OnFinding& tell,
                     const OnProgress& progress);
  void examine_edit(std::string_view batch);
  void note(std::string_view key, std::string_view value);
  Status open();

  leveldb::Env& env_;
  const std::string directory_;
  std::map<std::uint32_t, StoredBatch> newest_;
  OverlayEnv overlay_;
  DurableEnv durable_;
  std::unique_ptr<KvStore> store_;
};

// What a store refuses to open with, told to an operator.
std::string advice_for_refused();

}  // namespace baton
