// The three bookkeeping records of a BatchLog, and how the state of a log is found from them.
//
//   'h' log 'e'   the last open: its epoch, its life, and the last batch at that moment
//   'h' log 'c'   the last checkpoint: a batch and its CRC; what is older was verified once
//   'h' log 'f'   the front: the first batch that is kept
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/batch_reader.h"
#include "common/storage/kv_store.h"

namespace baton {

struct LogEpoch {
  Epoch epoch;
  Life life;
  Lsn last;  // at the time of that open

  friend bool operator==(const LogEpoch&, const LogEpoch&) = default;
};

void put_log_epoch(std::uint32_t log, const LogEpoch& epoch, KvBatch& changes);
void put_log_checkpoint(std::uint32_t log, Lsn lsn, std::uint32_t crc, KvBatch& changes);
// `removed_to`: every batch below it is gone, those between it and `first` are still to be removed.
void put_log_front(std::uint32_t log, Lsn first, Lsn removed_to, KvBatch& changes);

// Calls `visit` for every log that the store has ever opened, in order.
Status for_each_log(const KvStore& store, const std::function<void(std::uint32_t log)>& visit);

// Where a log stands, as found on disk.
struct LogState {
  LogEpoch opened;             // epoch 0: the log is new
  Lsn first{1};                // first batch that is kept
  Lsn removed_to{1};           // what is cut off was removed up to here
  Lsn checkpoint;              // last batch that is behind the verified tail
  Lsn last;                    // last batch
  std::uint32_t crc = 0;       // of the last batch
  std::size_t tail_bytes = 0;  // behind the checkpoint
};

// Verifies the log behind its last checkpoint and hands each batch there to `on_tail`, in order.
// data_loss, naming the batch, when one that was synced is missing, damaged or not of this log.
// Writes nothing.
Result<LogState> recover_log(const KvStore& store, std::uint32_t log,
                             const BatchReader::Visit& on_tail);

}  // namespace baton
