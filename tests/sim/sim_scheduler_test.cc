#include "tests/support/sim_scheduler.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace baton::sim {
namespace {

TEST_CASE("events run by time, and by the order they were put there at one time") {
  SimScheduler scheduler(1);
  std::string order;
  scheduler.at(2s, [&] { order += "c"; });
  scheduler.at(1s, [&] { order += "a"; });
  scheduler.at(1s, [&] { order += "b"; });

  scheduler.run_until(SimTime(3s));

  CHECK(order == "abc");
  CHECK(scheduler.now() == 3s);
  CHECK(scheduler.events() == 3);
}

TEST_CASE("an event of the past runs now, not before now") {
  SimScheduler scheduler(1);
  SimTime ran_at{0};
  scheduler.at(2s, [&] { scheduler.at(1s, [&] { ran_at = scheduler.now(); }); });

  scheduler.run_until(SimTime(3s));

  CHECK(ran_at == 2s);
}

TEST_CASE("waiting for a condition ends with it, or with its limit") {
  SimScheduler scheduler(1);
  bool happened = false;
  scheduler.at(2s, [&] { happened = true; });

  CHECK_FALSE(scheduler.run_until([&] { return happened; }, 1s));
  CHECK(scheduler.now() == 1s);
  CHECK(scheduler.run_until([&] { return happened; }, 10s));
  CHECK(scheduler.now() == 2s);
}

TEST_CASE("the trace hash tells two runs apart by what, who, when and order") {
  const auto hash = [](SimTime at, const std::vector<std::string>& lines) {
    SimScheduler scheduler(1);
    scheduler.run_until(at);
    for (const auto& line : lines) scheduler.trace("node", line);
    return scheduler.trace_hash();
  };

  CHECK(hash(1s, {"a", "b"}) == hash(1s, {"a", "b"}));
  CHECK(hash(1s, {"a", "b"}) != hash(1s, {"b", "a"}));
  CHECK(hash(1s, {"a", "b"}) != hash(2s, {"a", "b"}));
  CHECK(hash(1s, {"a", "b"}) != hash(1s, {"a", "c"}));
}

}  // namespace
}  // namespace baton::sim
