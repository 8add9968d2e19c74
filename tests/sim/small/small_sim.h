// The small simulation: the real ledger and real payload logs, with nothing in between but this
// driver.
//
// Where whole clusters (tests/sim/cluster) reach the ledger only through honest managers, here it
// also hears old tokens, foreign sessions and repetitions; and since its grants are seen in its own
// order, C2 is exact.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/history/checkers.h"
#include "tests/sim/cluster/sometimes.h"

namespace baton::sim {

struct SmallVerdict {
  std::vector<std::string> violations;
  std::string stories;
  std::uint64_t state_hash = 0;  // of the ledger at the end
  std::uint64_t disk_hash = 0;   // of all file operations
  check::Totals totals;
  Sometimes sometimes;
};

// `steps` random steps, then everything is healed and all confirmed tasks must be finished.
SmallVerdict run_small(std::uint64_t seed, std::uint64_t steps);

}  // namespace baton::sim
