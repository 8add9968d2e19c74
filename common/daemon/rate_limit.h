// EventRateLimit: so many lines of one event per second, and a count of the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/time.h"

namespace baton {

class EventRateLimit {
 public:
  explicit EventRateLimit(std::uint32_t burst) : burst_(burst) {}

  // Whether a line of `event` may be written at `now`: nothing when not, else how many were
  // suppressed since the last one that was written. `now` never goes back.
  std::optional<std::uint64_t> admit(std::string_view event, MonoTime now);

 private:
  struct Window {
    MonoTime begin{};
    std::uint32_t lines = 0;
    std::uint64_t suppressed = 0;
  };
  const std::uint32_t burst_;
  std::map<std::string, Window, std::less<>> windows_;  // events are phrases of our own code: few
};

}  // namespace baton
