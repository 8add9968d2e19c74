// BatchReader: reads the batches of one log from the store and checks each before anybody sees it.
//
// Holds no state: may be used from any thread. Blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/batch_envelope.h"
#include "common/storage/kv_store.h"

namespace baton {

// A verified batch with the bytes it lives in.
struct StoredBatch {
  BatchHeader header;
  std::uint32_t crc = 0;
  std::string bytes;  // header, body, footer

  [[nodiscard]] Lsn lsn() const { return header.lsn; }
  [[nodiscard]] std::string_view body() const {
    const std::string_view all(bytes);
    return all.substr(kBatchHeaderBytes, all.size() - kBatchHeaderBytes - kBatchFooterBytes);
  }
};

class BatchReader {
 public:
  BatchReader(const KvStore& store, std::uint32_t log) : store_(store), log_(log) {}

  // not_found when there is no such batch, data_loss when it is damaged or belongs elsewhere.
  [[nodiscard]] Result<StoredBatch> get(Lsn lsn) const;
  // The bytes as they are stored, unchecked: for saving what a damaged batch still holds.
  [[nodiscard]] Result<std::string> get_raw(Lsn lsn) const;

  // Hands the batches from `from` to `last` (both included) to `visit` in order and stops at its
  // first error. Each must be there, undamaged and chained to the one before; `chain` is the CRC of
  // batch from - 1, where it is known. data_loss, naming the first batch that is not, otherwise.
  using Visit = std::function<Status(const StoredBatch& batch)>;
  Status scan(Lsn from, Lsn last, std::optional<std::uint32_t> chain, const Visit& visit) const;
  // The same to the end of the log, wherever that is.
  Status scan_to_end(Lsn from, std::optional<std::uint32_t> chain, const Visit& visit) const;

 private:
  const KvStore& store_;
  const std::uint32_t log_;
};

// The batch in bytes that were stored as batch `lsn` of `log`; data_loss when they are not that or
// are damaged.
Result<StoredBatch> check_batch(std::uint32_t log, Lsn lsn, std::string bytes);

// The key of a batch: 'b' | log, big-endian | lsn, big-endian.
std::string batch_key(std::uint32_t log, Lsn lsn);

}  // namespace baton
