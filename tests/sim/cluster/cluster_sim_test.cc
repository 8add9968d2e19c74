#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/sim/cluster/sim_faults.h"
#include "tests/sim/cluster/sim_run.h"
#include "tests/support/environment.h"

namespace baton::sim {
namespace {

// BATON_SIM_SEED moves the window, BATON_SIM_RUNS widens it.
TEST_CASE("whole clusters keep every promise under faults") {
  const std::uint64_t first = testing::number_from_environment("BATON_SIM_SEED", 1);
  const std::uint64_t runs = testing::number_from_environment("BATON_SIM_RUNS", 60);
  Sometimes sometimes;
  for (std::uint64_t seed = first; seed < first + runs; seed++) {
    CAPTURE(seed);
    const SimVerdict verdict = run_seed(seed);
    CAPTURE(verdict.stories);
    CHECK(verdict.violations == std::vector<std::string>{});
    sometimes.add(verdict.sometimes);
  }

  CHECK(missing_events(sometimes, runs) == std::vector<std::string>{});
}

TEST_CASE("one seed gives one run of a whole cluster, to the last line of its trace") {
  for (const std::uint64_t seed : {11U, 12U, 13U}) {
    CAPTURE(seed);
    const SimVerdict first = run_seed(seed);
    const SimVerdict second = run_seed(seed);

    CHECK(first.trace_hash == second.trace_hash);
    CHECK(first.events == second.events);
  }
  CHECK(run_seed(11).trace_hash != run_seed(12).trace_hash);
}

TEST_CASE("without faults every task is delivered once, acked once and nothing is unknown") {
  SimRunOptions options;
  options.adjust = [](SimPlan& plan) {
    plan.weights = no_faults();
    plan.produce_timeout = 60s;
    plan.well_behaved = true;
    plan.rogues = 0;
    plan.life = LifePlan();
  };
  for (std::uint64_t seed = 1; seed <= 5; seed++) {
    CAPTURE(seed);
    const SimVerdict verdict = run_seed(seed, options);
    CHECK(verdict.violations == std::vector<std::string>{});
    CHECK(verdict.totals.confirmed > 0);
    CHECK(verdict.totals.produce_unknown == 0);
    CHECK(verdict.totals.redeliveries == 0);
    CHECK(verdict.totals.completed == verdict.totals.confirmed);
  }
}

}  // namespace
}  // namespace baton::sim
