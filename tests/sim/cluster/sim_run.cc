#include "tests/sim/cluster/sim_run.h"

#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "common/history/judge.h"
#include "tests/sim/cluster/sim_cluster.h"
#include "tests/sim/cluster/sim_world.h"
#include "tests/sim/life/life_checkers.h"

namespace baton::sim {
namespace {

// Names as they are given to Sometimes, here and where things happen.
constexpr std::string_view kOften[] = {
    "center grants_unrouted",
    "center shards_declared_offline",
    "center snapshots",
    "checkpoint saved",
    "child spawned",
    "claim refused as superseded",
    "client reconnected",
    "connection cut in a frame",
    "connection half open",
    "connection refused",
    "connection reset",
    "consumer ended by itself",
    "consumer stopped",
    "daemon drained",
    "daemon killed",
    "daemon lost power",
    "daemon paused",
    "daemon recovered",
    "daemon stopped by a disk error",
    "disk full",
    "disk slow",
    "grant died on its way",
    "handler told that its claim is lost",
    "key answered with its task",
    "key in conflict",
    "lease expired",
    "manager claims_delivered_from_peers",
    "manager given_back_unreachable",
    "manager stretches_collected",
    "manager tasks_refused",
    "one-way partition",
    "operation sent again",
    "partition",
    "power cut in a file operation",
    "power cut while starting",
    "produce moved to another shard",
    "produce sent again",
    "queue paused",
    "rogue operation accepted",
    "rogue operation refused",
    "setting changed",
    "task cancelled",
    "task delivered again",
    "task killed",
    "task redriven",
    "unknown produce turned out to exist",
};
constexpr std::string_view kSeldom[] = {
    "center created_postponed",
    "checkpoint handed over",
    "copy of a directory started",
    "daemon stopped by a full disk",
    "damage",
    "damaged store refused",
    "manager given_back_undelivered",
    "manager results_settled",
    "manager tasks_repeated",
    "older disk put back",
    "queue paused until a time",
    "queue purged",
    "rogue operation repeated",
    "run in which no shard was away",
    "task completed by the operator",
    "task copied",
    "task discarded",
    "task picked by its name",
    "task resumed",
    "waiter told of an end",
    "work after a long silence",
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

// What the world saw, then what the checkers found.
void judge_run(const SimWorld& world, const check::History& history, SimVerdict& verdict) {
  const check::LifeTasks life(world.tasks.book);
  check::JudgeOptions options{.quarantine_allowed = world.plan.weights.damage > 0,
                              .twice_allowed = world.copy_took_over,
                              .dead_allowed = true,
                              .healed = true};
  if (world.plan.life.on) {
    options.explained = [&life](TaskId task, check::FinalState state) {
      return life.explains(task, state);
    };
    options.redriven = [&life](TaskId task) {
      const check::LifeTask* known = life.find(task);
      return known != nullptr && known->was_acted(TaskAction::kRedrive);
    };
    options.order.outside = true;
    options.order.max_attempts = 0;
  }
  check::Judgement judgement = check::judge(history, options);
  if (world.plan.life.on) {
    for (check::Violation& found : check::check_life(life))
      judgement.violations.push_back(std::move(found));
  }
  for (const SimFailure& failure : world.failures) verdict.violations.push_back(failure.what);
  const std::vector<std::string> lines = judgement.lines();
  verdict.violations.insert(verdict.violations.end(), lines.begin(), lines.end());
  for (const SimFailure& failure : world.failures)
    judgement.violations.push_back({"world", failure.what, failure.task});
  verdict.stories = judgement.stories(history);
  verdict.totals = judgement.totals;
}

// What was confirmed in times that nobody may count on becomes unknown.
check::History without_uncertain(const SimWorld& world) {
  if (world.uncertain.empty()) return world.history;
  check::History history;
  struct Asked {
    std::uint64_t operation;
    SimTime at;
  };
  std::map<std::uint64_t, Asked> operations;
  for (const check::Event& event : world.history.events()) {
    if (event.operation == 0) {
      history.note(event);
      continue;
    }
    if (event.outcome == check::Outcome::kInvoke) {
      operations[event.operation] = {history.invoke(event), event.at};
      continue;
    }
    const Asked asked = operations.at(event.operation);
    if (event.action == check::Action::kProduce && world.is_uncertain(asked.at, event.at)) {
      history.end(asked.operation, event.at, check::Outcome::kUnknown);
    } else {
      history.end_as(asked.operation, event);
    }
  }
  for (const check::ResourceSample& sample : world.history.samples()) history.sample(sample);
  return history;
}

std::uint64_t count_operations(const check::History& history) {
  std::uint64_t count = 0;
  for (const check::Event& event : history.events()) {
    count += event.outcome == check::Outcome::kInvoke ? 0U : 1U;
  }
  return count;
}

std::uint64_t count_crashes(const Sometimes& sometimes) {
  return sometimes.count("daemon killed") + sometimes.count("daemon lost power") +
         sometimes.count("power cut in a file operation") +
         sometimes.count("daemon stopped by a disk error");
}

}  // namespace

// What makes tasks wait that have their turn, as the daemons have counted it.
bool shards_stayed(const SimWorld& world) {
  return world.plan.life.calm && world.sometimes.count("center shards_declared_offline") == 0 &&
         world.sometimes.count("manager given_back_unreachable") == 0;
}

SimVerdict run_seed(std::uint64_t seed, const SimRunOptions& options) {
  SimPlan plan = SimPlan::draw(seed);
  if (options.adjust) options.adjust(plan);
  SimWorld world(seed, plan);
  world.scheduler.set_trace_sink(options.trace);
  if (options.frames) world.network.trace_frames();
  SimVerdict verdict;
  {
    SimCluster cluster(world);
    cluster.run();
  }
  verdict.seed = seed;
  if (shards_stayed(world)) world.sometimes.happened("run in which no shard was away");
  world.tasks.book.set_shards_stayed(shards_stayed(world));
  const check::History history = without_uncertain(world);
  judge_run(world, history, verdict);
  verdict.operations = count_operations(history);
  count_what_happened(world, verdict.totals);
  verdict.trace_hash = world.scheduler.trace_hash();
  verdict.events = world.scheduler.events();
  verdict.simulated = world.scheduler.now();
  verdict.sometimes = world.sometimes;
  verdict.crashes = count_crashes(world.sometimes);
  return verdict;
}

std::vector<std::string> missing_events(const Sometimes& sometimes, std::uint64_t runs) {
  std::vector<std::string> missing;
  const auto look_for = [&](std::span<const std::string_view> names) {
    for (const std::string_view what : names) {
      if (sometimes.count(what) == 0) missing.emplace_back(what);
    }
  };
  if (runs >= kRunsForOften) look_for(kOften);
  if (runs >= kRunsForSeldom) look_for(kSeldom);
  return missing;
}

}  // namespace baton::sim
