// The examination of the payload logs in a stopped manager's directory: every batch, record,
// stretch and survivor, and what was acknowledged as far as it can be read.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/ids.h"
#include "common/storage/examine_finding.h"
#include "common/storage/examined_dir.h"

namespace baton::manager {

// What a shard holds.
struct ShardReport {
  ShardId shard;
  bool sealed = false;
  Epoch epoch;              // of the last open; 0: not readable
  Lsn first_batch;          // first that is kept; last + 1: none is
  Lsn last_batch;           // last that is readable: everything up to it was synced
  Offset durable_end{1};    // first offset behind what is readable
  std::uint64_t tasks = 0;  // readable
  std::uint64_t lost = 0;   // named by a batch or a stretch, and not readable
  std::uint64_t results = 0;
  std::uint64_t collected = 0;  // tasks whose stretch was collected without them
};

// Tells what is wrong with each shard, after dir.examine_store(). One batch is in memory at a time.
// A directory whose store cannot be opened still yields reports of what its files show.
std::vector<ShardReport> examine_shards(const ExaminedDir& dir, const OnFinding& tell,
                                        const OnProgress& progress);

}  // namespace baton::manager
