// SimClock: how one machine's two clocks differ from the world's time.
#pragma once

#include <cstdint>

#include "common/base/time.h"

namespace baton::sim {

struct SimClock {
  Duration mono_offset{std::chrono::hours(1)};  // the machine's uptime when the run began
  // The monotonic clock's seconds per million seconds of the world.
  std::int64_t rate_ppm = 1'000'000;
  std::int64_t wall_ms = 1'795'000'000'000;  // the calendar when the run began

  [[nodiscard]] MonoTime mono(Duration world) const {
    const auto scaled = static_cast<__int128>(world.count()) * rate_ppm / 1'000'000;
    return MonoTime(mono_offset + Duration(static_cast<std::int64_t>(scaled)));
  }
  // The calendar runs at the world's rate, so that it drifts against the machine's monotonic clock.
  [[nodiscard]] WallTime wall(Duration world) const {
    return {wall_ms + world.count() / 1'000'000};
  }

  // The first moment of the world at which mono() is at least `at`.
  [[nodiscard]] Duration world(MonoTime at) const {
    const auto target = static_cast<__int128>((at.time_since_epoch() - mono_offset).count());
    const auto scaled = target * 1'000'000;
    const auto up = scaled > 0 ? (scaled + rate_ppm - 1) / rate_ppm : scaled / rate_ppm;
    constexpr auto kFarAway = static_cast<__int128>(INT64_MAX / 2);
    return Duration(static_cast<std::int64_t>(up < kFarAway ? up : kFarAway));
  }
};

}  // namespace baton::sim
