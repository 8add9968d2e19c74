#include "tests/sim/cluster/sim_shrink.h"

#include <algorithm>

#include "tests/sim/cluster/sim_run.h"

namespace baton::sim {
namespace {

constexpr std::uint64_t kSeedsTried = 12;  // for each simplification

// The first word tells the checker, or what the world said: "C5", "tasks are still open ..."
std::string kind_of(const std::string& violation) {
  const bool by_checker = violation.size() > 2 && violation[0] == 'C' && violation[2] == ' ';
  if (by_checker) return violation.substr(0, 2);
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

#define BATON_NO_FAULT(name, member) {name, [](SimPlan& plan) { plan.weights.member = 0; }}

constexpr Simplification kSimplifications[] = {
    {"no-rogues", [](SimPlan& plan) { plan.rogues = 0; }},
    BATON_NO_FAULT("no-copy", copy),
    BATON_NO_FAULT("no-put-back", put_back),
    BATON_NO_FAULT("no-damage", damage),
    BATON_NO_FAULT("no-disk-error", disk_error),
    BATON_NO_FAULT("no-read-error", read_error),
    BATON_NO_FAULT("no-disk-full", disk_full),
    BATON_NO_FAULT("no-disk-slow", disk_slow),
    BATON_NO_FAULT("no-wall-jump", wall_jump),
    BATON_NO_FAULT("no-slow", slow),
    BATON_NO_FAULT("no-partition", partition),
    BATON_NO_FAULT("no-half-open", half_open),
    BATON_NO_FAULT("no-cut-frame", cut_frame),
    BATON_NO_FAULT("no-reset", reset),
    BATON_NO_FAULT("no-restart", restart),
    BATON_NO_FAULT("no-pause", pause),
    BATON_NO_FAULT("no-cut-at-write", cut_at_write),
    BATON_NO_FAULT("no-power-cut", power_cut),
    BATON_NO_FAULT("no-kill", kill_process),
    BATON_NO_FAULT("no-client-vanish", client_vanish),
    BATON_NO_FAULT("no-client-pause", client_pause),
    {"well-behaved", [](SimPlan& plan) { plan.well_behaved = true; }},
    {"one-producer", [](SimPlan& plan) { plan.producers = 1; }},
    {"one-consumer", [](SimPlan& plan) { plan.consumers = 1; }},
    {"one-queue", [](SimPlan& plan) { plan.queues = 1; }},
    {"two-managers",
     [](SimPlan& plan) { plan.managers = std::min<std::size_t>(plan.managers, 2); }},
    {"one-manager", [](SimPlan& plan) { plan.managers = 1; }},
    {"one-at-a-time", [](SimPlan& plan) { plan.concurrency = 1, plan.prefetch = 0; }},
    {"no-night", [](SimPlan& plan) { plan.night = Duration(0); }},
    {"small-payloads", [](SimPlan& plan) { plan.payload_bytes_max = 0; }},
    {"few-tasks", [](SimPlan& plan) { plan.items_max = 10; }},
    {"short", [](SimPlan& plan) { plan.fault_phase = std::min<Duration>(plan.fault_phase, 3s); }},
    {"exact-clocks", [](SimPlan& plan) { plan.clock_error_ppm = 0, plan.timer_slack = 0us; }},
    {"quick-disks", [](SimPlan& plan) { plan.sync_time_max = 10us; }},
    {"inline-sync", [](SimPlan& plan) { plan.sync = SyncMode::kInline; }},
    {"quick-network", [](SimPlan& plan) { plan.network = {20us, 200us}; }},
};

#undef BATON_NO_FAULT

}  // namespace

std::span<const Simplification> simplifications() { return kSimplifications; }

const Simplification* find_simplification(std::string_view name) {
  const auto* found = std::ranges::find(kSimplifications, name, &Simplification::name);
  return found == std::end(kSimplifications) ? nullptr : found;
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
  for (const Simplification& candidate : kSimplifications) {
    chosen.push_back(&candidate);
    auto simpler = search(found->seed, kSeedsTried, kind, chosen);
    if (!simpler) {
      chosen.pop_back();
      continue;
    }
    found = std::move(simpler);
    tell(std::string(candidate.name) + ": seed " + std::to_string(found->seed));
  }
  return SimplestRun{found->seed, std::move(chosen), found->violation};
}

}  // namespace baton::sim
