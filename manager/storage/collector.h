// Collector: empties one closed stretch but for what lives (R17). Runs in a job on the Worker.
//
// Survivors are written and synced first; then one synced write replaces the stretch record, which
// names them all, and removes the batches. A crash in between leaves survivors that a later
// collection overwrites or removes.
#pragma once

#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/kv_store.h"
#include "manager/storage/stretch.h"

namespace baton::manager {

class Collector {
 public:
  Collector(KvStore& store, ShardId shard) : store_(store), shard_(shard) {}

  struct Job {
    StretchRecord stretch;
    // Ascending. Those outside the stretch are ignored.
    std::vector<Offset> live;
    std::vector<ResultRecordId> live_results;
    // Neighbours of which nothing is left: joined with the stretch if nothing is left of it either.
    std::vector<StretchRecord> empty_neighbours;
    // Dedup records that nobody needs any more.
    std::vector<Lsn> old_dedup;
  };
  struct Outcome {
    StretchRecord stretch;        // as it is now
    std::vector<Offset> damaged;  // live, but lost: named in the record all the same, never served
    std::vector<Lsn> old_dedup;   // dedup records that are gone now
  };
  // One call per Collector. When it fails with a read error nothing was dropped.
  Result<Outcome> collect(const Job& job);

 private:
  Status copy_from_log(const Job& job, Outcome& outcome);
  Status check_survivors(const Job& job, Outcome& outcome);
  Status put(KvBatch& changes, const std::string& key, const std::string& value);
  Status finish(const Job& job, Outcome& outcome);

  KvStore& store_;
  const ShardId shard_;
  std::vector<Lsn> damaged_batches_;
};

}  // namespace baton::manager
