#include "common/daemon/rate_limit.h"

#include <utility>

namespace baton {
namespace {
constexpr Duration kWindow = std::chrono::seconds(1);
}  // namespace

std::optional<std::uint64_t> EventRateLimit::admit(std::string_view event, MonoTime now) {
  auto found = windows_.find(event);
  if (found == windows_.end())
    found = windows_.emplace(std::string(event), Window{now, 0, 0}).first;
  Window& window = found->second;
  if (now - window.begin >= kWindow) {
    window.begin = now;
    window.lines = 0;
  }
  if (window.lines >= burst_) {
    ++window.suppressed;
    return std::nullopt;
  }
  ++window.lines;
  return std::exchange(window.suppressed, 0);
}

}  // namespace baton
