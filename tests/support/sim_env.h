// SimEnv: a leveldb::Env in memory that is deterministic and breaks on demand.
//
// The same calls and the same seed give the same disk and the same trace_hash(). One thread only.
// LevelDB's background work is queued and runs inside a later call, as if its thread had been given
// time then: while somebody writes to a log file or sleeps.
//
// A process that uses it dies in two steps: stop() (or a fault of crash_at) makes every operation
// fail, then, when the process's objects are gone, restart_after_kill() or
// restart_after_power_cut() lets the next one in.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <leveldb/env.h>

#include "common/base/random.h"
#include "common/storage/durable_env.h"
#include "tests/support/sim_disk.h"

namespace baton::sim {

// What goes wrong with an operation.
enum class Fault : std::uint8_t {
  kError,       // EIO; nothing of it happened
  kNoSpace,     // ENOSPC; half of an append was written
  kShortWrite,  // EIO; half of an append was written
  kCleanPages,  // EIO from a sync, after which the kernel takes the unwritten pages for clean
};

class SimEnv final : public leveldb::Env, public EnvExtras {
 public:
  struct Options {
    std::uint64_t seed = 1;
    bool strict_directories = true;
    std::uint64_t capacity_bytes = std::uint64_t{1} << 50;
  };
  explicit SimEnv(Options options);
  SimEnv() : SimEnv(Options{}) {}
  ~SimEnv() override;

  // ---- what a test does to it ----

  // Operations that change the disk, counted from 1: create, append, sync, rename, remove,
  // directories.
  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  [[nodiscard]] std::uint64_t reads() const { return reads_; }
  [[nodiscard]] std::uint64_t syncs() const { return syncs_; }
  [[nodiscard]] std::uint64_t faults_met() const { return faults_met_ + read_faults_met_; }
  // Without those of reads.
  [[nodiscard]] std::uint64_t write_faults_met() const { return faults_met_; }
  // Of everything that was done so far.
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_hash_; }

  // That operation happens in part or not at all, and it and all later ones fail, until a restart.
  void crash_at(std::uint64_t operation) { crash_at_ = operation; }
  // That operation fails; with sticky every later one too. A restart ends it.
  void fail_at(std::uint64_t operation, Fault fault, bool sticky = false);
  void fail_read_at(std::uint64_t read) { fail_read_at_ = read; }
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  // Called before each operation that changes the disk, with its kind ("append", "sync", ...): lets
  // time pass.
  void set_on_operation(std::function<void(const char* kind)> hook) { hook_ = std::move(hook); }

  void stop() { stopped_ = true; }
  [[nodiscard]] bool stopped() const { return stopped_; }
  // The process died, the machine lives: all that was written is still there, synced or not.
  void restart_after_kill();
  // The machine died: only what was synced is sure to be there.
  void restart_after_power_cut();

  // Runs LevelDB's queued background work.
  void run_background();

  // The disk itself, for damaging it or putting an older state back. Not while a process is alive.
  [[nodiscard]] SimDisk& disk() { return disk_; }
  [[nodiscard]] const SimDisk& disk() const { return disk_; }
  // It becomes a copy of `disk`, all of it durable.
  void set_disk(const SimDisk& disk) { disk_ = disk.copy(); }
  // Of every file whose name ends so.
  [[nodiscard]] std::vector<std::string> paths_ending(const std::string& suffix) const;

  // ---- EnvExtras ----
  leveldb::Status sync_directory(const std::string& directory) override;
  std::uint64_t free_bytes(const std::string& directory) override;

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
  leveldb::Status LockFile(const std::string& path, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  void Schedule(void (*function)(void*), void* argument) override;
  void StartThread(void (*function)(void*), void* argument) override;
  leveldb::Status GetTestDirectory(std::string* path) override;
  leveldb::Status NewLogger(const std::string& path, leveldb::Logger** result) override;
  std::uint64_t NowMicros() override { return ++micros_; }
  void SleepForMicroseconds(int micros) override;

 private:
  class Writer;
  class Sequential;
  class RandomAccess;
  class Lock;
  struct Outcome {
    leveldb::Status status;
    double part = 1;  // of an append that happens although the operation fails
    bool clean_pages = false;
    bool may_have_happened = false;  // the process died during it
  };

  // Counts the operation and says what becomes of it.
  Outcome operation(const char* kind, const std::string& path, std::uint64_t size);
  leveldb::Status read_operation(const std::string& path);
  leveldb::Status append(const std::string& path, SimFile& file, const leveldb::Slice& data);
  leveldb::Status sync(const std::string& path, SimFile& file);
  void restart();
  void mix(std::string_view bytes);

  Random random_;
  SimDisk disk_;
  std::uint64_t capacity_;
  std::function<void(const char*)> hook_;

  std::uint64_t operations_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t faults_met_ = 0;
  std::uint64_t read_faults_met_ = 0;
  std::uint64_t trace_hash_ = 0xcbf29ce484222325U;
  std::uint64_t micros_ = 0;

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  std::uint64_t crash_at_ = kNever;
  std::uint64_t fail_at_ = kNever;
  std::uint64_t fail_read_at_ = kNever;
  Fault fault_ = Fault::kError;
  bool sticky_ = false;
  bool stopped_ = false;
  std::uint64_t life_ = 1;  // files and locks of an earlier life are dead

  std::set<std::string> locks_;
  std::deque<std::pair<void (*)(void*), void*>> background_;
  bool in_background_ = false;
};

}  // namespace baton::sim
