#include <exception>
#include <string>

#include <catch2/catch.hpp>

#include "tests/model/payload_log/payload_model.h"
#include "tests/support/environment.h"

namespace baton::manager::model {
namespace {

// BATON_SEED is the first seed, BATON_RUNS how many.
TEST_CASE("the payload log does what the oracle says, through crashes and I/O errors") {
  const std::uint64_t first = baton::testing::number_from_environment("BATON_SEED", 1);
  const std::uint64_t runs = baton::testing::number_from_environment("BATON_RUNS", 100);
  PayloadModelCounts counts;
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    try {
      PayloadModel(seed, counts).run(400);
    } catch (const std::exception& problem) {
      FAIL(problem.what());
    }
  }
  WARN("seeds " << first << ".." << first + runs - 1 << ": tasks " << counts.tasks << ", reads "
                << counts.reads << ", opens " << counts.opens << ", failed opens "
                << counts.failed_opens << ", power cuts " << counts.power_cuts << ", kills "
                << counts.kills << ", I/O errors " << counts.io_errors << ", collections "
                << counts.collections << ", survivors read " << counts.survivors_read
                << ", dropped read " << counts.dropped_read << ", untold kept "
                << counts.untold_kept << ", untold lost " << counts.untold_lost);
  if (runs < 100) return;
  // A run that meets none of these proves nothing.
  CHECK(counts.failed_opens > 0);
  CHECK(counts.power_cuts > 0);
  CHECK(counts.kills > 0);
  CHECK(counts.io_errors > 0);
  CHECK(counts.collections > 0);
  CHECK(counts.survivors_read > 0);
  CHECK(counts.dropped_read > 0);
  CHECK(counts.untold_kept > 0);
  CHECK(counts.untold_lost > 0);
}

}  // namespace
}  // namespace baton::manager::model
