// DurableEnv: the file operations of a store, with the habits that LevelDB lacks.
//
// 1. A file's name is durable before the call that created, renamed or removed it returns (the
//    directory is synced too).
// 2. Fail-stop (I15): after the first failed write, sync, create, rename or remove every later one
//    fails as well, so nothing is acknowledged on top of a hole; a failed sync is never tried
//    again, since the kernel may have marked the lost pages clean. Reading goes on.
// 3. A file that is read from its front on is read whole: LevelDB takes a read error in its log for
//    the log's end, and would write down what it has as all there is. So such an error is a failure
//    as in 2, and nothing is written after it.
// And tables are opened and read with more care (table_file.h).
//
// May be used from any thread, as LevelDB does.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <leveldb/env.h>

#include "common/base/status.h"

namespace baton {

// What leveldb::Env lacks. An Env that is not the machine's file system (the simulated one)
// implements it beside leveldb::Env; for any other DurableEnv asks the operating system.
class EnvExtras {
 public:
  virtual ~EnvExtras() = default;
  virtual leveldb::Status sync_directory(const std::string& directory) = 0;
  virtual std::uint64_t free_bytes(const std::string& directory) = 0;
};

class DurableEnv final : public leveldb::EnvWrapper {
 public:
  // `base` outlives this.
  explicit DurableEnv(leveldb::Env& base);
  ~DurableEnv() override;

  // Each listener is called once, with the first failure, on whichever thread met it (LevelDB's own
  // too); at once when that has happened already.
  void add_on_failed(std::function<void(const Status&)> on_failed);
  // Ok until the first failure, then that failure for good.
  [[nodiscard]] Status failure() const;

  // Where the block of a table is that was last read damaged, for messages; empty: none was.
  [[nodiscard]] std::string damage_seen() const;

  // Room left for an unprivileged process on the file system of `directory`; 0 when it cannot be
  // told.
  [[nodiscard]] std::uint64_t free_bytes(const std::string& directory) const;
  // Ok once every name in `directory` is durable.
  leveldb::Status sync_directory(const std::string& directory);

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** result) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** result) override;
  leveldb::Status NewAppendableFile(const std::string& name,
                                    leveldb::WritableFile** result) override;
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** result) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status CreateDir(const std::string& name) override;

 private:
  class Latch;
  class File;
  class WholeFile;

  leveldb::Status wrap(leveldb::Status created, const std::string& name,
                       leveldb::WritableFile** result);
  leveldb::Status open_for_reading(const std::string& name,
                                   std::unique_ptr<leveldb::RandomAccessFile>& file);

  EnvExtras* extras_;  // null: the operating system
  std::shared_ptr<Latch> latch_;
};

// A LevelDB status in our words: data_loss for damage, not_found, unavailable for an I/O error.
Status from_leveldb(const leveldb::Status& status);

// Replaces the file `name` by `data` as a whole: after a crash it has the old bytes or the new
// ones. `scratch` is a file beside it that is written first; a left-over one is overwritten.
Status write_file_atomically(DurableEnv& env, const std::string& name, const std::string& scratch,
                             std::string_view data);

}  // namespace baton
