#include "client/commands/latency_histogram.h"

#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

#include "common/base/random.h"

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

TEST_CASE("a histogram of nothing has no percentile") {
  const LatencyHistogram none;
  CHECK(none.percentile_ms(0.5) == 0);
  CHECK(none.count() == 0);
}

TEST_CASE("small latencies are exact") {
  LatencyHistogram latency;
  for (int micros = 1; micros <= 50; ++micros) latency.add(micros * 1us);

  CHECK(latency.percentile_ms(0.5) == Approx(0.026));
  CHECK(latency.max_ms() == Approx(0.050));
}

TEST_CASE(
    "percentiles are within 2 % of the sorted truth, for latencies of microseconds to minutes") {
  Random random(11);
  LatencyHistogram latency;
  std::vector<double> truth;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t micros = random.below(std::uint64_t{1} << (1 + random.below(27)));
    latency.add(std::chrono::microseconds(micros));
    truth.push_back(static_cast<double>(micros) / 1000.0);
  }
  std::sort(truth.begin(), truth.end());

  for (const double share : {0.1, 0.5, 0.9, 0.99, 0.999}) {
    const double wanted =
        truth[static_cast<std::size_t>(share * static_cast<double>(truth.size()))];
    INFO("share " << share);
    CHECK(latency.percentile_ms(share) == Approx(wanted).epsilon(0.02).margin(0.001));
  }
  CHECK(latency.percentile_ms(1.0) == latency.max_ms());
}
