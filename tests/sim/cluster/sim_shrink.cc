#include "tests/sim/cluster/sim_shrink.h"

#include <algorithm>
#include <ranges>

#include "tests/sim/cluster/sim_faults.h"
#include "tests/sim/cluster/sim_run.h"

namespace baton::sim {
namespace {

constexpr std::uint64_t kSeedsTried = 12;  // for each simplification

// The first word tells the checker, or what the world said: "C5", "tasks are still open ..."
std::string kind_of(const std::string& violation) {
  const std::size_t end = violation.find_first_not_of("0123456789", 1);
  const bool has_number = end != std::string::npos && end > 1 && violation[end] == ' ';
  if (has_number && (violation[0] == 'C' || violation[0] == 'L')) return violation.substr(0, end);
  // Names of machines and tasks differ from run to run.
  std::string words;
  std::ranges::remove_copy_if(violation.substr(0, 60), std::back_inserter(words),
                              [](char c) { return c >= '0' && c <= '9'; });
  return words;
}

struct Found {
  std::uint64_t seed;
  std::string violation;
};

std::optional<Found> search(std::uint64_t first, std::uint64_t seeds, const std::string& kind,
                            const std::vector<const Simplification*>& chosen) {
  SimRunOptions options;
  options.adjust = simplified_by(chosen);
  for (std::uint64_t seed = first; seed < first + seeds; seed++) {
    for (const std::string& violation : run_seed(seed, options).violations) {
      if (kind.empty() || kind_of(violation) == kind) return Found{seed, violation};
    }
  }
  return std::nullopt;
}

constexpr struct {
  const char* name;
  void (*apply)(SimPlan& plan);
} kCalmer[] = {
    {"well-behaved", [](SimPlan& plan) { plan.well_behaved = true; }},
    {"no-slow-tasks", [](SimPlan& plan) { plan.slow_tasks = 0; }},
    {"one-producer", [](SimPlan& plan) { plan.producers = 1; }},
    {"one-consumer", [](SimPlan& plan) { plan.consumers = 1; }},
    {"no-ordered", [](SimPlan& plan) { plan.life.ordered = false; }},
    {"no-keep-all", [](SimPlan& plan) { plan.life.keep_all = false; }},
    {"no-hold", [](SimPlan& plan) { plan.life.hold = false; }},
    {"no-strict", [](SimPlan& plan) { plan.life.strict = false; }},
    {"no-tenants", [](SimPlan& plan) { plan.life.tenants = false; }},
    {"one-queue", [](SimPlan& plan) { plan.queues = 1; }},
    {"two-managers",
     [](SimPlan& plan) { plan.managers = std::min<std::size_t>(plan.managers, 2); }},
    {"one-manager", [](SimPlan& plan) { plan.managers = 1; }},
    {"one-at-a-time", [](SimPlan& plan) { plan.concurrency = 1, plan.prefetch = 0; }},
    {"no-night", [](SimPlan& plan) { plan.night = Duration(0); }},
    {"small-payloads", [](SimPlan& plan) { plan.payload_bytes_max = 0; }},
    {"small-results", [](SimPlan& plan) { plan.large_results = false; }},
    {"few-tasks", [](SimPlan& plan) { plan.items_max = 10; }},
    {"short", [](SimPlan& plan) { plan.fault_phase = std::min<Duration>(plan.fault_phase, 3s); }},
    {"exact-clocks", [](SimPlan& plan) { plan.clock_error_ppm = 0, plan.timer_slack = 0us; }},
    {"quick-disks", [](SimPlan& plan) { plan.sync_time_max = 10us; }},
    {"inline-sync", [](SimPlan& plan) { plan.sync = SyncMode::kInline; }},
    {"quick-network", [](SimPlan& plan) { plan.network = {20us, 200us}; }},
};

// The rogues, each kind of fault, those first that fewer runs have, and then the rest.
std::vector<Simplification> make_simplifications() {
  std::vector<Simplification> all;
  all.push_back({"no-rogues", [](SimPlan& plan) { plan.rogues = 0; }});
  for (const SimFaults::Kind& kind : std::views::reverse(SimFaults::kinds())) {
    all.push_back({"no-" + std::string(kind.name),
                   [weight = kind.weight](SimPlan& plan) { plan.weights.*weight = 0; }});
  }
  all.push_back({"no-life", [](SimPlan& plan) { plan.life = LifePlan(); }});
  for (const LifePlan::Part& part : LifePlan::parts()) {
    all.push_back({"no-" + std::string(part.name),
                   [amount = part.amount](SimPlan& plan) { plan.life.*amount = 0; }});
  }
  for (const auto& calmer : kCalmer) all.push_back({calmer.name, calmer.apply});
  return all;
}

}  // namespace

std::span<const Simplification> simplifications() {
  static const std::vector<Simplification> kAll = make_simplifications();
  return kAll;
}

const Simplification* find_simplification(std::string_view name) {
  const auto all = simplifications();
  const auto found = std::ranges::find(all, name, &Simplification::name);
  return found == all.end() ? nullptr : &*found;
}

std::function<void(SimPlan&)> simplified_by(std::vector<const Simplification*> chosen) {
  return [chosen = std::move(chosen)](SimPlan& plan) {
    for (const Simplification* simplification : chosen) simplification->apply(plan);
  };
}

std::optional<SimplestRun> shrink(std::uint64_t seed,
                                  const std::function<void(const std::string&)>& tell) {
  auto found = search(seed, 1, "", {});
  if (!found) return std::nullopt;
  tell("seed " + std::to_string(seed) + ": " + found->violation);
  const std::string kind = kind_of(found->violation);
  std::vector<const Simplification*> chosen;
  for (const Simplification& candidate : simplifications()) {
    chosen.push_back(&candidate);
    auto simpler = search(found->seed, kSeedsTried, kind, chosen);
    if (!simpler) {
      chosen.pop_back();
      continue;
    }
    found = std::move(simpler);
    tell(candidate.name + ": seed " + std::to_string(found->seed));
  }
  return SimplestRun{found->seed, std::move(chosen), found->violation};
}

}  // namespace baton::sim
