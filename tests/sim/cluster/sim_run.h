// run_seed: one whole simulated run, from its seed to its verdict.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/history/checkers.h"
#include "tests/sim/cluster/sim_plan.h"
#include "tests/sim/cluster/sometimes.h"
#include "tests/support/sim_scheduler.h"

namespace baton::sim {

struct SimVerdict {
  std::uint64_t seed = 0;
  std::vector<std::string> violations;  // one line each; none: the run kept every promise
  std::string stories;                  // of the tasks that the violations name
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  std::uint64_t operations = 0;  // answers, deliveries and states that the checkers judged
  std::uint64_t crashes = 0;     // of daemons: killed, without power, stopped by their disk
  Duration simulated{};
  check::Totals totals;
  Sometimes sometimes;
};

struct SimRunOptions {
  SimScheduler::TraceSink trace;         // every line of the trace, for looking at one seed
  bool frames = false;                   // every frame is a line of the trace
  std::function<void(SimPlan&)> adjust;  // after the plan was drawn
};

SimVerdict run_seed(std::uint64_t seed, const SimRunOptions& options = {});

// What never happened although it should have in so many runs: such runs are no evidence.
inline constexpr std::uint64_t kRunsForOften = 40;
inline constexpr std::uint64_t kRunsForSeldom = 1000;
std::vector<std::string> missing_events(const Sometimes& sometimes, std::uint64_t runs);

}  // namespace baton::sim
