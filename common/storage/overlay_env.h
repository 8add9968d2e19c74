// OverlayEnv: the files of another Env, to be read; what is written stays in memory and is gone
// with it.
//
// Lets LevelDB open a store, with all the recovery that it does, on files that must not change: an
// examination of a damaged directory must not be what destroys it. Only what an open writes fits
// here: the log goes into one table. Background work is never done: no compaction fills the memory.
//
// May be used from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <leveldb/env.h>

#include "common/storage/durable_env.h"

namespace baton {

class OverlayEnv final : public leveldb::EnvWrapper, public EnvExtras {
 public:
  // `files` outlives this; it is asked only for reading.
  explicit OverlayEnv(leveldb::Env& files) : EnvWrapper(&files) {}

  // ---- EnvExtras ----
  leveldb::Status sync_directory(const std::string&) override { return leveldb::Status::OK(); }
  std::uint64_t free_bytes(const std::string&) override { return 0; }

  // ---- leveldb::Env ----
  leveldb::Status NewSequentialFile(const std::string& path,
                                    leveldb::SequentialFile** result) override;
  leveldb::Status NewRandomAccessFile(const std::string& path,
                                      leveldb::RandomAccessFile** result) override;
  leveldb::Status NewWritableFile(const std::string& path, leveldb::WritableFile** result) override;
  leveldb::Status NewAppendableFile(const std::string& path,
                                    leveldb::WritableFile** result) override;
  bool FileExists(const std::string& path) override;
  leveldb::Status GetChildren(const std::string& directory,
                              std::vector<std::string>* result) override;
  leveldb::Status RemoveFile(const std::string& path) override;
  leveldb::Status CreateDir(const std::string& path) override;
  leveldb::Status RemoveDir(const std::string& path) override;
  leveldb::Status GetFileSize(const std::string& path, std::uint64_t* size) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  // Always given, and nothing is locked: whoever examines holds the lock of the directory.
  leveldb::Status LockFile(const std::string& path, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  void Schedule(void (*function)(void*), void* argument) override;
  // KvStore calls it when it closes: from now on every file operation fails, so that the background
  // work that LevelDB waits for ends at once.
  void SleepForMicroseconds(int micros) override;

 private:
  class Writer;
  class Reader;
  using Bytes = std::shared_ptr<std::string>;

  // The file if it was written here, null when it is to be looked for below.
  [[nodiscard]] Bytes find(const std::string& path) const;
  [[nodiscard]] bool is_removed(const std::string& path) const;
  leveldb::Status check_open() const;

  mutable std::mutex mutex_;
  std::map<std::string, Bytes> written_;
  std::set<std::string> removed_;
  std::vector<std::pair<void (*)(void*), void*>> background_;
  bool closed_ = false;
};

}  // namespace baton
