#include "client/commands/time_text.h"

#include <chrono>
#include <cstdint>
#include <string>

#include "common/base/duration_text.h"

namespace baton::commands {
namespace {

// Reads the parts of a text from left to right; once something does not fit, nothing does any more.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // A number of exactly so many digits.
  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return fail();
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  // One of these characters; 0 when it is none.
  char one_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return 0;
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }
  void want(std::string_view characters) {
    if (one_of(characters) == 0) fail();
  }
  // The digits of a fraction of a second, as milliseconds; what is finer is cut off.
  int fraction_ms() {
    int ms = 0;
    int unit = 100;
    std::size_t digits = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      ms += (rest_.front() - '0') * unit;
      unit /= 10;
      rest_.remove_prefix(1);
      ++digits;
    }
    if (digits == 0) fail();
    return ms;
  }
  [[nodiscard]] bool ended_well() const { return ok_ && rest_.empty(); }

 private:
  int fail() {
    ok_ = false;
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

Status not_a_time(std::string_view text) {
  return {
      ErrorCode::kInvalidArgument,
      "'" + std::string(text) + "' is no time such as 2026-12-24T18:00:00Z or +01:00 behind it"};
}

}  // namespace

Result<WallTime> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  Scanner scan(text);
  const int year_number = scan.number(4);
  scan.want("-");
  const int month_number = scan.number(2);
  scan.want("-");
  const int day_number = scan.number(2);
  scan.want("Tt ");
  const int hour = scan.number(2);
  scan.want(":");
  const int minute = scan.number(2);
  scan.want(":");
  const int second = scan.number(2);
  const int ms = scan.one_of(".") != 0 ? scan.fraction_ms() : 0;
  int offset_minutes = 0;
  const char sign = scan.one_of("+-");
  if (sign != 0) {
    const int hours_off = scan.number(2);
    scan.want(":");
    const int minutes_off = scan.number(2);
    if (hours_off > 23 || minutes_off > 59) return not_a_time(text);
    offset_minutes = (hours_off * 60 + minutes_off) * (sign == '+' ? 1 : -1);
  } else {
    scan.want("Zz");
  }
  const year_month_day date(year{year_number}, month{static_cast<unsigned>(month_number)},
                            day{static_cast<unsigned>(day_number)});
  if (!scan.ended_well() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return not_a_time(text);
  }
  const auto since_1970 = sys_days(date).time_since_epoch() + hours(hour) +
                          minutes(minute - offset_minutes) + seconds(second) + milliseconds(ms);
  return WallTime{duration_cast<milliseconds>(since_1970).count()};
}

Result<WallTime> parse_when(std::string_view text, WallTime now) {
  const auto time = parse_rfc3339(text);
  if (time.ok()) return time;
  const bool plus = text.starts_with('+');
  const auto duration = parse_duration(plus ? text.substr(1) : text);
  if (duration.ok()) return WallTime{now.ms + duration.value().count()};
  return Status(ErrorCode::kInvalidArgument,
                time.status().message() + ", nor a duration from now on such as +10m");
}

}  // namespace baton::commands
