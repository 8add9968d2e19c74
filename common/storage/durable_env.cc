#include "common/storage/durable_env.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/storage/table_file.h"

namespace baton {
namespace {

std::string parent_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : name.substr(0, slash);
}

leveldb::Status sync_directory_of_system(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return leveldb::Status::IOError(directory, std::strerror(errno));
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return result == 0 ? leveldb::Status::OK()
                     : leveldb::Status::IOError(directory, std::strerror(error));
}

std::uint64_t free_bytes_of_system(const std::string& directory) {
  struct statvfs facts{};
  if (::statvfs(directory.c_str(), &facts) != 0) return 0;
  return std::uint64_t{facts.f_bavail} * facts.f_frsize;
}

// LevelDB's own would map the file into memory: there a read error kills the process instead of
// being reported, and the memory of a daemon would seem to grow with its files.
class PreadFile final : public leveldb::RandomAccessFile {
 public:
  PreadFile(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}
  ~PreadFile() override { ::close(fd_); }

  leveldb::Status Read(std::uint64_t offset, std::size_t size, leveldb::Slice* result,
                       char* scratch) const override {
    std::size_t got = 0;
    while (got < size) {
      const ssize_t read =
          ::pread(fd_, scratch + got, size - got, static_cast<off_t>(offset + got));
      if (read < 0 && errno == EINTR) continue;
      if (read < 0) return leveldb::Status::IOError(name_, std::strerror(errno));
      if (read == 0) break;
      got += static_cast<std::size_t>(read);
    }
    *result = leveldb::Slice(scratch, got);
    return leveldb::Status::OK();
  }

 private:
  const std::string name_;
  const int fd_;
};

}  // namespace

// Remembers the first failure. Shared with the open files, which may outlive the env's last call.
class DurableEnv::Latch {
 public:
  [[nodiscard]] leveldb::Status check() const {
    if (!failed_.load(std::memory_order_acquire)) return leveldb::Status::OK();
    return leveldb::Status::IOError("the store has stopped", failure().message());
  }

  [[nodiscard]] Status failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

  // Passes `status` on, keeping it when it is the first failure.
  leveldb::Status note(leveldb::Status status) {
    if (!status.ok()) fail(Status(ErrorCode::kUnavailable, status.ToString()));
    return status;
  }

  void note_damage(const std::string& where) {
    const std::lock_guard lock(mutex_);
    damage_seen_ = where;
  }
  [[nodiscard]] std::string damage_seen() const {
    const std::lock_guard lock(mutex_);
    return damage_seen_;
  }

  void add_listener(std::function<void(const Status&)> listener) {
    {
      const std::lock_guard lock(mutex_);
      if (failure_.ok()) {
        listeners_.push_back(std::move(listener));
        return;
      }
    }
    listener(failure());
  }

 private:
  void fail(Status failure) {
    std::vector<std::function<void(const Status&)>> listeners;
    {
      const std::lock_guard lock(mutex_);
      if (!failure_.ok()) return;
      failure_ = failure;
      listeners.swap(listeners_);
    }
    failed_.store(true, std::memory_order_release);
    for (const auto& listener : listeners) listener(failure);
  }

  mutable std::mutex mutex_;
  Status failure_;
  std::string damage_seen_;
  std::vector<std::function<void(const Status&)>> listeners_;
  std::atomic<bool> failed_ = false;
};

class DurableEnv::File final : public leveldb::WritableFile {
 public:
  File(std::unique_ptr<leveldb::WritableFile> base, std::shared_ptr<Latch> latch)
      : base_(std::move(base)), latch_(std::move(latch)) {}

  leveldb::Status Append(const leveldb::Slice& data) override {
    return guarded([&] { return base_->Append(data); });
  }
  leveldb::Status Close() override {
    return guarded([&] { return base_->Close(); });
  }
  leveldb::Status Flush() override {
    return guarded([&] { return base_->Flush(); });
  }
  leveldb::Status Sync() override {
    return guarded([&] { return base_->Sync(); });
  }

 private:
  template <class Operation>
  leveldb::Status guarded(Operation operation) {
    leveldb::Status stopped = latch_->check();
    return stopped.ok() ? latch_->note(operation()) : stopped;
  }

  std::unique_ptr<leveldb::WritableFile> base_;
  std::shared_ptr<Latch> latch_;
};

class DurableEnv::WholeFile final : public leveldb::SequentialFile {
 public:
  WholeFile(std::unique_ptr<leveldb::SequentialFile> base, std::shared_ptr<Latch> latch)
      : base_(std::move(base)), latch_(std::move(latch)) {}

  leveldb::Status Read(std::size_t size, leveldb::Slice* result, char* scratch) override {
    return latch_->note(base_->Read(size, result, scratch));
  }
  leveldb::Status Skip(std::uint64_t size) override { return latch_->note(base_->Skip(size)); }

 private:
  std::unique_ptr<leveldb::SequentialFile> base_;
  std::shared_ptr<Latch> latch_;
};

DurableEnv::DurableEnv(leveldb::Env& base)
    : EnvWrapper(&base),
      extras_(dynamic_cast<EnvExtras*>(&base)),
      latch_(std::make_shared<Latch>()) {}

DurableEnv::~DurableEnv() = default;

void DurableEnv::add_on_failed(std::function<void(const Status&)> on_failed) {
  latch_->add_listener(std::move(on_failed));
}

Status DurableEnv::failure() const { return latch_->failure(); }

std::string DurableEnv::damage_seen() const { return latch_->damage_seen(); }

std::uint64_t DurableEnv::free_bytes(const std::string& directory) const {
  return extras_ != nullptr ? extras_->free_bytes(directory) : free_bytes_of_system(directory);
}

leveldb::Status DurableEnv::sync_directory(const std::string& directory) {
  if (leveldb::Status stopped = latch_->check(); !stopped.ok()) return stopped;
  return latch_->note(extras_ != nullptr ? extras_->sync_directory(directory)
                                         : sync_directory_of_system(directory));
}

leveldb::Status DurableEnv::NewSequentialFile(const std::string& name,
                                              leveldb::SequentialFile** result) {
  const leveldb::Status opened = target()->NewSequentialFile(name, result);
  if (opened.IsNotFound()) return opened;
  if (!opened.ok()) return latch_->note(opened);
  std::unique_ptr<leveldb::SequentialFile> file(*result);
  *result = new WholeFile(std::move(file), latch_);  // LevelDB's interface: the caller owns it
  return leveldb::Status::OK();
}

leveldb::Status DurableEnv::NewWritableFile(const std::string& name,
                                            leveldb::WritableFile** result) {
  *result = nullptr;
  if (leveldb::Status stopped = latch_->check(); !stopped.ok()) return stopped;
  return wrap(target()->NewWritableFile(name, result), name, result);
}

leveldb::Status DurableEnv::NewAppendableFile(const std::string& name,
                                              leveldb::WritableFile** result) {
  *result = nullptr;
  if (leveldb::Status stopped = latch_->check(); !stopped.ok()) return stopped;
  return wrap(target()->NewAppendableFile(name, result), name, result);
}

leveldb::Status DurableEnv::wrap(leveldb::Status created, const std::string& name,
                                 leveldb::WritableFile** result) {
  if (!created.ok()) return latch_->note(created);
  std::unique_ptr<leveldb::WritableFile> file(*result);
  *result = nullptr;
  if (leveldb::Status synced = sync_directory(parent_of(name)); !synced.ok()) return synced;
  *result = new File(std::move(file), latch_);  // LevelDB's interface: the caller owns it
  return leveldb::Status::OK();
}

leveldb::Status DurableEnv::NewRandomAccessFile(const std::string& name,
                                                leveldb::RandomAccessFile** result) {
  *result = nullptr;
  std::unique_ptr<leveldb::RandomAccessFile> file;
  if (leveldb::Status opened = open_for_reading(name, file); !opened.ok()) return opened;
  if (!is_table_name(name)) {
    *result = file.release();  // LevelDB's interface: the caller owns it
    return leveldb::Status::OK();
  }
  std::uint64_t bytes = 0;
  if (leveldb::Status sized = target()->GetFileSize(name, &bytes); !sized.ok()) return sized;
  return open_table_file(
      name, bytes, std::move(file),
      [latch = latch_](const std::string& where) { latch->note_damage(where); }, result);
}

// A table that is not there is an error: LevelDB would pass a NotFound on as if the key did not
// exist.
leveldb::Status DurableEnv::open_for_reading(const std::string& name,
                                             std::unique_ptr<leveldb::RandomAccessFile>& file) {
  if (extras_ != nullptr) {
    leveldb::RandomAccessFile* opened = nullptr;
    const leveldb::Status status = target()->NewRandomAccessFile(name, &opened);
    file.reset(opened);
    return status.IsNotFound() ? leveldb::Status::IOError(name, "it is missing") : status;
  }
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return leveldb::Status::IOError(name, std::strerror(errno));
  file = std::make_unique<PreadFile>(name, fd);
  return leveldb::Status::OK();
}

leveldb::Status DurableEnv::RemoveFile(const std::string& name) {
  if (leveldb::Status stopped = latch_->check(); !stopped.ok()) return stopped;
  leveldb::Status removed = target()->RemoveFile(name);
  if (removed.IsNotFound()) return removed;
  latch_->note(removed);
  return removed.ok() ? sync_directory(parent_of(name)) : removed;
}

leveldb::Status DurableEnv::RenameFile(const std::string& from, const std::string& to) {
  if (leveldb::Status stopped = latch_->check(); !stopped.ok()) return stopped;
  leveldb::Status renamed = latch_->note(target()->RenameFile(from, to));
  return renamed.ok() ? sync_directory(parent_of(to)) : renamed;
}

leveldb::Status DurableEnv::CreateDir(const std::string& name) {
  if (leveldb::Status stopped = latch_->check(); !stopped.ok()) return stopped;
  leveldb::Status created = target()->CreateDir(name);
  if (created.ok()) return sync_directory(parent_of(name));
  // That it exists already is an error here, and no harm: LevelDB always tries.
  return target()->FileExists(name) ? created : latch_->note(created);
}

Status from_leveldb(const leveldb::Status& status) {
  if (status.ok()) return {};
  if (status.IsNotFound()) return Status(ErrorCode::kNotFound, status.ToString());
  if (status.IsCorruption()) return Status(ErrorCode::kDataLoss, status.ToString());
  return Status(ErrorCode::kUnavailable, status.ToString());
}

Status write_file_atomically(DurableEnv& env, const std::string& name, const std::string& scratch,
                             std::string_view data) {
  leveldb::WritableFile* opened = nullptr;
  BATON_RETURN_IF_ERROR(from_leveldb(env.NewWritableFile(scratch, &opened)));
  const std::unique_ptr<leveldb::WritableFile> file(opened);
  BATON_RETURN_IF_ERROR(from_leveldb(file->Append(leveldb::Slice(data.data(), data.size()))));
  BATON_RETURN_IF_ERROR(from_leveldb(file->Sync()));
  BATON_RETURN_IF_ERROR(from_leveldb(file->Close()));
  return from_leveldb(env.RenameFile(scratch, name));
}

}  // namespace baton
