#include "common/net/reconnect_policy.h"

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

namespace baton {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("the first retry comes within 100 ms, the next four double from there") {
  const auto seed = GENERATE(take(20, random(1, 1'000'000'000)));
  CAPTURE(seed);
  ReconnectPolicy policy(Random(static_cast<std::uint64_t>(seed)));

  CHECK(policy.next_delay() <= milliseconds(100));
  CHECK(policy.next_delay() == milliseconds(100));
  CHECK(policy.next_delay() == milliseconds(200));
  CHECK(policy.next_delay() == milliseconds(400));
  CHECK(policy.next_delay() == milliseconds(800));
}

TEST_CASE("after five failures the delay is drawn from a range that grows to 10 s") {
  ReconnectPolicy policy(Random(42));
  for (int i = 0; i < 5; ++i) (void)policy.next_delay();

  Duration longest{0};
  std::set<Duration> delays;
  for (int i = 0; i < 1000; ++i) {
    const Duration delay = policy.next_delay();
    longest = std::max(longest, delay);
    delays.insert(delay);
  }
  CHECK(longest <= seconds(10));
  CHECK(longest > seconds(9));
  CHECK(delays.size() > 990);
}

TEST_CASE("a good connection starts the count anew") {
  ReconnectPolicy policy(Random(1));
  for (int i = 0; i < 9; ++i) (void)policy.next_delay();
  policy.reset();
  CHECK(policy.next_delay() <= milliseconds(100));
}

}  // namespace
}  // namespace baton
