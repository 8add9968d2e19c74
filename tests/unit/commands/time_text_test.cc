#include "client/commands/time_text.h"

#include <catch2/catch.hpp>

using namespace baton;
using namespace baton::commands;

TEST_CASE("times are read in any zone") {
  CHECK(parse_rfc3339("1970-01-01T00:00:00Z").value().ms == 0);
  CHECK(parse_rfc3339("2026-12-24T18:00:00Z").value().ms == 1'798'135'200'000);
  CHECK(parse_rfc3339("2026-12-24T19:00:00+01:00").value().ms == 1'798'135'200'000);
  CHECK(parse_rfc3339("2026-12-24t12:30:00-05:30").value().ms == 1'798'135'200'000);
  CHECK(parse_rfc3339("2026-12-24 18:00:00.25z").value().ms == 1'798'135'200'250);
  CHECK(parse_rfc3339("2026-12-24T18:00:00.0019999Z").value().ms == 1'798'135'200'001);
  CHECK(parse_rfc3339("2024-02-29T00:00:00Z").value().ms == 1'709'164'800'000);
}

TEST_CASE("what is no time is refused, above all a time of nobody's zone") {
  for (const char* text :
       {"", "now", "2026-12-24", "2026-12-24T18:00:00", "2026-12-24T18:00Z", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-12-24T24:00:00Z", "2026-12-24T18:60:00Z",
        "2026-12-24T18:00:00.Z", "2026-12-24T18:00:00+1:00", "2026-12-24T18:00:00+24:00",
        "2026-12-24T18:00:00Z and more", "26-12-24T18:00:00Z", "2026-12-24T18:00:00ZZ"}) {
    INFO(text);
    CHECK(parse_rfc3339(text).status().code() == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("a point in time may be so long from now") {
  const WallTime now{1'000'000};
  CHECK(parse_when("+10m", now).value().ms == 1'600'000);
  CHECK(parse_when("1s", now).value().ms == 1'001'000);
  CHECK(parse_when("1970-01-01T00:00:02Z", now).value().ms == 2000);
  CHECK(parse_when("tomorrow", now).status().message().find("+10m") != std::string::npos);
  CHECK_FALSE(parse_when("-5m", now).ok());
}
