#include "client/commands/bench_workload.h"

#include <catch2/catch.hpp>

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

namespace {

constexpr MonoTime kStart{};

}  // namespace

TEST_CASE("a task that goes the whole way is counted once, with its latencies") {
  BenchWorkload work(1, 64);
  std::uint64_t number = 99;

  const std::string payload = work.make(kStart, number);
  work.confirmed(number, kStart + 2ms);
  const auto arrived = work.arrived(payload, kStart + 5ms);
  work.completed(number);

  CHECK(payload.size() == 64);
  CHECK(arrived == number);
  CHECK(work.confirmed_count() == 1);
  CHECK(work.completed_count() == 1);
  CHECK(work.missing_count() == 0);
  CHECK(work.confirm_latency().max_ms() == Approx(2));
  CHECK(work.end_to_end_latency().max_ms() == Approx(5));
}

TEST_CASE("a confirmed task that never comes is missing, an unconfirmed one is not") {
  BenchWorkload work(1, 64);
  std::uint64_t number = 0;
  work.make(kStart, number);
  CHECK(work.missing_count() == 0);

  work.confirmed(number, kStart);
  CHECK(work.missing_count() == 1);
}

TEST_CASE("a second completion of one task is no second task") {
  BenchWorkload work(1, 64);
  std::uint64_t number = 0;
  work.make(kStart, number);

  work.completed(number);
  work.completed(number);

  CHECK(work.completed_count() == 1);
}

TEST_CASE("one wrong byte, a wrong length and another run's task are damage") {
  BenchWorkload work(1, 64);
  BenchWorkload other(2, 64);
  std::uint64_t number = 0;
  std::string payload = work.make(kStart, number);

  std::string flipped = payload;
  flipped[63] = static_cast<char>(flipped[63] ^ 1);
  CHECK_FALSE(work.arrived(flipped, kStart));
  CHECK_FALSE(work.arrived(payload.substr(0, 63), kStart));
  CHECK_FALSE(work.arrived("", kStart));
  CHECK_FALSE(work.arrived(other.make(kStart, number), kStart));
  CHECK(work.damaged_count() == 4);
  CHECK(work.arrived(payload, kStart));
}
