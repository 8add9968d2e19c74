// Where the ledger's current snapshot is: a record of the store, and the name of a file beside it.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/kv_store.h"

namespace baton {

struct SnapshotPlace {
  Lsn index;                // 0: none
  std::uint32_t chain = 0;  // CRC of that entry's batch: what the next one is chained to
};

void put_snapshot_place(const SnapshotPlace& place, KvBatch& changes);
// None when the store has no such record; data_loss, unsupported_version.
Result<SnapshotPlace> read_snapshot_place(const KvStore& store);

inline constexpr std::string_view kSnapshotFilePrefix = "snapshot-";
std::string snapshot_path(const std::string& directory, Lsn index);

}  // namespace baton
