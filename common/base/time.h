// Two kinds of time that must never be compared.
//
// MonoTime only runs forward (CLOCK_BOOTTIME, so that a suspended machine's sleep counts) and is
// what deadlines are made of. WallTime is the calendar, can jump, and serves `not_before`, log
// lines and people.
#pragma once

#include <chrono>
#include <cstdint>

namespace baton {

using Duration = std::chrono::nanoseconds;
using Millis = std::chrono::milliseconds;

struct MonoClock {  // a tag: reading it is the Loop's business
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoClock, Duration>;
  static constexpr bool is_steady = true;
};
using MonoTime = MonoClock::time_point;

// Milliseconds since 1970-01-01T00:00:00Z.
struct WallTime {
  std::int64_t ms = 0;
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

}  // namespace baton
