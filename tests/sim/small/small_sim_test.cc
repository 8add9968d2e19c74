#include "tests/sim/small/small_sim.h"

#include <cstdint>

#include <catch2/catch.hpp>

namespace baton::sim {
namespace {

TEST_CASE("ledger and payload logs keep every promise, whatever their surroundings do") {
  constexpr std::uint64_t kSeeds = 60;
  Sometimes sometimes;
  for (std::uint64_t seed = 1; seed <= kSeeds; seed++) {
    CAPTURE(seed);
    const SmallVerdict verdict = run_small(seed, 1500);
    sometimes.add(verdict.sometimes);
    CAPTURE(verdict.stories);
    CHECK(verdict.violations == std::vector<std::string>{});
    CHECK(verdict.totals.confirmed > 50);
  }

  for (const char* what :
       {"center crashed", "center replayed an entry", "claim refused as superseded",
        "lease expired", "power cut in a file operation", "power cut while starting",
        "snapshot of the ledger", "task delivered again"}) {
    CAPTURE(what);
    CHECK(sometimes.count(what) > 0);
  }
}

TEST_CASE("one seed gives one run of ledger and payload logs, to the last file operation") {
  const SmallVerdict first = run_small(77, 1000);
  const SmallVerdict second = run_small(77, 1000);

  CHECK(first.state_hash == second.state_hash);
  CHECK(first.disk_hash == second.disk_hash);
  CHECK(run_small(78, 1000).state_hash != first.state_hash);
}

}  // namespace
}  // namespace baton::sim
