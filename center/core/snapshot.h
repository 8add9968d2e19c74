// Snapshots: the ledger's tables as pages of bytes, each with its own checksum (R26).
//
// A page: magic "BLSN" · version u16 · section u16 · number u32 (from 0) · items u32 · bytes u32 ·
// items · CRC32C u32 over all before. Little-endian. The last page is of section kEnd. Within an
// item all numbers are varints; snapshot_fields.h lists the fields. What can be derived (ready
// sets, rings, heaps) is not stored but built again, and compared with the counts that are.
//
// To change an item: raise kSnapshotVersion, keep reading the version before, add golden bytes to
// the tests. (2 changes in place until it was part of a release.)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "center/core/ledger.h"
#include "center/core/tables.h"

namespace baton::center {

inline constexpr std::uint32_t kSnapshotMagic = 0x4e534c42;  // "BLSN"
inline constexpr std::uint16_t kSnapshotVersion = 2;
inline constexpr std::uint16_t kSnapshotVersionMin = 1;

enum class SnapshotSection : std::uint16_t {
  kCounters = 1,
  kManagers = 2,
  kShards = 3,
  kTaskPages = 4,
  kQueues = 5,
  kRows = 6,
  kSessions = 7,
  kLines = 8,
  kProducers = 9,
  kMovedNumbers = 10,
  kCompletions = 11,
  kBars = 12,
  kJobs = 13,
  kReasons = 14,
  kEnd = 15,
  kTaskOptions = 16,
  kOrderKeys = 17,
  kFairKeys = 18,
  kKeys = 19,
  kFamilies = 20,
  kPendingChildren = 21,
  kDependents = 22,
  kLent = 23,
  kCheckpoints = 24,
  kProgress = 25,
};

// Takes a copy that shares all pages with `tables`; the bytes are made as they are asked for.
std::unique_ptr<LedgerSnapshot> write_snapshot(const Tables& tables);

// data_loss names the first page that is wrong, or what does not fit together.
Result<Tables> read_snapshot(const std::vector<std::string>& pages);

}  // namespace baton::center
