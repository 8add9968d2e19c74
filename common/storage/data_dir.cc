#include "common/storage/data_dir.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/storage/wal_check.h"

namespace baton {
namespace {

constexpr const char* kLock = "LOCK";
constexpr const char* kIdentity = "identity";
constexpr const char* kIdentityScratch = "identity.tmp";
constexpr const char* kStore = "store";

// What says, inside the store, which directory it belongs to.
constexpr std::string_view kOwnerKey = "aowner";

Status refuse(ErrorCode code, const std::string& path, const std::string& why) {
  return Status(code, "the data directory " + path + " " + why);
}

std::string uuid_bytes(const Uuid& uuid) {
  std::string bytes;
  ByteWriter(bytes).uuid(uuid);
  return bytes;
}

std::string directory_above(const std::string& path) {
  std::size_t end = path.find_last_of('/');
  if (end == std::string::npos) return ".";
  while (end > 0 && path[end - 1] == '/') --end;
  return end == 0 ? "/" : path.substr(0, end);
}

// A directory in which nobody has put anything yet may be what a process made right before it was
// killed: durable in the one above it only from here on (R24). One above that we may not read
// cannot be synced, and nobody like us has made anything in it.
leveldb::Status settle_directory(DurableEnv& env, const std::string& path) {
  const std::string above = directory_above(path);
  std::vector<std::string> names;
  return env.GetChildren(above, &names).ok() ? env.sync_directory(above) : leveldb::Status::OK();
}

bool is_empty(DurableEnv& env, const std::string& path) {
  std::vector<std::string> names;
  if (!env.GetChildren(path, &names).ok()) return false;
  return std::all_of(names.begin(), names.end(),
                     [](const std::string& name) { return name == "." || name == ".."; });
}

// Makes a directory, after those above it that are missing; each is durable in the one above it.
leveldb::Status create_directories(DurableEnv& env, const std::string& path) {
  const std::string above = directory_above(path);
  if (above != "." && above != "/") {
    leveldb::Status ready;
    if (!env.FileExists(above)) {
      ready = create_directories(env, above);
    } else if (is_empty(env, above)) {
      ready = settle_directory(env, above);
    }
    if (!ready.ok()) return ready;
  }
  return env.CreateDir(path);
}

// What may lie in a directory whose first start did not get as far as its identity.
bool is_leftover_of_creation(const std::string& name) {
  return name == "." || name == ".." || name == kLock || name == kIdentityScratch;
}

}  // namespace

Result<std::unique_ptr<DataDir>> DataDir::open(DurableEnv& env, std::string path, StoreKind kind,
                                               Random& random) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  std::unique_ptr<DataDir> dir(new DataDir(env, std::move(path)));
  BATON_RETURN_IF_ERROR(dir->lock());
  BATON_RETURN_IF_ERROR(dir->read_identity(kind));
  if (!dir->identity_.store) BATON_RETURN_IF_ERROR(dir->create_identity(kind, random));
  return dir;
}

DataDir::~DataDir() {
  if (lock_ != nullptr) env_.UnlockFile(lock_);
}

Status DataDir::lock() {
  std::vector<std::string> names;
  if (const leveldb::Status listed = env_.GetChildren(path_, &names); !listed.ok()) {
    if (!env_.FileExists(path_)) {
      const leveldb::Status made = create_directories(env_, path_);
      if (!made.ok()) {
        return refuse(ErrorCode::kInvalidArgument, path_, "cannot be created: " + made.ToString());
      }
    } else {
      return refuse(ErrorCode::kInvalidArgument, path_,
                    "is not a directory or cannot be read: " + listed.ToString());
    }
  }
  const bool ours = std::find(names.begin(), names.end(), kIdentity) != names.end() ||
                    std::find(names.begin(), names.end(), kStore) != names.end();
  if (!ours && !std::all_of(names.begin(), names.end(), is_leftover_of_creation)) {
    return refuse(ErrorCode::kInvalidArgument, path_,
                  "is not empty and is not a data directory of Baton: give an empty or a new one");
  }
  const leveldb::Status locked = env_.LockFile(file(kLock), &lock_);
  if (locked.ok()) return {};
  lock_ = nullptr;
  return refuse(ErrorCode::kUnavailable, path_,
                "cannot be locked, another process may be using it (" + locked.ToString() + ")");
}

Status DataDir::read_identity(StoreKind kind) {
  if (!env_.FileExists(file(kIdentity))) {
    if (!env_.FileExists(file(kStore) + "/CURRENT")) return {};
    return refuse(
        ErrorCode::kDataLoss, path_,
        "has lost its file 'identity' but still has a store: put the file back from a backup");
  }
  // A process that was killed may have left the file's name in memory only (R24).
  BATON_RETURN_IF_ERROR(from_leveldb(env_.sync_directory(path_)));
  const Result<std::string> bytes = read_file(env_, file(kIdentity));
  if (!bytes.ok()) {
    return refuse(ErrorCode::kInvalidArgument, path_,
                  "has an identity that cannot be read: " + bytes.status().message());
  }
  Result<Identity> identity = decode_identity(bytes.value());
  if (!identity.ok()) {
    return refuse(identity.status().code(), path_,
                  "has an identity that cannot be used: " + identity.status().message());
  }
  if (identity.value().kind != kind) {
    return refuse(ErrorCode::kConflict, path_,
                  "belongs to a " + std::string(to_string(identity.value().kind)) + ", not to a " +
                      std::string(to_string(kind)));
  }
  identity_ = std::move(identity).value();
  return {};
}

Status DataDir::create_identity(StoreKind kind, Random& random) {
  if (const leveldb::Status settled = settle_directory(env_, path_); !settled.ok()) {
    return refuse(ErrorCode::kUnavailable, path_, "cannot be made durable: " + settled.ToString());
  }
  Identity identity;
  identity.kind = kind;
  identity.store = StoreId(random.uuid());
  return save(identity);
}

Status DataDir::save(const Identity& identity) {
  BATON_RETURN_IF_ERROR(write_file_atomically(env_, file(kIdentity), file(kIdentityScratch),
                                              encode_identity(identity)));
  identity_ = identity;
  return {};
}

Result<std::unique_ptr<KvStore>> DataDir::open_store(KvStore::Options options) {
  const std::string store_path = file(kStore);
  options.create = !identity_.has_store;
  if (identity_.has_store && !env_.FileExists(store_path + "/CURRENT")) {
    return refuse(
        ErrorCode::kDataLoss, path_,
        "has lost its store: everything in it is lost unless the folder 'store' is put back");
  }
  BATON_ASSIGN_OR_RETURN(std::unique_ptr<KvStore> store, KvStore::open(env_, store_path, options));
  const std::string owner = uuid_bytes(identity_.store);
  const Result<std::string> found = store->get(kOwnerKey);
  if (found.ok() && found.value() == owner) {
    // As it should be.
  } else if (found.ok()) {
    return refuse(ErrorCode::kConflict, path_, "has the store of another data directory");
  } else if (found.status().code() != ErrorCode::kNotFound) {
    return found.status();
  } else if (identity_.has_store) {
    return refuse(ErrorCode::kDataLoss, path_,
                  "has a store without an owner: it was emptied or replaced");
  } else {
    KvBatch changes;
    changes.put(kOwnerKey, owner);
    BATON_RETURN_IF_ERROR(store->write(changes));
  }
  if (!identity_.has_store) {
    // Only now may anybody rely on the store, and from now on its absence is a loss.
    Identity identity = identity_;
    identity.has_store = true;
    BATON_RETURN_IF_ERROR(save(identity));
  }
  return store;
}

}  // namespace baton
