// Simplifications of a plan, and the search for the simplest run that still goes wrong.
//
// A simplified run is another run: the same seed draws other numbers. So a simplification is kept
// when the same kind of violation comes up within a few seeds.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/cluster/sim_plan.h"

namespace baton::sim {

struct Simplification {
  std::string name;  // "no-partition", "one-producer", ...
  std::function<void(SimPlan& plan)> apply;
};
// No rogues, no faults of each kind (SimFaults::kinds()), and less of everything else.
std::span<const Simplification> simplifications();
// Null when there is none of that name.
const Simplification* find_simplification(std::string_view name);
// All of them, one after the other.
std::function<void(SimPlan&)> simplified_by(std::vector<const Simplification*> chosen);

struct SimplestRun {
  std::uint64_t seed = 0;
  std::vector<const Simplification*> simplified;
  std::string violation;
};
// From a seed that goes wrong on. Nothing when it does not. `tell` is called with each step.
std::optional<SimplestRun> shrink(std::uint64_t seed,
                                  const std::function<void(const std::string&)>& tell);

}  // namespace baton::sim
