// ExaminedDir: the data directory of a stopped daemon, for `baton fsck`. Nothing in it is changed:
// its lock is taken where there is one, everything else is only read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <leveldb/env.h>

#include "common/base/status.h"
#include "common/storage/examine_finding.h"
#include "common/storage/examine_store.h"
#include "common/storage/identity.h"

namespace baton {

class ExaminedDir {
 public:
  // Reads the identity; examine_store() does the rest. `env` outlives it.
  //   not_found: there is no such directory; invalid_argument: it is none, or not one of Baton;
  //   unavailable: a daemon is using it; unsupported_version: a newer Baton wrote it.
  // A damaged or missing identity is told and replaced by what the store shows.
  static Result<std::unique_ptr<ExaminedDir>> open(leveldb::Env& env, std::string path,
                                                   const OnFinding& tell);
  ~ExaminedDir();
  ExaminedDir(const ExaminedDir&) = delete;
  ExaminedDir& operator=(const ExaminedDir&) = delete;

  [[nodiscard]] leveldb::Env& env() const { return env_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }
  // The identity was read; otherwise only its kind was guessed.
  [[nodiscard]] bool has_identity() const { return has_identity_; }
  [[nodiscard]] std::uint64_t bytes() const;

  // Examines the store's files and that it belongs here. Call once, first.
  void examine_store(const OnFinding& tell, const OnProgress& progress);
  // Null when there is no store that LevelDB can open; that was told, unless none was made yet.
  [[nodiscard]] const KvStore* store() const { return store_ ? store_->store() : nullptr; }
  [[nodiscard]] const std::map<std::uint32_t, StoredBatch>& newest() const {
    return store_ ? store_->newest() : nothing_;
  }

 private:
  ExaminedDir(leveldb::Env& env, std::string path) : env_(env), path_(std::move(path)) {}
  Status lock(const std::vector<std::string>& names);
  Status read_identity(const std::vector<std::string>& names, const OnFinding& tell);
  void check_owner(const OnFinding& tell) const;

  leveldb::Env& env_;
  const std::string path_;
  leveldb::FileLock* lock_ = nullptr;
  Identity identity_;
  bool has_identity_ = false;
  std::unique_ptr<ExaminedStore> store_;
  const std::map<std::uint32_t, StoredBatch> nothing_;
};

}  // namespace baton
