#include "center/service/tick_proposer.h"

#include <catch2/catch.hpp>

#include "tests/support/manual_loop.h"

using namespace baton;
using namespace baton::center;
using namespace std::chrono_literals;

namespace {

struct Bench {
  Bench()
      : ticks(loop, {.plan = [this] { return plan; },
                     .wall = [this] { return loop.wall_now(); },
                     .propose =
                         [this](Tick tick, std::function<void()> done) {
                           proposed.push_back(tick);
                           in_flight.push_back(std::move(done));
                           if (answers) answer();
                         }}) {}
  void answer() {
    const auto done = std::exchange(in_flight, {});
    for (const auto& one : done) one();
  }
  [[nodiscard]] Millis total() const {
    Millis sum{0};
    for (const Tick& tick : proposed) sum += tick.elapsed;
    return sum;
  }

  baton::testing::ManualLoop loop;
  TickPlan plan{.needed = true, .max_gap = 100ms, .next_deadline = 10s};
  std::vector<Tick> proposed;
  std::vector<std::function<void()>> in_flight;
  bool answers = true;
  TickProposer ticks;
};

}  // namespace

TEST_CASE("the first tick of a term adds no time, the next ones what has passed since") {
  Bench bench;
  bench.ticks.start();
  bench.loop.advance(900ms);

  REQUIRE(bench.proposed.size() == 10);
  CHECK(bench.proposed[0].elapsed == 0ms);
  CHECK(bench.proposed[1].elapsed == 100ms);
  CHECK(bench.total() == 900ms);
}

TEST_CASE("nothing is proposed while nothing waits for lease time, and that time never counts") {
  Bench bench;
  bench.ticks.start();
  bench.loop.advance(1s);
  bench.plan.needed = false;
  bench.ticks.update();
  bench.proposed.clear();

  bench.loop.advance(1h);
  CHECK(bench.proposed.empty());
  CHECK(bench.loop.timers() == 0);

  bench.plan.needed = true;
  bench.ticks.update();
  bench.loop.advance(100ms);
  REQUIRE_FALSE(bench.proposed.empty());
  CHECK(bench.proposed.front().elapsed <= 1s);
  CHECK(bench.total() <= 1100ms);
}

TEST_CASE("a term begins with a tick, needed or not: it brings the calendar") {
  Bench bench;
  bench.plan.needed = false;
  const WallTime wall = bench.loop.wall_now();
  bench.ticks.start();
  bench.loop.advance(1min);

  REQUIRE(bench.proposed.size() == 1);
  CHECK(bench.proposed.front().elapsed == 0ms);
  CHECK(bench.proposed.front().wall == wall);
}

TEST_CASE("at most one tick is in flight, and a slow one is not longer than the cap") {
  Bench bench;
  bench.answers = false;
  bench.ticks.start();
  bench.loop.advance(200ms);
  REQUIRE(bench.proposed.size() == 1);
  bench.loop.advance(10s);
  CHECK(bench.proposed.size() == 1);

  bench.answer();
  bench.loop.advance(1ms);

  REQUIRE(bench.proposed.size() == 2);
  CHECK(bench.proposed[1].elapsed == 1s);
}

TEST_CASE("a deadline in the ledger brings the next tick earlier") {
  Bench bench;
  bench.plan.max_gap = 1s;
  bench.ticks.start();
  bench.loop.advance(1s);
  bench.proposed.clear();

  bench.plan.next_deadline = 30ms;
  bench.ticks.update();
  bench.loop.advance(30ms);

  CHECK(bench.proposed.size() == 1);
}

TEST_CASE("parts of a millisecond are not lost") {
  Bench bench;
  bench.ticks.start();
  for (int i = 0; i < 10'000; ++i) {
    bench.loop.advance(std::chrono::microseconds(333));
    bench.ticks.update();
  }

  CHECK(bench.total() >= 3100ms);
  CHECK(bench.total() <= 3330ms);
}

TEST_CASE("a tick of an earlier term changes nothing in the next one") {
  Bench bench;
  bench.answers = false;
  bench.ticks.start();
  bench.loop.advance(100ms);
  REQUIRE(bench.proposed.size() == 1);

  bench.ticks.stop();
  bench.ticks.start();
  bench.loop.advance(100ms);
  REQUIRE(bench.proposed.size() == 2);
  CHECK(bench.proposed[1].elapsed == 0ms);
  bench.in_flight.front()();  // the old one's fate
  bench.loop.advance(1s);

  CHECK(bench.proposed.size() == 2);
}
