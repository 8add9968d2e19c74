#include "common/log/snapshot_place.h"

#include "common/base/bytes.h"
#include "common/storage/stored_files.h"

namespace baton {
namespace {

// 'S' -> version u8 | index u64 | chain u32. docs/storage-format.md has the table of keys.
constexpr std::string_view kSnapshotKey = "S";
constexpr std::uint8_t kVersion = 1;

}  // namespace

void put_snapshot_place(const SnapshotPlace& place, KvBatch& changes) {
  std::string value;
  ByteWriter out(value);
  out.u8(kVersion);
  out.u64(place.index.value());
  out.u32(place.chain);
  changes.put(kSnapshotKey, value);
}

Result<SnapshotPlace> read_snapshot_place(const KvStore& store) {
  const Result<std::string> stored = store.get(kSnapshotKey);
  if (stored.status().code() == ErrorCode::kNotFound) return SnapshotPlace{};
  BATON_RETURN_IF_ERROR(stored.status());
  ByteReader in(stored.value());
  if (in.u8() != kVersion) {
    return Status(ErrorCode::kUnsupportedVersion,
                  "the ledger's snapshot was written by a newer Baton");
  }
  SnapshotPlace place;
  place.index = Lsn(in.u64());
  place.chain = in.u32();
  if (!in.at_end()) {
    return Status(ErrorCode::kDataLoss, "the place of the ledger's snapshot is damaged");
  }
  return place;
}

std::string snapshot_path(const std::string& directory, Lsn index) {
  return numbered_path(directory, kSnapshotFilePrefix, index);
}

}  // namespace baton
