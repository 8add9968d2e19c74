#include "tests/sim/cluster/sim_run.h"

#include <set>
#include <string_view>

#include "tests/sim/cluster/sim_cluster.h"
#include "tests/sim/cluster/sim_world.h"

namespace baton::sim {
namespace {

// Names as they are given to Sometimes, here and where things happen.
constexpr std::string_view kRequired[] = {
    "claim refused as superseded",
    "client reconnected",
    "connection cut in a frame",
    "connection half open",
    "connection refused",
    "connection reset",
    "daemon drained",
    "daemon killed",
    "daemon lost power",
    "daemon paused",
    "daemon recovered",
    "grant died on its way",
    "handler told that its claim is lost",
    "lease expired",
    "one-way partition",
    "operation sent again",
    "partition",
    "power cut in a file operation",
    "power cut while starting",
    "produce moved to another shard",
    "produce sent again",
    "rogue operation accepted",
    "rogue operation refused",
    "task delivered again",
    "unknown produce turned out to exist",
};

void count_what_happened(SimWorld& world, const check::Totals& totals) {
  const SimNetwork::Counters& network = world.network.counters();
  Sometimes& sometimes = world.sometimes;
  sometimes.happened("connection refused", network.refused);
  sometimes.happened("connect timed out", network.connect_timeouts);
  sometimes.happened("connection reset", network.resets);
  sometimes.happened("connection cut in a frame", network.cuts);
  sometimes.happened("connection half open", network.half_opens);
  sometimes.happened("task delivered again", totals.redeliveries);
  sometimes.happened("unknown produce turned out to exist", totals.recovered);
  sometimes.happened("claim refused as superseded", totals.superseded);
  for (const auto& [phrase, times] : world.phrases) sometimes.happened("log: " + phrase, times);
}

std::vector<check::Violation> check_everything(const check::History& history) {
  std::vector<check::Violation> all;
  for (const auto& found :
       {check::check_delivery(history), check::check_claims(history),
        check::check_completion(history), check::check_identity(history),
        check::check_payloads(history), check::check_liveness(history, {.dead_allowed = true})}) {
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

}  // namespace

SimVerdict run_seed(std::uint64_t seed, const SimRunOptions& options) {
  SimPlan plan = SimPlan::draw(seed);
  if (options.adjust) options.adjust(plan);
  SimWorld world(seed, plan);
  world.scheduler.set_trace_sink(options.trace);
  SimVerdict verdict;
  {
    SimCluster cluster(world);
    cluster.run();
  }
  verdict.seed = seed;
  verdict.violations = world.failures;
  std::set<TaskId> told;
  for (const check::Violation& violation : check_everything(world.history)) {
    verdict.violations.push_back(std::string(violation.checker) + " " + violation.what);
    if (told.insert(violation.task).second) verdict.stories += world.history.story(violation.task);
  }
  verdict.totals = check::totals(world.history);
  count_what_happened(world, verdict.totals);
  verdict.trace_hash = world.scheduler.trace_hash();
  verdict.events = world.scheduler.events();
  verdict.simulated = world.scheduler.now();
  verdict.sometimes = world.sometimes;
  return verdict;
}

std::vector<std::string> missing_events(const Sometimes& sometimes) {
  std::vector<std::string> missing;
  for (const std::string_view what : kRequired) {
    if (sometimes.count(what) == 0) missing.emplace_back(what);
  }
  return missing;
}

}  // namespace baton::sim
