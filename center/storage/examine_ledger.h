// The examination of the ledger in a stopped center's directory: its snapshot, every entry of its
// log, the archive, and that they tell the same story.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "center/core/views.h"
#include "common/base/ids.h"
#include "common/storage/examine_finding.h"
#include "common/storage/examined_dir.h"

namespace baton::center {

struct LedgerReport {
  Term term;           // of the last start; 0: not readable
  Lsn snapshot_index;  // 0: none
  Lsn last_index;      // last entry that is readable: everything up to it was synced
  Lsn archive_first;   // entries of the archive; 0: it is empty
  Lsn archive_last;
  bool replayed = false;  // the ledger could be built up to last_index; what follows is its state
  std::uint64_t state_hash = 0;
  LedgerTotals totals;
  std::vector<ManagerView> managers;  // with what is known of each shard (created_hi, R2)
};

// Tells what is wrong, after dir.examine_store(). Builds the ledger in memory, as a center does; of
// the archive one segment at a time.
LedgerReport examine_ledger(const ExaminedDir& dir, const OnFinding& tell,
                            const OnProgress& progress);

}  // namespace baton::center
