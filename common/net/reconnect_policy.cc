#include "common/net/reconnect_policy.h"

#include <algorithm>

namespace baton {
namespace {

constexpr Duration kFirstDelayMax = std::chrono::milliseconds(100);
constexpr Duration kDelayMax = std::chrono::seconds(10);
constexpr int kFailuresWithoutJitter = 5;
constexpr int kDoublingsMax = 7;  // 100 ms * 2^7 is beyond kDelayMax

Duration at_random(Random& random, Duration max) {
  return Duration(
      static_cast<Duration::rep>(random.below(static_cast<std::uint64_t>(max.count()) + 1)));
}

}  // namespace

Duration ReconnectPolicy::next_delay() {
  const int failure = ++failures_;
  if (failure == 1) return at_random(random_, kFirstDelayMax);
  const Duration doubled = kFirstDelayMax * (1 << std::min(failure - 2, kDoublingsMax));
  if (failure <= kFailuresWithoutJitter) return doubled;
  return at_random(random_, std::min(doubled, kDelayMax));
}

}  // namespace baton
