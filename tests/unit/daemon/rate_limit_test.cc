#include "common/daemon/rate_limit.h"

#include <catch2/catch.hpp>

namespace baton {
namespace {

using std::chrono::milliseconds;

TEST_CASE(
    "an event that repeats is cut to its burst, and the next line tells how many were left out") {
  EventRateLimit limit(3);
  MonoTime now{};
  for (int i = 0; i < 3; ++i) CHECK(limit.admit("closed", now) == 0);
  for (int i = 0; i < 10; ++i)
    CHECK_FALSE(limit.admit("closed", now += milliseconds(1)).has_value());
  CHECK(limit.admit("closed", now + milliseconds(1000)) == 10);
  CHECK(limit.admit("closed", now + milliseconds(1001)) == 0);
}

TEST_CASE("each event has its own limit") {
  EventRateLimit limit(1);
  CHECK(limit.admit("a", MonoTime{}).has_value());
  CHECK_FALSE(limit.admit("a", MonoTime{}).has_value());
  CHECK(limit.admit("b", MonoTime{}).has_value());
}

}  // namespace
}  // namespace baton
