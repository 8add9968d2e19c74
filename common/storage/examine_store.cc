#include "common/storage/examine_store.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/storage/table_file.h"
#include "common/storage/table_format.h"
#include "common/storage/wal_check.h"
#include "common/storage/wal_reader.h"

namespace baton {
namespace {

constexpr std::size_t kBatchKeyBytes = 1 + 4 + 8;
// An examination reads a store once, from front to back.
constexpr std::size_t kCacheBytes = std::size_t{1} << 20;

// The first bytes of all keys that Baton writes (docs/storage-format.md).
constexpr std::string_view kKinds = "abhsdvrS";

Finding damage(const std::string& file, std::string what) {
  Finding finding;
  finding.file = file;
  finding.what = std::move(what);
  finding.advice = advice_for_refused();
  return finding;
}

// A table by its blocks, past those that are damaged.
class TableWalk {
 public:
  TableWalk(leveldb::Env& env, const WalCheck::Table& table) : env_(env), table_(table) {}

  using OnEntry = std::function<void(std::string_view key, std::string_view value)>;
  using OnDamage = std::function<void(std::optional<std::uint64_t> byte, std::string what)>;
  void run(const OnEntry& on_entry, const OnDamage& on_damage, const OnProgress& progress) {
    if (const Status opened = open(); !opened.ok()) return on_damage({}, opened.message());
    const Result<std::string> index = read(index_);
    if (!index.ok() || !block_is_whole(index.value()))
      return on_damage(index_.offset, "the index is damaged");
    const Status walked = read_block(index.value(), [&](std::string_view, std::string_view value) {
      BATON_ASSIGN_OR_RETURN(const BlockHandle handle, decode_block_handle(value));
      check_block(handle, on_entry, on_damage);
      progress(handle.size);
      return Status();
    });
    if (!walked.ok()) on_damage(index_.offset, "the index " + walked.message());
  }

 private:
  Status open() {
    std::uint64_t bytes = 0;
    BATON_RETURN_IF_ERROR(from_leveldb(env_.GetFileSize(table_.file, &bytes)));
    if (bytes != table_.bytes) {
      return Status(ErrorCode::kDataLoss, "has " + std::to_string(bytes) + " bytes, it had " +
                                              std::to_string(table_.bytes));
    }
    leveldb::RandomAccessFile* file = nullptr;
    const Status opened = from_leveldb(env_.NewRandomAccessFile(table_.file, &file));
    if (opened.code() == ErrorCode::kDataLoss) {
      return Status(ErrorCode::kDataLoss, "its index or its end is damaged");
    }
    BATON_RETURN_IF_ERROR(opened);
    file_.reset(file);
    if (bytes < kTableFooterBytes) return Status(ErrorCode::kDataLoss, "is too short for a table");
    BATON_ASSIGN_OR_RETURN(const std::string footer,
                           read_bytes(bytes - kTableFooterBytes, kTableFooterBytes));
    BATON_ASSIGN_OR_RETURN(index_, index_of_table(footer, bytes));
    return {};
  }

  Result<std::string> read(const BlockHandle& block) {
    if (block.size > table_.bytes || block.offset > table_.bytes - block.size) {
      return Status(ErrorCode::kDataLoss, "is not in the file");
    }
    return read_bytes(block.offset, static_cast<std::size_t>(block.size) + kBlockTrailerBytes);
  }

  Result<std::string> read_bytes(std::uint64_t offset, std::size_t size) {
    std::string buffer(size, '\0');
    leveldb::Slice found;
    BATON_RETURN_IF_ERROR(from_leveldb(file_->Read(offset, size, &found, buffer.data())));
    if (found.data() != buffer.data()) return std::string(found.data(), found.size());
    buffer.resize(found.size());
    return buffer;
  }

  void check_block(const BlockHandle& handle, const OnEntry& on_entry, const OnDamage& on_damage) {
    const Result<std::string> block = read(handle);
    if (block.status().code() == ErrorCode::kUnavailable) {
      return on_damage(handle.offset, "a block cannot be read: " + block.status().message());
    }
    if (!block.ok() || !block_is_whole(block.value())) {
      return on_damage(handle.offset, "the checksum of a block is wrong");
    }
    const Status structure =
        read_block(block.value(), [&](std::string_view key, std::string_view value) {
          if (!last_key_.empty() && !is_behind(last_key_, key)) {
            return Status(ErrorCode::kDataLoss, "has keys out of order");
          }
          last_key_ = key;
          on_entry(key.substr(0, key.size() - kInternalKeyBytes), value);
          return Status();
        });
    if (!structure.ok()) on_damage(handle.offset, "a block " + structure.message());
  }

  leveldb::Env& env_;
  const WalCheck::Table& table_;
  std::unique_ptr<leveldb::RandomAccessFile> file_;
  BlockHandle index_;
  std::string last_key_;
};

}  // namespace

std::string advice_for_refused() {
  return "the daemon refuses to start. Put the directory back from a copy that was taken while the "
         "daemon was stopped; if there is none, see docs/storage-format.md, 'When a directory is "
         "damaged'";
}

ExaminedStore::ExaminedStore(leveldb::Env& env, std::string directory, const OnFinding& tell,
                             const OnProgress& progress)
    : env_(env), directory_(std::move(directory)), overlay_(env), durable_(overlay_) {
  const Result<WalCheck> check = check_wal(env_, directory_);
  if (!check.ok()) {
    tell(damage(directory_, check.status().message()));
    examine_remains(tell);
    return;
  }
  for (const WalCheck::TornTail& torn : check.value().torn) {
    Finding finding = damage(torn.file, "ends in a write that was not finished");
    finding.kind = Finding::Kind::kNote;
    finding.byte = torn.keep;
    finding.advice =
        "nobody was told that it is done: the next start drops it. A file that was cut off later "
        "looks the same; then the center knows more of the shard than is here";
    tell(finding);
  }
  bool whole = true;
  for (const WalCheck::Table& table : check.value().tables) {
    examine_table(
        table,
        [&](const Finding& finding) {
          whole = false;
          tell(finding);
        },
        progress);
  }
  for (const std::string& log : check.value().logs) examine_log(log, progress);
  const Status opened = open();
  if (opened.ok()) return;
  store_.reset();
  if (whole) tell(damage(directory_, opened.message()));
}

ExaminedStore::~ExaminedStore() = default;

// Without a MANIFEST to follow, whatever is there: what was acknowledged reached that far at least.
void ExaminedStore::examine_remains(const OnFinding& tell) {
  std::vector<std::string> names;
  if (!env_.GetChildren(directory_, &names).ok()) return;
  const auto ignore_progress = [](std::uint64_t) {};
  for (const std::string& name : names) {
    const std::string path = directory_ + "/" + name;
    if (is_table_name(name)) {
      WalCheck::Table table{path, 0};
      if (env_.GetFileSize(path, &table.bytes).ok()) examine_table(table, tell, ignore_progress);
    } else if (name.ends_with(".log")) {
      examine_log(path, ignore_progress);
    }
  }
}

// Up to the first record that is damaged: check_wal says which that is.
void ExaminedStore::examine_log(const std::string& path, const OnProgress& progress) {
  const Result<std::string> bytes = read_file(env_, path);
  if (!bytes.ok()) return;
  const auto visit = [this](std::string_view batch, std::uint64_t) {
    examine_edit(batch);
    return Status();
  };
  static_cast<void>(
      WalReader(bytes.value(), path).read_all(visit, [](std::string_view) { return false; }));
  progress(bytes.value().size());
}

void ExaminedStore::examine_table(const WalCheck::Table& table, const OnFinding& tell,
                                  const OnProgress& progress) {
  bool told_of_keys = false;
  TableWalk(env_, table)
      .run(
          [&](std::string_view key, std::string_view value) {
            note(key, value);
            if (told_of_keys || (!key.empty() && kKinds.find(key.front()) != kKinds.npos)) return;
            told_of_keys = true;
            tell(damage(table.file, "has a key of a kind that no Baton of this version writes"));
          },
          [&](std::optional<std::uint64_t> byte, std::string what) {
            Finding finding = damage(table.file, std::move(what));
            finding.byte = byte;
            finding.advice =
                "what it held is named below as far as it can be told; a daemon that needs the "
                "rest "
                "refuses to start";
            tell(finding);
          },
          progress);
}

// A write batch of LevelDB: sequence u64 | count u32 | {1, key, value | 0, key}..., both sized.
void ExaminedStore::examine_edit(std::string_view batch) {
  ByteReader in(batch);
  in.u64();
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::uint8_t kind = in.u8();
    const std::string_view key = in.sized();
    if (kind == 1) note(key, in.sized());
  }
}

void ExaminedStore::note(std::string_view key, std::string_view value) {
  if (key.size() != kBatchKeyBytes || key.front() != 'b') return;
  ByteReader in(key.substr(1));
  const std::uint32_t log = in.be32();
  const Lsn lsn(in.be64());
  const auto known = newest_.find(log);
  if (known != newest_.end() && known->second.lsn() >= lsn) return;
  Result<StoredBatch> batch = check_batch(log, lsn, std::string(value));
  if (batch.ok()) newest_[log] = std::move(batch).value();
}

Status ExaminedStore::open() {
  KvStore::Options options;
  options.create = false;
  options.cache_bytes = kCacheBytes;
  BATON_ASSIGN_OR_RETURN(store_, KvStore::open(durable_, directory_, options));
  return {};
}

}  // namespace baton
