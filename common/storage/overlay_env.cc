#include "common/storage/overlay_env.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace baton {
namespace {

class NoLock final : public leveldb::FileLock {};

}  // namespace

class OverlayEnv::Writer final : public leveldb::WritableFile {
 public:
  Writer(const OverlayEnv& env, Bytes bytes) : env_(env), bytes_(std::move(bytes)) {}

  leveldb::Status Append(const leveldb::Slice& data) override {
    leveldb::Status open = env_.check_open();
    if (open.ok()) bytes_->append(data.data(), data.size());
    return open;
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return env_.check_open(); }
  leveldb::Status Sync() override { return env_.check_open(); }

 private:
  const OverlayEnv& env_;
  const Bytes bytes_;
};

// LevelDB reads a file that was written here only when it is complete.
class OverlayEnv::Reader final : public leveldb::SequentialFile, public leveldb::RandomAccessFile {
 public:
  explicit Reader(Bytes bytes) : bytes_(std::move(bytes)) {}

  leveldb::Status Read(std::size_t size, leveldb::Slice* result, char* scratch) override {
    leveldb::Status read = Read(at_, size, result, scratch);
    at_ += result->size();
    return read;
  }
  leveldb::Status Skip(std::uint64_t size) override {
    at_ = std::min<std::uint64_t>(bytes_->size(), at_ + size);
    return leveldb::Status::OK();
  }
  leveldb::Status Read(std::uint64_t offset, std::size_t size, leveldb::Slice* result,
                       char* scratch) const override {
    const std::size_t from = std::min<std::uint64_t>(offset, bytes_->size());
    const std::size_t count = std::min(size, bytes_->size() - from);
    std::memcpy(scratch, bytes_->data() + from, count);
    *result = leveldb::Slice(scratch, count);
    return leveldb::Status::OK();
  }

 private:
  const Bytes bytes_;
  std::uint64_t at_ = 0;
};

OverlayEnv::Bytes OverlayEnv::find(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = written_.find(path);
  return found == written_.end() ? nullptr : found->second;
}

bool OverlayEnv::is_removed(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return removed_.contains(path);
}

leveldb::Status OverlayEnv::check_open() const {
  const std::lock_guard lock(mutex_);
  return closed_ ? leveldb::Status::IOError("the examination is over") : leveldb::Status::OK();
}

leveldb::Status OverlayEnv::NewSequentialFile(const std::string& path,
                                              leveldb::SequentialFile** result) {
  *result = nullptr;
  if (leveldb::Status open = check_open(); !open.ok()) return open;
  if (Bytes bytes = find(path)) {
    *result = new Reader(std::move(bytes));  // LevelDB's interface: the caller owns it
    return leveldb::Status::OK();
  }
  if (is_removed(path)) return leveldb::Status::NotFound(path, "removed");
  return target()->NewSequentialFile(path, result);
}

leveldb::Status OverlayEnv::NewRandomAccessFile(const std::string& path,
                                                leveldb::RandomAccessFile** result) {
  *result = nullptr;
  if (leveldb::Status open = check_open(); !open.ok()) return open;
  if (Bytes bytes = find(path)) {
    *result = new Reader(std::move(bytes));  // LevelDB's interface: the caller owns it
    return leveldb::Status::OK();
  }
  if (is_removed(path)) return leveldb::Status::NotFound(path, "removed");
  return target()->NewRandomAccessFile(path, result);
}

leveldb::Status OverlayEnv::NewWritableFile(const std::string& path,
                                            leveldb::WritableFile** result) {
  *result = nullptr;
  if (leveldb::Status open = check_open(); !open.ok()) return open;
  auto bytes = std::make_shared<std::string>();
  {
    const std::lock_guard lock(mutex_);
    written_[path] = bytes;
    removed_.erase(path);
  }
  *result = new Writer(*this, std::move(bytes));  // LevelDB's interface: the caller owns it
  return leveldb::Status::OK();
}

leveldb::Status OverlayEnv::NewAppendableFile(const std::string& path,
                                              leveldb::WritableFile** result) {
  *result = nullptr;
  return leveldb::Status::NotSupported(path, "nothing is appended to in an examination");
}

bool OverlayEnv::FileExists(const std::string& path) {
  return find(path) != nullptr || (!is_removed(path) && target()->FileExists(path));
}

leveldb::Status OverlayEnv::GetChildren(const std::string& directory,
                                        std::vector<std::string>* result) {
  leveldb::Status listed = target()->GetChildren(directory, result);
  const std::lock_guard lock(mutex_);
  const std::string prefix = directory + "/";
  std::erase_if(*result, [&](const std::string& name) { return removed_.contains(prefix + name); });
  for (const auto& [path, bytes] : written_) {
    if (!path.starts_with(prefix)) continue;
    const std::string name = path.substr(prefix.size());
    if (std::find(result->begin(), result->end(), name) == result->end()) result->push_back(name);
  }
  return listed;
}

leveldb::Status OverlayEnv::RemoveFile(const std::string& path) {
  if (leveldb::Status open = check_open(); !open.ok()) return open;
  if (!FileExists(path)) return leveldb::Status::NotFound(path, "removed");
  const std::lock_guard lock(mutex_);
  written_.erase(path);
  removed_.insert(path);
  return leveldb::Status::OK();
}

leveldb::Status OverlayEnv::CreateDir(const std::string& path) {
  return target()->FileExists(path) ? leveldb::Status::OK()
                                    : leveldb::Status::IOError(path, "it is missing");
}

leveldb::Status OverlayEnv::RemoveDir(const std::string& path) {
  return leveldb::Status::NotSupported(path, "no folder is removed in an examination");
}

leveldb::Status OverlayEnv::GetFileSize(const std::string& path, std::uint64_t* size) {
  if (const Bytes bytes = find(path)) {
    *size = bytes->size();
    return leveldb::Status::OK();
  }
  if (is_removed(path)) return leveldb::Status::NotFound(path, "removed");
  return target()->GetFileSize(path, size);
}

leveldb::Status OverlayEnv::RenameFile(const std::string& from, const std::string& to) {
  if (leveldb::Status open = check_open(); !open.ok()) return open;
  Bytes bytes = find(from);
  // Whoever renames a file has just written it.
  if (bytes == nullptr) return leveldb::Status::NotSupported(from, "it was not written here");
  const std::lock_guard lock(mutex_);
  written_[to] = std::move(bytes);
  written_.erase(from);
  removed_.insert(from);
  removed_.erase(to);
  return leveldb::Status::OK();
}

leveldb::Status OverlayEnv::LockFile(const std::string&, leveldb::FileLock** lock) {
  *lock = new NoLock;  // LevelDB's interface: it gives it back
  return leveldb::Status::OK();
}

leveldb::Status OverlayEnv::UnlockFile(leveldb::FileLock* lock) {
  delete lock;
  return leveldb::Status::OK();
}

// Never at once: LevelDB holds a lock that its work takes.
void OverlayEnv::Schedule(void (*function)(void*), void* argument) {
  const std::lock_guard lock(mutex_);
  background_.emplace_back(function, argument);
}

void OverlayEnv::SleepForMicroseconds(int micros) {
  if (micros != 0) return target()->SleepForMicroseconds(micros);
  for (;;) {
    std::vector<std::pair<void (*)(void*), void*>> background;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      background.swap(background_);
    }
    if (background.empty()) return;
    for (const auto& [function, argument] : background) function(argument);
  }
}

}  // namespace baton
