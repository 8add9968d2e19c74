// Figures: what sweeps did and found, and their table.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/recovery/points.h"

namespace baton::recovery {

struct Figures {
  std::uint64_t scenarios = 0;
  std::uint64_t operations = 0;  // of all scenarios; so many could be visited
  std::uint64_t reads = 0;
  std::uint64_t crashes = 0;
  std::uint64_t nested = 0;  // crashes of a recovery
  std::uint64_t errors = 0;
  std::uint64_t read_errors = 0;
  std::vector<std::string> violations;

  void add(const Figures& other);
};

// Runs `sweep` with the number of each scenario, or of those alone whose name has BATON_RECOVERY_ONLY
// in it, and of BATON_RECOVERY_PART, "i/n" with i < n: n processes share the scenarios. Prints a table
// of two lines, the seed and the strides, and the first violations.
Figures sweep_named(const std::string& what, const std::vector<std::string>& names,
                    const PointOptions& options, const std::function<Figures(std::size_t)>& sweep);

// The same with `sweep(scenario, options)`; the environment may change the options.
template <class Scenarios, class Sweep>
Figures sweep_all(const std::string& what, const Scenarios& scenarios, const PointOptions& usual,
                  const Sweep& sweep) {
  const PointOptions options = PointOptions::from_environment(usual);
  std::vector<std::string> names;
  for (const auto& scenario : scenarios) names.emplace_back(scenario.name);
  return sweep_named(what, names, options,
                     [&](std::size_t i) { return sweep(scenarios[i], options); });
}

}  // namespace baton::recovery
