#include "common/base/duration_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace baton {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

// Longest first, so that printing uses the largest unit that fits.
constexpr std::array<Unit, 5> kDurationUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 4> kByteUnits = {{{"TiB", std::uint64_t{1} << 40},
                                             {"GiB", std::uint64_t{1} << 30},
                                             {"MiB", std::uint64_t{1} << 20},
                                             {"KiB", std::uint64_t{1} << 10}}};
constexpr double kDurationMaxMs = 10'000.0 * 86'400'000.0;

Status bad_text(std::string_view text, std::string_view expected) {
  return Status(ErrorCode::kInvalidArgument,
                "'" + std::string(text.substr(0, 64)) + "' is not " + std::string(expected));
}

std::size_t count_leading(std::string_view text, std::string_view characters) {
  const std::size_t end = text.find_first_not_of(characters);
  return end == std::string_view::npos ? text.size() : end;
}

// 0 for a unit that does not exist.
std::uint64_t duration_unit(std::string_view name) {
  for (const Unit& unit : kDurationUnits) {
    if (unit.name == name) return unit.size;
  }
  return 0;
}

// 0 for a unit that does not exist.
std::uint64_t byte_unit(std::string_view name) {
  if (name.empty() || name == "B") return 1;
  for (const Unit& unit : kByteUnits) {
    if (name == unit.name || name == unit.name.substr(0, 1)) return unit.size;
  }
  return 0;
}

}  // namespace

Result<Millis> parse_duration(std::string_view text) {
  const Status bad = bad_text(text, "a duration such as 250ms, 10s, 5m or 1h30m");
  if (text == "0") return Millis(0);
  if (text.empty()) return bad;

  double total_ms = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view number = rest.substr(0, count_leading(rest, "0123456789."));
    rest.remove_prefix(number.size());
    const std::string_view name = rest.substr(0, count_leading(rest, "abcdefghijklmnopqrstuvwxyz"));
    rest.remove_prefix(name.size());

    double count = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
    const std::uint64_t unit = duration_unit(name);
    if (number.empty() || error != std::errc{} || end != number.data() + number.size() || unit == 0)
      return bad;
    total_ms += count * static_cast<double>(unit);
    if (total_ms > kDurationMaxMs) return bad_text(text, "a duration of at most 10000 days");
  }
  return Millis(std::llround(total_ms));
}

std::string to_text(Millis duration) {
  if (duration.count() == 0) return "0s";
  std::string text = duration.count() < 0 ? "-" : "";
  std::uint64_t left = duration.count() < 0 ? 0 - static_cast<std::uint64_t>(duration.count())
                                            : static_cast<std::uint64_t>(duration.count());
  for (const Unit& unit : kDurationUnits) {
    if (left < unit.size) continue;
    text += std::to_string(left / unit.size);
    text += unit.name;
    left %= unit.size;
  }
  return text;
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  const std::string_view number = text.substr(0, count_leading(text, "0123456789"));
  const std::uint64_t unit = byte_unit(text.substr(number.size()));
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
  if (number.empty() || error != std::errc{} || unit == 0 || count > UINT64_MAX / unit) {
    return bad_text(text, "a size such as 512, 64KiB, 16MiB or 1GiB");
  }
  return count * unit;
}

std::string bytes_text(std::uint64_t bytes) {
  for (const Unit& unit : kByteUnits) {
    if (bytes != 0 && bytes % unit.size == 0)
      return std::to_string(bytes / unit.size).append(unit.name);
  }
  return std::to_string(bytes);
}

}  // namespace baton
