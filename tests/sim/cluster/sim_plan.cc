#include "tests/sim/cluster/sim_plan.h"

#include <algorithm>

#include "tests/sim/cluster/sim_faults.h"
#include "tests/support/draw.h"

namespace baton::sim {
namespace {

constexpr std::size_t kFirstParts = 18;  // that all runs draw
constexpr std::size_t kMoreParts = 7;    // behind those, of draw_more()

}  // namespace

std::span<const LifePlan::Part> LifePlan::parts() {
  static constexpr Part kParts[] = {
      {"priorities", &LifePlan::priorities},
      {"delays", &LifePlan::delays},
      {"times-to-live", &LifePlan::times_to_live},
      {"timeouts", &LifePlan::timeouts},
      {"keys", &LifePlan::keys},
      {"order-keys", &LifePlan::order_keys},
      {"fair-keys", &LifePlan::fair_keys},
      {"after", &LifePlan::after},
      {"children", &LifePlan::children},
      {"saves", &LifePlan::saves},
      {"nack-options", &LifePlan::nacks},
      {"cancels", &LifePlan::cancels},
      {"kills", &LifePlan::kills},
      {"decisions", &LifePlan::decisions},
      {"copies", &LifePlan::copies},
      {"settings", &LifePlan::settings},
      {"pauses", &LifePlan::pauses},
      {"purges", &LifePlan::purges},
      // Of draw_more().
      {"pauses-until", &LifePlan::pauses_until},
      {"waits", &LifePlan::waits},
      {"rates", &LifePlan::rates},
      {"losses", &LifePlan::losses},
      {"times", &LifePlan::times},
      {"picks", &LifePlan::picks},
      {"key-windows", &LifePlan::key_windows},
      // Of its half.
      {"key-counts", &LifePlan::key_counts},
      {"retentions", &LifePlan::retentions},
  };
  return kParts;
}

// Some parts of it, each more or less, so that all meet all others and none is always there.
LifePlan LifePlan::draw(std::uint64_t seed) {
  Random random(seed ^ 0x11feC7c1eU);
  LifePlan plan;
  plan.on = !random.one_in(3);
  if (!plan.on) return plan;
  for (const Part& part : parts().first(kFirstParts)) {
    const auto amount = one_of<std::uint64_t>(random, {0, 0, 5, 20, 50});
    plan.*part.amount = amount;
  }
  plan.operator_interval = between(random, 100ms, 2s);
  // One of these ends all that waits.
  plan.purges = random.one_in(4) ? 1 + plan.acts() / 10 : 0;
  plan.times_to_live = std::min<std::uint64_t>(plan.times_to_live, 20);
  plan.ordered = random.one_in(5);
  plan.keep_all = random.one_in(2);
  plan.hold = random.one_in(5);
  // A manager whose calendar is an hour off makes a delay an hour longer, or none.
  plan.exact_calendar = !random.one_in(4);
  if (!plan.exact_calendar) plan.delays = 0;
  if (random.one_in(2)) plan.draw_more(random);
  return plan;
}

void LifePlan::draw_more(Random& random) {
  const auto amount = [&random] { return one_of<std::uint64_t>(random, {0, 0, 5, 20, 50}); };
  for (const Part& part : parts().subspan(kFirstParts, kMoreParts)) this->*part.amount = amount();
  if (!exact_calendar) times = pauses_until = 0;
  calm = random.one_in(3);
  strict = random.one_in(2);
  tenants = random.one_in(2);
  if (calm && strict) priorities = std::max<std::uint64_t>(priorities, 20);
  if (calm && tenants) fair_keys = std::max<std::uint64_t>(fair_keys, 50);
  if (random.one_in(2)) return;
  retentions = amount();
  key_counts = random.below(8);
}

SimPlan SimPlan::draw(std::uint64_t seed) {
  Random random(seed ^ 0x5eedF1a9U);
  SimPlan plan;
  plan.managers = random.one_in(6) ? 2 : 3;
  const bool crowd = random.one_in(10);  // twenty clients
  plan.producers = crowd ? 6 : 1 + random.below(3);
  plan.consumers = crowd ? 12 : 2 + random.below(4);
  plan.rogues = crowd ? 2 : random.below(2);
  plan.queues = 1 + random.below(3);

  // Most runs are short: what goes wrong does so soon after a start or a fault, and another seed
  // tries another beginning.
  const bool brief = !random.one_in(3);
  plan.fault_phase = brief ? between(random, 3s, 12s) : between(random, 10s, 50s);
  plan.heal_limit = 20min;
  const bool storm = random.one_in(3);  // hardly up, it goes down again
  plan.fault_interval = storm ? between(random, 40ms, 300ms) : between(random, 300ms, 4s);
  // Longer than sessions, producers and repetitions are remembered without a sign of life.
  if (random.one_in(24)) plan.night = between(random, 9min, 25min);
  if (random.one_in(6)) {
    plan.weights.put_back = 3;
    plan.weights.copy = 2;
  } else if (random.one_in(8)) {
    plan.weights.damage = 6;
  }

  plan.items_max = brief ? 20 + random.below(100) : 50 + random.below(350);
  plan.produce_interval = between(random, 20ms, 500ms);
  plan.burst_max = one_of<std::size_t>(random, {1, 4, 32});
  plan.payload_bytes_max = one_of<std::size_t>(random, {0, 200, 200, 4000, 4000, 60'000});
  plan.produce_timeout = one_of<Duration>(random, {2s, 15s, 60s});
  plan.lease = one_of<Duration>(random, {3s, 5s, 10s, 30s});
  plan.concurrency = one_of<std::size_t>(random, {1, 3, 16});
  plan.prefetch = one_of<std::size_t>(random, {0, 0, 8});
  plan.slow_tasks = one_of<std::uint64_t>(random, {5, 5, 40});
  plan.large_results = random.one_in(3);

  plan.sync = one_of(
      random, {SyncMode::kAdaptive, SyncMode::kInline, SyncMode::kWorker, SyncMode::kAlternating});
  plan.sync_time_max = one_of<Duration>(random, {10us, 500us, 5ms, 40ms});
  plan.stretch_bytes = one_of<std::size_t>(random, {2'000, 20'000, 4'000'000});
  plan.worker = one_of(
      random, {SimWorker::Mode::kInline, SimWorker::Mode::kDelayed, SimWorker::Mode::kMixed});
  plan.worker_delay_max = one_of<Duration>(random, {300us, 3ms, 30ms});
  plan.timer_slack = one_of<Duration>(random, {0us, 1ms, 20ms});
  plan.network = one_of<LinkQuality>(random, {{20us, 200us}, {100us, 3ms}, {1ms, 40ms}});
  plan.clock_error_ppm = one_of<std::int64_t>(random, {0, 200, 50'000});
  plan.snapshot_log_bytes = one_of<std::uint64_t>(random, {8'000, 40'000, 64'000'000});
  // Nobody says what becomes of relations where disks lie.
  if (!plan.disks_lie()) plan.life = LifePlan::draw(seed);
  if (plan.life.exact_calendar) plan.weights.wall_jump = 0;
  if (plan.life.calm) {
    FaultWeights weights = no_faults();
    weights.client_vanish = plan.weights.client_vanish;
    weights.client_pause = plan.weights.client_pause;
    plan.weights = weights;
  }
  // What is produced again with its key must be so while that is remembered (SimTasks).
  if (plan.life.key_windows > 0)
    plan.produce_timeout = std::min<Duration>(plan.produce_timeout, 15s);
  return plan;
}

SimClock SimPlan::draw_clock(Random& random) const {
  SimClock clock;
  clock.mono_offset = between(random, 1s, 1000h);
  const auto spread = static_cast<std::uint64_t>(2 * clock_error_ppm + 1);
  clock.rate_ppm = 1'000'000 - clock_error_ppm + static_cast<std::int64_t>(random.below(spread));
  clock.wall_ms += static_cast<std::int64_t>(random.below(7'200'000)) - 3'600'000;
  // Up to kCalendarSpread apart.
  if (life.exact_calendar) clock.wall_ms = SimClock().wall_ms + clock.wall_ms % 40;
  return clock;
}

}  // namespace baton::sim
