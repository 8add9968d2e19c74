// What the options of tasks cost the ledger, and how evenly fairness keys share.
//
// life_bench [TASKS]   (default 1,000,000; build with the release preset)
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/hash64.h"
#include "tests/bench/ledger_feed.h"

namespace baton::center {
namespace {

using namespace bench;
using namespace std::chrono_literals;

// The n-th task of a benchmark.
using Make = std::function<CreatedRun(std::uint64_t)>;

CreatedRun run_of(TaskOptions options = {}) {
  CreatedRun run;
  run.count = 1;
  run.queue = "q0";
  run.priority = options.priority;
  options.priority = kPriorityDefault;
  run.waits = run.only_waits = options.waits_for_ledger();
  if (run.waits) run.content_hash = {7};
  run.options = std::move(options);
  return run;
}

CreatedRun with_key(CreatedRun run, std::uint64_t n) {
  run.waits = run.only_waits = true;
  run.content_hash = {7};
  run.key_hash = {Uuid{hash64(n), hash64(~n)}};
  return run;
}

constexpr WallTime kLater{1'000'000'000'000};

TaskOptions with_all(std::uint64_t n) {
  TaskOptions options;
  options.priority = static_cast<std::uint32_t>(1 + n % 10);
  options.not_before = kLater;
  options.time_to_live = 24h;
  options.wait_timeout = 1h;
  options.attempt_timeout = 10min;
  options.total_timeout = 48h;
  options.max_attempts = 3;
  options.order_key = "order-" + std::to_string(n % 100'000);
  options.fair_key = "tenant-" + std::to_string(n % 1000);
  options.on_failed = FailurePolicy::kWait;
  if (n > 0) options.after = {TaskId(ShardId(1), Offset(n))};  // the one before it
  return options;
}

// Bytes and time of one more task, while there are many.
void print_slope(const char* what, std::uint64_t tasks, const Make& make) {
  LedgerFeed feed(1);
  const std::uint64_t first = tasks / 5;
  feed.fill_with(first, make);
  const auto before = static_cast<double>(feed.ledger().totals().memory_bytes);
  const double busy = feed.busy();
  feed.fill_with(tasks - first, [&](std::uint64_t n) { return make(first + n); });
  const auto more = static_cast<double>(tasks - first);
  std::printf("%-44s %7.1f bytes per task, %5.2f us to create\n", what,
              (static_cast<double>(feed.ledger().totals().memory_bytes) - before) / more,
              (feed.busy() - busy) / more * 1e6);
}

void print_slopes(std::uint64_t tasks) {
  print_slope("no option", tasks, [](std::uint64_t) { return run_of(); });
  print_slope("priority", tasks, [](std::uint64_t n) {
    return run_of({.priority = static_cast<std::uint32_t>(1 + n % 10)});
  });
  print_slope("delay", tasks, [](std::uint64_t n) {
    return run_of(
        {.not_before = WallTime{kLater.ms + static_cast<std::int64_t>(hash64(n) % 100'000)}});
  });
  print_slope("time to live", tasks, [](std::uint64_t) { return run_of({.time_to_live = 24h}); });
  print_slope("idempotency key", tasks, [](std::uint64_t n) { return with_key(run_of(), n); });
  print_slope("ordering key, 100,000 of them", tasks, [](std::uint64_t n) {
    return run_of({.order_key = "order-" + std::to_string(n % 100'000)});
  });
  print_slope("ordering key, each its own", tasks,
              [](std::uint64_t n) { return run_of({.order_key = "order-" + std::to_string(n)}); });
  print_slope("fairness key, 1,000 of them", tasks, [](std::uint64_t n) {
    return run_of({.fair_key = "tenant-" + std::to_string(n % 1000)});
  });
  print_slope("delay, time to live, wait timeout", tasks, [](std::uint64_t) {
    return run_of({.not_before = kLater, .time_to_live = 24h, .wait_timeout = 1h});
  });
  print_slope("all of them", tasks,
              [](std::uint64_t n) { return with_key(run_of(with_all(n)), n); });
}

// All become ready at once, as the calendar passes their time.
void print_delays_end(std::uint64_t tasks) {
  LedgerFeed feed(1);
  feed.fill_with(tasks, [](std::uint64_t) { return run_of({.not_before = kLater}); });
  const auto start = cpu_now();
  feed.send(Incarnation(), Tick{Millis(0), WallTime{kLater.ms + 1}});
  while (feed.ledger().wants_continue()) feed.send(Incarnation(), Continue{});
  std::printf("%-44s %5.2f us per task\n", "delayed tasks that become ready at once",
              Seconds(cpu_now() - start).count() / static_cast<double>(tasks) * 1e6);
}

// The windowed cycle: a constant number of claims, each ack makes room for the next.
double cycle(const std::function<void(LedgerFeed&)>& prepare, const Make& make) {
  LedgerFeed feed(3);
  prepare(feed);
  for (std::uint32_t s = 0; s < 16; ++s) feed.attach(s, 1 + s % 3, 64);
  const double before = feed.busy();
  std::uint64_t done = 0;
  std::uint64_t n = 0;
  for (std::uint32_t round = 0; round < 500; ++round) {
    feed.fill_with(1024, [&](std::uint64_t) { return make(n++); });
    done += feed.ack_all();
  }
  return static_cast<double>(done) / (feed.busy() - before);
}

// Side by side and in turns, so that a noisy machine is noisy to all; medians of five.
void print_cycles(std::uint64_t tasks) {
  const auto nothing = [](LedgerFeed&) {};
  const Make plain = [](std::uint64_t) { return run_of(); };
  struct Row {
    const char* what;
    std::function<void(LedgerFeed&)> prepare;
    Make make;
    std::vector<double> rates;
  };
  std::vector<Row> rows = {
      {"plain", nothing, plain, {}},
      {"beside a million delayed tasks",
       [&](LedgerFeed& feed) {
         feed.fill_with(tasks, [](std::uint64_t n) {
           return run_of({.not_before = WallTime{kLater.ms + static_cast<std::int64_t>(n)}});
         });
       },
       plain,
       {}},
      {"100,000 ordering keys",
       nothing,
       [](std::uint64_t n) {
         return run_of({.order_key = "order-" + std::to_string(hash64(n) % 100'000)});
       },
       {}},
      {"1,000 fairness keys",
       nothing,
       [](std::uint64_t n) {
         return run_of({.fair_key = "tenant-" + std::to_string(hash64(n) % 1000)});
       },
       {}},
      {"idempotency keys", nothing, [](std::uint64_t n) { return with_key(run_of(), n); }, {}},
  };
  for (int round = 0; round < 5; ++round) {
    for (Row& row : rows) row.rates.push_back(cycle(row.prepare, row.make));
  }
  double base = 0;
  for (Row& row : rows) {
    std::sort(row.rates.begin(), row.rates.end());
    const double median = row.rates[row.rates.size() / 2];
    if (base == 0) base = median;
    std::printf("cycle, %-37s %6.2f million tasks/s (%.0f %% of plain)\n", row.what, median / 1e6,
                median / base * 100);
  }
}

// Ten tenants of equal weight, the first of which has far more waiting than all others.
void print_fairness() {
  constexpr std::uint64_t kTenants = 10;
  LedgerFeed feed(1);
  feed.fill_with(200'000, [](std::uint64_t) { return run_of({.fair_key = "t0"}); });
  feed.fill_with(18'000, [](std::uint64_t n) {
    return run_of({.fair_key = "t" + std::to_string(1 + n % (kTenants - 1))});
  });
  for (std::uint32_t s = 0; s < 16; ++s) feed.attach(s, 1, 64);
  std::map<std::string, std::uint64_t> shares;
  std::uint64_t granted = 0;
  while (granted < 10'000) {
    for (const Grant& grant : feed.grants()) {
      ++shares[feed.ledger().find(grant.task).value().fair_key];
      ++granted;
    }
    feed.ack_all();
  }
  std::uint64_t least = granted;
  std::uint64_t most = 0;
  for (const auto& [key, count] : shares) {
    least = std::min(least, count);
    most = std::max(most, count);
  }
  std::printf("%-44s %.2f %% to %.2f %% each (fair: 10 %%; %zu tenants)\n",
              "fairness: 10 tenants, one with 200,000",
              100.0 * static_cast<double>(least) / static_cast<double>(granted),
              100.0 * static_cast<double>(most) / static_cast<double>(granted), shares.size());
}

// The n-th tenant has weight n.
void print_weights() {
  LedgerFeed feed(1);
  feed.fill_with(400'000, [](std::uint64_t n) {
    const auto weight = static_cast<std::uint32_t>(1 + n % 4);
    return run_of({.fair_key = "w" + std::to_string(weight), .fair_weight = weight});
  });
  for (std::uint32_t s = 0; s < 16; ++s) feed.attach(s, 1, 64);
  std::map<std::string, std::uint64_t> shares;
  std::uint64_t granted = 0;
  while (granted < 20'000) {
    for (const Grant& grant : feed.grants()) {
      ++shares[feed.ledger().find(grant.task).value().fair_key];
      ++granted;
    }
    feed.ack_all();
  }
  std::printf("%-44s", "fairness: weights 1, 2, 3, 4");
  for (const auto& [key, count] : shares)
    std::printf(" %.2f %%", 100.0 * static_cast<double>(count) / static_cast<double>(granted));
  std::printf(" (fair: 10, 20, 30, 40)\n");
}

}  // namespace
}  // namespace baton::center

int main(int argc, char** argv) {
  using namespace baton::center;
  const std::uint64_t tasks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  print_slopes(tasks);
  print_delays_end(tasks);
  print_cycles(tasks);
  print_fairness();
  print_weights();
  return 0;
}
