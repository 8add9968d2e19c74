// DataDir: a daemon's data directory, held by one process at a time.
//
//   LOCK       locked while the daemon runs
//   identity   who the directory belongs to (identity.h), replaced as a whole
//   store/     the KvStore
// A daemon may keep further files of its own beside them.
//
// Every refusal is one sentence that names the path and what is wrong, ready for the operator.
// Nothing is changed in a directory that is refused.
#pragma once

#include <memory>
#include <string>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/storage/durable_env.h"
#include "common/storage/identity.h"
#include "common/storage/kv_store.h"

namespace baton {

class DataDir {
 public:
  // Opens `path` for a daemon of this kind; makes it, with its parents, when it is missing, and
  // takes it when it is empty. `env` outlives it.
  //   unavailable: locked by another process, or an I/O error; invalid_argument: not a directory,
  //   unreadable, not empty and not a data directory; conflict: belongs to the other kind of
  //   daemon; unsupported_version: written by a newer Baton; data_loss: identity damaged or missing
  //   beside a store, store missing beside an identity.
  static Result<std::unique_ptr<DataDir>> open(DurableEnv& env, std::string path, StoreKind kind,
                                               Random& random);
  ~DataDir();
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }
  // Durable when it returns ok; after an error the old identity is still the one. Blocks (one small
  // file): identities change at start, enrolment and sealing, and seldom later.
  Status save(const Identity& identity);

  // Opens the key-value store, creating it the first time. data_loss when it is damaged or belongs
  // to another directory. The store must be destroyed before the DataDir.
  Result<std::unique_ptr<KvStore>> open_store(KvStore::Options options);
  Result<std::unique_ptr<KvStore>> open_store() { return open_store(KvStore::Options{}); }

 private:
  DataDir(DurableEnv& env, std::string path) : env_(env), path_(std::move(path)) {}
  Status lock();
  Status read_identity(StoreKind kind);
  Status create_identity(StoreKind kind, Random& random);
  [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

  DurableEnv& env_;
  const std::string path_;
  leveldb::FileLock* lock_ = nullptr;
  Identity identity_;
};

}  // namespace baton
