// Durations and sizes as people write them: "250ms", "10s", "5m", "1h", "1h30m"; "512", "64KiB",
// "1GiB".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/base/time.h"

namespace baton {

// One or more numbers with a unit (ms, s, m, h, d), added up; fractions are fine ("1.5s"). "0"
// needs no unit. invalid_argument for anything else, for what is negative, and beyond 10,000 days.
Result<Millis> parse_duration(std::string_view text);
// The shortest exact text: "1h30m", "250ms", "0s".
std::string to_text(Millis duration);

// A whole number, bytes or with a unit: KiB, MiB, GiB, TiB (or K, M, G, T: the same).
Result<std::uint64_t> parse_bytes(std::string_view text);
// Exact: "64MiB", "1000".
std::string bytes_text(std::uint64_t bytes);

}  // namespace baton
