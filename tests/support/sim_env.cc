#include "tests/support/sim_env.h"

#include <algorithm>
#include <cstdarg>
#include <cstring>

#include "common/base/check.h"

namespace baton::sim {
namespace {

leveldb::Status io_error(const std::string& path, const char* what) {
  return leveldb::Status::IOError(path, what);
}

class NoLogger final : public leveldb::Logger {
 public:
  void Logv(const char* /*format*/, std::va_list /*arguments*/) override {}
};

}  // namespace

class SimEnv::Writer final : public leveldb::WritableFile {
 public:
  Writer(SimEnv& env, std::string path, SimFilePtr file)
      : env_(env), path_(std::move(path)), file_(std::move(file)), life_(env.life_) {}

  leveldb::Status Append(const leveldb::Slice& data) override {
    if (life_ != env_.life_) return io_error(path_, "the process that opened it is dead");
    if (is_log()) env_.run_background();
    return env_.append(path_, *file_, data);
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override {
    if (life_ != env_.life_) return io_error(path_, "the process that opened it is dead");
    if (is_log()) env_.run_background();
    return env_.sync(path_, *file_);
  }

 private:
  // LevelDB holds no lock while it writes to its log, so here its background thread may run.
  [[nodiscard]] bool is_log() const { return path_.ends_with(".log"); }

  SimEnv& env_;
  const std::string path_;
  const SimFilePtr file_;
  const std::uint64_t life_;
};

class SimEnv::Sequential final : public leveldb::SequentialFile {
 public:
  Sequential(SimEnv& env, std::string path, SimFilePtr file)
      : env_(env), path_(std::move(path)), file_(std::move(file)) {}

  leveldb::Status Read(std::size_t size, leveldb::Slice* result, char* scratch) override {
    *result = leveldb::Slice();
    if (leveldb::Status status = env_.read_operation(path_); !status.ok()) return status;
    const std::size_t got = std::min(size, file_->data.size() - at_);
    std::memcpy(scratch, file_->data.data() + at_, got);
    at_ += got;
    *result = leveldb::Slice(scratch, got);
    return leveldb::Status::OK();
  }
  leveldb::Status Skip(std::uint64_t size) override {
    at_ = std::min<std::size_t>(at_ + size, file_->data.size());
    return leveldb::Status::OK();
  }

 private:
  SimEnv& env_;
  const std::string path_;
  const SimFilePtr file_;
  std::size_t at_ = 0;
};

class SimEnv::RandomAccess final : public leveldb::RandomAccessFile {
 public:
  RandomAccess(SimEnv& env, std::string path, SimFilePtr file)
      : env_(env), path_(std::move(path)), file_(std::move(file)) {}

  leveldb::Status Read(std::uint64_t offset, std::size_t size, leveldb::Slice* result,
                       char* scratch) const override {
    *result = leveldb::Slice();
    if (leveldb::Status status = env_.read_operation(path_); !status.ok()) return status;
    const std::size_t from = std::min<std::size_t>(offset, file_->data.size());
    const std::size_t got = std::min(size, file_->data.size() - from);
    std::memcpy(scratch, file_->data.data() + from, got);
    *result = leveldb::Slice(scratch, got);
    return leveldb::Status::OK();
  }

 private:
  SimEnv& env_;
  const std::string path_;
  const SimFilePtr file_;
};

class SimEnv::Lock final : public leveldb::FileLock {
 public:
  Lock(std::string path, std::uint64_t life) : path(std::move(path)), life(life) {}
  const std::string path;
  const std::uint64_t life;
};

SimEnv::SimEnv(Options options)
    : random_(options.seed), disk_(options.strict_directories), capacity_(options.capacity_bytes) {}

SimEnv::~SimEnv() = default;

void SimEnv::fail_at(std::uint64_t operation, Fault fault, bool sticky) {
  fail_at_ = operation;
  fault_ = fault;
  sticky_ = sticky;
}

void SimEnv::restart() {
  BATON_CHECK(background_.empty());  // the dead process's store is destroyed first
  stopped_ = false;
  crash_at_ = kNever;
  fail_at_ = kNever;
  fail_read_at_ = kNever;
  sticky_ = false;
  locks_.clear();
  ++life_;
}

void SimEnv::restart_after_kill() { restart(); }

void SimEnv::restart_after_power_cut() {
  restart();
  disk_.cut_power(random_);
}

void SimEnv::run_background() {
  if (in_background_) return;
  in_background_ = true;
  while (!background_.empty()) {
    const auto [function, argument] = background_.front();
    background_.pop_front();
    function(argument);
  }
  in_background_ = false;
}

std::vector<std::string> SimEnv::paths_ending(const std::string& suffix) const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : disk_.files()) {
    if (path.ends_with(suffix)) paths.push_back(path);
  }
  return paths;
}

void SimEnv::mix(std::string_view bytes) {
  for (const char c : bytes) {
    trace_hash_ = (trace_hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
}

SimEnv::Outcome SimEnv::operation(const char* kind, const std::string& path, std::uint64_t size) {
  if (stopped_) return {io_error(path, "the machine has stopped"), 0};
  if (hook_) hook_(kind);
  ++operations_;
  mix(kind);
  mix(path);
  mix(std::to_string(size));
  if (operations_ >= crash_at_) {
    stopped_ = true;
    return {io_error(path, "the machine stops"), 0.5, false, random_.one_in(2)};
  }
  const bool fails = operations_ == fail_at_ || (sticky_ && operations_ > fail_at_);
  if (!fails) return {leveldb::Status::OK()};
  ++faults_met_;
  switch (fault_) {
    case Fault::kError:
      return {io_error(path, "Input/output error"), 0};
    case Fault::kNoSpace:
      return {io_error(path, "No space left on device"), 0.5};
    case Fault::kShortWrite:
      return {io_error(path, "Input/output error"), 0.5};
    case Fault::kCleanPages:
      return {io_error(path, "Input/output error"), 0, true};
  }
  return {io_error(path, "unknown fault"), 0};
}

leveldb::Status SimEnv::read_operation(const std::string& path) {
  if (stopped_) return io_error(path, "the machine has stopped");
  if (++reads_ == fail_read_at_) {
    ++read_faults_met_;
    return io_error(path, "Input/output error");
  }
  return leveldb::Status::OK();
}

leveldb::Status SimEnv::append(const std::string& path, SimFile& file, const leveldb::Slice& data) {
  const Outcome outcome = operation("append", path, data.size());
  std::size_t size = data.size();
  if (!outcome.status.ok()) {
    size = static_cast<std::size_t>(static_cast<double>(size) * outcome.part);
  }
  const std::uint64_t used = disk_.used_bytes();
  const std::size_t room = used >= capacity_ ? 0 : static_cast<std::size_t>(capacity_ - used);
  file.data.append(data.data(), std::min(size, room));
  if (outcome.status.ok() && size > room) return io_error(path, "No space left on device");
  return outcome.status;
}

leveldb::Status SimEnv::sync(const std::string& path, SimFile& file) {
  const Outcome outcome = operation("sync", path, file.data.size());
  if (outcome.status.ok() || outcome.may_have_happened) disk_.sync_file(path, file);
  if (outcome.clean_pages) SimDisk::lose_pages(file);
  if (outcome.status.ok()) ++syncs_;
  return outcome.status;
}

leveldb::Status SimEnv::sync_directory(const std::string& directory) {
  const Outcome outcome = operation("sync_directory", directory, 0);
  if (outcome.status.ok() || outcome.may_have_happened) disk_.sync_directory(directory);
  return outcome.status;
}

std::uint64_t SimEnv::free_bytes(const std::string& /*directory*/) {
  const std::uint64_t used = disk_.used_bytes();
  return used >= capacity_ ? 0 : capacity_ - used;
}

leveldb::Status SimEnv::NewSequentialFile(const std::string& path,
                                          leveldb::SequentialFile** result) {
  *result = nullptr;
  if (leveldb::Status status = read_operation(path); !status.ok()) return status;
  const SimFilePtr file = disk_.find(path);
  if (file == nullptr) return leveldb::Status::NotFound(path, "no such file");
  *result = new Sequential(*this, path, file);
  return leveldb::Status::OK();
}

leveldb::Status SimEnv::NewRandomAccessFile(const std::string& path,
                                            leveldb::RandomAccessFile** result) {
  *result = nullptr;
  if (leveldb::Status status = read_operation(path); !status.ok()) return status;
  const SimFilePtr file = disk_.find(path);
  if (file == nullptr) return leveldb::Status::NotFound(path, "no such file");
  *result = new RandomAccess(*this, path, file);
  return leveldb::Status::OK();
}

leveldb::Status SimEnv::NewWritableFile(const std::string& path, leveldb::WritableFile** result) {
  *result = nullptr;
  const Outcome outcome = operation("create", path, 0);
  const bool possible = disk_.is_directory(parent_directory(path)) && !disk_.is_directory(path);
  if (possible && (outcome.status.ok() || outcome.may_have_happened)) {
    SimFilePtr file = disk_.create(path);
    if (outcome.status.ok()) *result = new Writer(*this, path, std::move(file));
  }
  if (outcome.status.ok() && !possible) return io_error(path, "No such file or directory");
  return outcome.status;
}

leveldb::Status SimEnv::NewAppendableFile(const std::string& path, leveldb::WritableFile** result) {
  SimFilePtr file = disk_.find(path);
  if (file == nullptr) return NewWritableFile(path, result);
  *result = nullptr;
  const Outcome outcome = operation("open", path, file->data.size());
  if (outcome.status.ok()) *result = new Writer(*this, path, std::move(file));
  return outcome.status;
}

bool SimEnv::FileExists(const std::string& path) {
  return disk_.find(path) != nullptr || disk_.is_directory(path);
}

leveldb::Status SimEnv::GetChildren(const std::string& directory,
                                    std::vector<std::string>* result) {
  result->clear();
  if (leveldb::Status status = read_operation(directory); !status.ok()) return status;
  if (!disk_.is_directory(directory)) {
    return disk_.find(directory) == nullptr
               ? leveldb::Status::NotFound(directory, "no such directory")
               : io_error(directory, "Not a directory");
  }
  *result = disk_.children(directory);
  return leveldb::Status::OK();
}

leveldb::Status SimEnv::RemoveFile(const std::string& path) {
  if (disk_.find(path) == nullptr) return leveldb::Status::NotFound(path, "no such file");
  const Outcome outcome = operation("remove", path, 0);
  if (outcome.status.ok() || outcome.may_have_happened) disk_.remove(path);
  return outcome.status;
}

leveldb::Status SimEnv::CreateDir(const std::string& path) {
  if (FileExists(path)) return io_error(path, "File exists");
  if (!disk_.is_directory(parent_directory(path))) {
    return leveldb::Status::NotFound(path, "no such directory above it");
  }
  const Outcome outcome = operation("mkdir", path, 0);
  if (outcome.status.ok() || outcome.may_have_happened) disk_.make_directory(path);
  return outcome.status;
}

leveldb::Status SimEnv::RemoveDir(const std::string& path) {
  if (!disk_.children(path).empty()) return io_error(path, "Directory not empty");
  const Outcome outcome = operation("rmdir", path, 0);
  if (outcome.status.ok() || outcome.may_have_happened) disk_.remove_directory(path);
  return outcome.status;
}

leveldb::Status SimEnv::GetFileSize(const std::string& path, std::uint64_t* size) {
  const SimFilePtr file = disk_.find(path);
  if (file == nullptr) return leveldb::Status::NotFound(path, "no such file");
  *size = file->data.size();
  return leveldb::Status::OK();
}

leveldb::Status SimEnv::RenameFile(const std::string& from, const std::string& to) {
  if (disk_.find(from) == nullptr) return leveldb::Status::NotFound(from, "no such file");
  const Outcome outcome = operation("rename", from + ">" + to, 0);
  if (outcome.status.ok() || outcome.may_have_happened) disk_.rename(from, to);
  return outcome.status;
}

leveldb::Status SimEnv::LockFile(const std::string& path, leveldb::FileLock** lock) {
  *lock = nullptr;
  if (stopped_) return io_error(path, "the machine has stopped");
  if (!disk_.is_directory(parent_directory(path))) return io_error(path, "No such directory");
  if (!locks_.insert(path).second) return io_error(path, "already held by process");
  if (disk_.find(path) == nullptr) disk_.create(path);
  *lock = new Lock(path, life_);
  return leveldb::Status::OK();
}

leveldb::Status SimEnv::UnlockFile(leveldb::FileLock* lock) {
  const std::unique_ptr<Lock> ours(static_cast<Lock*>(lock));
  if (ours->life == life_) locks_.erase(ours->path);
  return leveldb::Status::OK();
}

void SimEnv::Schedule(void (*function)(void*), void* argument) {
  background_.emplace_back(function, argument);
}

void SimEnv::StartThread(void (* /*function*/)(void*), void* /*argument*/) {
  BATON_CHECK(false);  // nothing in a simulation runs beside it
}

leveldb::Status SimEnv::GetTestDirectory(std::string* path) {
  *path = "/";
  return leveldb::Status::OK();
}

leveldb::Status SimEnv::NewLogger(const std::string& /*path*/, leveldb::Logger** result) {
  *result = new NoLogger;
  return leveldb::Status::OK();
}

void SimEnv::SleepForMicroseconds(int micros) {
  micros_ += static_cast<std::uint64_t>(std::max(micros, 0));
  run_background();
}

}  // namespace baton::sim
