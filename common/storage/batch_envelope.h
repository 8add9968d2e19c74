// The envelope round a batch (R23): what tells that these bytes are this batch of this log, whole,
// and in line with the batch before.
//
//   header, 32 bytes: "Bt" | version u8 | 0 u8 | log u32 | epoch u32 | lsn u64 | body length u32 |
//                     chain u32 (CRC of the previous batch, 0 before the first) |
//                     unsynced u32 (lsn - last lsn known to be synced when this batch was closed)
//   body
//   footer, 8 bytes:  low 32 bits of the lsn | CRC32C of everything before this field
//
// Since the header holds the previous CRC, each CRC covers the whole log up to its batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/status.h"

namespace baton {

inline constexpr std::uint8_t kBatchVersion = 1;
inline constexpr std::size_t kBatchHeaderBytes = 32;
inline constexpr std::size_t kBatchFooterBytes = 8;

struct BatchHeader {
  std::uint32_t log = 0;  // shard id of a payload log, 0 for the ledger's log
  Epoch epoch;
  Lsn lsn;
  std::uint32_t chain = 0;
  Lsn synced;  // last lsn that was synced when this batch was closed

  friend bool operator==(const BatchHeader&, const BatchHeader&) = default;
};

// `batch` holds kBatchHeaderBytes of room and the body: writes the header into the room, appends
// the footer and returns the CRC, the next batch's chain. REQUIRES: epoch and lsn - synced below
// 2^32, synced < lsn.
std::uint32_t seal_batch(const BatchHeader& header, std::string& batch);

struct OpenedBatch {
  BatchHeader header;
  std::string_view body;  // points into the bytes given
  std::uint32_t crc = 0;
};

// data_loss with the reason when the bytes are not one whole, undamaged batch; unsupported_version
// when a newer Baton wrote them.
Result<OpenedBatch> open_batch(std::string_view batch);

}  // namespace baton
