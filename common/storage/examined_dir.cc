#include "common/storage/examined_dir.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/storage/wal_check.h"

namespace baton {
namespace {

constexpr const char* kLock = "LOCK";
constexpr const char* kIdentity = "identity";
constexpr const char* kStore = "store";
constexpr std::string_view kOwnerKey = "aowner";

bool has(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::uint64_t bytes_below(leveldb::Env& env, const std::string& path, int depth) {
  std::vector<std::string> names;
  if (depth == 0 || !env.GetChildren(path, &names).ok()) return 0;
  std::uint64_t bytes = 0;
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    std::uint64_t size = 0;
    const std::uint64_t below = bytes_below(env, path + "/" + name, depth - 1);
    if (below == 0 && env.GetFileSize(path + "/" + name, &size).ok()) bytes += size;
    bytes += below;
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<ExaminedDir>> ExaminedDir::open(leveldb::Env& env, std::string path,
                                                       const OnFinding& tell) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  std::unique_ptr<ExaminedDir> dir(new ExaminedDir(env, std::move(path)));
  std::vector<std::string> names;
  if (const leveldb::Status listed = env.GetChildren(dir->path_, &names); !listed.ok()) {
    if (!env.FileExists(dir->path_)) {
      return Status(ErrorCode::kNotFound, "there is no directory " + dir->path_);
    }
    return Status(ErrorCode::kInvalidArgument,
                  dir->path_ + " is not a directory or cannot be read: " + listed.ToString());
  }
  if (!has(names, kIdentity) && !has(names, kStore)) {
    return Status(ErrorCode::kInvalidArgument, dir->path_ + " is not a data directory of Baton");
  }
  BATON_RETURN_IF_ERROR(dir->lock(names));
  BATON_RETURN_IF_ERROR(dir->read_identity(names, tell));
  return dir;
}

ExaminedDir::~ExaminedDir() {
  store_.reset();
  if (lock_ != nullptr) env_.UnlockFile(lock_);
}

// A directory without the file was used by nobody, or is a copy; making it would be a change.
Status ExaminedDir::lock(const std::vector<std::string>& names) {
  if (!has(names, kLock)) return {};
  const leveldb::Status locked = env_.LockFile(path_ + "/" + kLock, &lock_);
  if (locked.ok()) return {};
  lock_ = nullptr;
  return Status(ErrorCode::kUnavailable,
                "a daemon is using " + path_ + ": stop it first (" + locked.ToString() + ")");
}

Status ExaminedDir::read_identity(const std::vector<std::string>& names, const OnFinding& tell) {
  const std::string file = path_ + "/" + kIdentity;
  Status why(ErrorCode::kDataLoss, "is missing beside a store");
  if (has(names, kIdentity)) {
    const Result<std::string> bytes = read_file(env_, file);
    if (!bytes.ok() && bytes.status().code() != ErrorCode::kDataLoss) {
      return Status(ErrorCode::kUnavailable, file + " cannot be read: " + bytes.status().message());
    }
    Result<Identity> identity = bytes.ok() ? decode_identity(bytes.value()) : bytes.status();
    if (identity.status().code() == ErrorCode::kUnsupportedVersion) {
      return Status(ErrorCode::kUnsupportedVersion,
                    file + " cannot be judged by this Baton: " + identity.status().message());
    }
    if (identity.ok()) {
      identity_ = std::move(identity).value();
      has_identity_ = true;
      return {};
    }
    why = Status(ErrorCode::kDataLoss, "cannot be used: " + identity.status().message());
  }
  identity_.kind = has(names, "snapshots") ? StoreKind::kCenter : StoreKind::kManager;
  identity_.has_store = true;
  Finding finding;
  finding.file = file;
  finding.what = why.message();
  finding.advice =
      "the daemon refuses to start: put the file back from a copy of this directory, as new as "
      "there is one";
  tell(finding);
  return {};
}

std::uint64_t ExaminedDir::bytes() const { return bytes_below(env_, path_, 3); }

void ExaminedDir::examine_store(const OnFinding& tell, const OnProgress& progress) {
  const std::string folder = path_ + "/" + kStore;
  if (!env_.FileExists(folder + "/CURRENT")) {
    std::vector<std::string> names;
    const bool holds_files = env_.GetChildren(folder, &names).ok() &&
                             std::any_of(names.begin(), names.end(), [](const std::string& name) {
                               return name.ends_with(".ldb") || name.ends_with(".log");
                             });
    if (!identity_.has_store && !holds_files) return;  // the first start did not get that far
    Finding finding;
    finding.file = holds_files ? folder + "/CURRENT" : folder;
    finding.what = holds_files ? "is missing" : "has lost the store: everything in it is lost";
    finding.advice = advice_for_refused();
    tell(finding);
    if (!holds_files) return;
  }
  store_ = std::make_unique<ExaminedStore>(env_, folder, tell, progress);
  if (store() != nullptr) check_owner(tell);
}

void ExaminedDir::check_owner(const OnFinding& tell) const {
  std::string owner;
  ByteWriter(owner).uuid(identity_.store);
  const Result<std::string> found = store()->get(kOwnerKey);
  // Before the store was ever relied on it may have no owner yet.
  if (!has_identity_ || (found.ok() && found.value() == owner)) return;
  if (found.status().code() == ErrorCode::kNotFound && !identity_.has_store) return;
  Finding finding;
  finding.file = path_ + "/" + kStore;
  finding.what = found.ok() ? "belongs to another data directory than the identity beside it"
                 : found.status().code() == ErrorCode::kNotFound
                     ? "has no owner: it was emptied or replaced"
                     : "does not tell its owner: " + found.status().message();
  finding.advice = advice_for_refused();
  tell(finding);
}

}  // namespace baton
