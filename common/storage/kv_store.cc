#include "common/storage/kv_store.h"

#include <cstdarg>
#include <utility>

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/env.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>

#include "common/storage/wal_check.h"

namespace baton {
namespace {

// Tables that stay open, of 8 MiB each; of a larger store the others are opened when they are read.
constexpr int kOpenFilesMax = 500;

leveldb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

// LevelDB's chatter goes nowhere; without a logger of ours it would keep a file LOG and rename it
// at each open.
class SilentLogger final : public leveldb::Logger {
 public:
  void Logv(const char* /*format*/, std::va_list /*arguments*/) override {}
};

// Cuts off what a crash left of the last write, so that LevelDB never sees a bad record. The kept
// bytes are written anew and synced: they may have been in the page cache only (R24).
Status cut_torn_tail(DurableEnv& env, const std::string& directory,
                     const WalCheck::TornTail& torn) {
  BATON_ASSIGN_OR_RETURN(const std::string bytes, read_file(env, torn.file));
  // LevelDB removes left-over .dbtmp files itself.
  return write_file_atomically(env, torn.file, directory + "/000000.dbtmp",
                               std::string_view(bytes).substr(0, torn.keep));
}

leveldb::ReadOptions checked_read(bool fill_cache) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = fill_cache;
  return options;
}

// LevelDB does not say in which file a block is damaged.
Status read_error(const leveldb::Status& status, const std::string& directory,
                  const DurableEnv& env) {
  const Status error = from_leveldb(status);
  if (error.code() != ErrorCode::kDataLoss) return error;
  const std::string seen = env.damage_seen();
  return Status(ErrorCode::kDataLoss, "the store " + directory +
                                          " is damaged: " + status.ToString() +
                                          (seen.empty() ? "" : "; last seen in " + seen));
}

}  // namespace

void KvBatch::put(std::string_view key, std::string_view value) {
  batch_.Put(slice(key), slice(value));
  ++changes_;
}

void KvBatch::remove(std::string_view key) {
  batch_.Delete(slice(key));
  ++changes_;
}

void KvBatch::clear() {
  batch_.Clear();
  changes_ = 0;
}

KvStore::KvStore(DurableEnv& env, std::string directory)
    : env_(env), directory_(std::move(directory)), silent_(std::make_unique<SilentLogger>()) {}

KvStore::~KvStore() {
  // A simulated Env runs LevelDB's background work while somebody sleeps; closing would wait for it
  // for ever.
  env_.SleepForMicroseconds(0);
}

Result<std::unique_ptr<KvStore>> KvStore::open(DurableEnv& env, const std::string& directory,
                                               Options options) {
  BATON_ASSIGN_OR_RETURN(const WalCheck check, check_wal(env, directory));
  if (!check.exists && !options.create) {
    return Status(ErrorCode::kDataLoss, "the store " + directory + " is gone");
  }
  for (const WalCheck::TornTail& torn : check.torn) {
    BATON_RETURN_IF_ERROR(cut_torn_tail(env, directory, torn));
  }

  std::unique_ptr<KvStore> store(new KvStore(env, directory));
  store->cache_.reset(leveldb::NewLRUCache(options.cache_bytes));
  leveldb::Options db_options;
  db_options.env = &env;
  db_options.info_log = store->silent_.get();
  db_options.block_cache = store->cache_.get();
  db_options.create_if_missing = options.create;
  db_options.write_buffer_size = options.write_buffer_bytes;
  db_options.max_open_files = kOpenFilesMax;
  // Larger than LevelDB's 2 MiB and 4 KiB: the values are whole batches, and each open file and
  // each block costs memory for its index.
  db_options.max_file_size = std::size_t{8} << 20;
  db_options.block_size = std::size_t{16} << 10;
  // Payloads are small and often compressed already; the commit path has no processor time to
  // spare.
  db_options.compression = leveldb::kNoCompression;
  // Never append to a file of an earlier process; its log is written into a table and synced by
  // Open (R24).
  db_options.reuse_logs = false;
  // check_wal is stricter for the logs. In compactions a damaged batch is carried along, so that
  // its own checksum tells later which tasks it hit, instead of stopping the whole store.
  db_options.paranoid_checks = false;

  leveldb::DB* db = nullptr;
  const leveldb::Status opened = leveldb::DB::Open(db_options, directory, &db);
  store->db_.reset(db);
  if (!opened.ok()) {
    // LevelDB ignores some errors, and then fails of what follows: the first is the reason.
    const Status reason = env.failure();
    return reason.ok() ? read_error(opened, directory, env) : reason;
  }
  BATON_RETURN_IF_ERROR(env.failure());
  return store;
}

void KvStore::compact(std::string_view from, std::string_view to) {
  const leveldb::Slice begin = slice(from);
  const leveldb::Slice end = slice(to);
  db_->CompactRange(&begin, &end);
}

Status KvStore::write(KvBatch& batch) {
  BATON_RETURN_IF_ERROR(env_.failure());
  leveldb::WriteOptions options;
  options.sync = true;
  const leveldb::Status written = db_->Write(options, &batch.batch_);
  if (!written.ok()) {
    return Status(ErrorCode::kUnavailable,
                  "the store " + directory_ + " has stopped: " + written.ToString());
  }
  // A failure in the background in the meantime: what it leaves behind is unknown (I15).
  return env_.failure();
}

Result<std::string> KvStore::get(std::string_view key) const {
  std::string value;
  const leveldb::Status found = db_->Get(checked_read(true), slice(key), &value);
  if (!found.ok()) return read_error(found, directory_, env_);
  return value;
}

Status KvStore::scan(std::string_view from, std::string_view to, const Visit& visit) const {
  const std::unique_ptr<leveldb::Iterator> at(db_->NewIterator(checked_read(false)));
  for (at->Seek(slice(from)); at->Valid() && view(at->key()) < to; at->Next()) {
    if (!visit(view(at->key()), view(at->value()))) break;
  }
  // Also where the visit ended it: LevelDB steps over a block that it cannot read, so that what was seen
  // may not have been the next.
  if (!at->status().ok()) return read_error(at->status(), directory_, env_);
  return {};
}

}  // namespace baton
