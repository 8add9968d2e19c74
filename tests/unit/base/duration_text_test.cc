#include "common/base/duration_text.h"

#include <catch2/catch.hpp>

namespace baton {
namespace {

using namespace std::chrono_literals;

TEST_CASE("durations are read with their units") {
  CHECK(parse_duration("250ms").value() == 250ms);
  CHECK(parse_duration("10s").value() == 10s);
  CHECK(parse_duration("5m").value() == 5min);
  CHECK(parse_duration("1h").value() == 1h);
  CHECK(parse_duration("2d").value() == 48h);
  CHECK(parse_duration("1h30m").value() == 90min);
  CHECK(parse_duration("1.5s").value() == 1500ms);
  CHECK(parse_duration("0").value() == 0ms);
  CHECK(parse_duration("0s").value() == 0ms);
}

TEST_CASE("what is no duration is refused") {
  for (const char* text :
       {"", "10", "s", "10 s", "-1s", "1x", "1s2", "1..5s", "ten", "1e9d", "99999d", "1S", "."}) {
    CAPTURE(text);
    CHECK(parse_duration(text).status().code() == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("a duration is printed as it can be read again") {
  CHECK(to_text(0ms) == "0s");
  CHECK(to_text(250ms) == "250ms");
  CHECK(to_text(90min) == "1h30m");
  CHECK(to_text(1500ms) == "1s500ms");
  for (const Millis duration : {1ms, 999ms, 1000ms, 61'001ms, 86'400'000ms, 90'061'007ms}) {
    CHECK(parse_duration(to_text(duration)).value() == duration);
  }
}

TEST_CASE("sizes are read with their units") {
  CHECK(parse_bytes("512").value() == 512);
  CHECK(parse_bytes("512B").value() == 512);
  CHECK(parse_bytes("64KiB").value() == 65536);
  CHECK(parse_bytes("64K").value() == 65536);
  CHECK(parse_bytes("16MiB").value() == std::uint64_t{16} << 20);
  CHECK(parse_bytes("1GiB").value() == std::uint64_t{1} << 30);
  CHECK(parse_bytes("2T").value() == std::uint64_t{2} << 40);
}

TEST_CASE("what is no size is refused, also what does not fit 64 bits") {
  for (const char* text :
       {"", "KiB", "1.5MiB", "-1", "1 KiB", "1kb", "18446744073709551616", "16777216TiB"}) {
    CAPTURE(text);
    CHECK(parse_bytes(text).status().code() == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("a size is printed exactly") {
  CHECK(bytes_text(0) == "0");
  CHECK(bytes_text(1000) == "1000");
  CHECK(bytes_text(65536) == "64KiB");
  CHECK(bytes_text(std::uint64_t{3} << 30) == "3GiB");
}

}  // namespace
}  // namespace baton
