#include "center/service/manager_liveness.h"

#include <catch2/catch.hpp>

using namespace baton;
using namespace baton::center;
using namespace std::chrono_literals;

namespace {

ManagerView online_manager(std::uint64_t number) {
  ManagerView manager;
  manager.incarnation = Incarnation(number);
  manager.online = true;
  ShardView shard;
  shard.shard = ShardId(static_cast<std::uint32_t>(number));
  shard.epoch = Epoch(5);
  shard.life = Life(Uuid{1, number});
  shard.online = true;
  manager.shards.push_back(shard);
  return manager;
}

// Checks every interval until `end`, with beats of the managers in `beating` in between.
struct Bench {
  std::vector<ShardOffline> run_until(MonoTime end, const std::vector<Incarnation>& beating) {
    std::vector<ShardOffline> offline;
    while (now < end) {
      now += ManagerLiveness::kCheckInterval;
      for (const Incarnation one : beating) liveness.heard(one, now);
      for (const ShardOffline& one : liveness.check(now, managers)) offline.push_back(one);
    }
    return offline;
  }

  ManagerLiveness liveness{600ms};
  std::vector<ManagerView> managers{online_manager(1), online_manager(2)};
  MonoTime now{1h};
};

v1::ChannelBeat beat_with_wall(std::int64_t wall_ms) {
  v1::ChannelBeat beat;
  beat.set_wall_ms(wall_ms);
  return beat;
}

}  // namespace

TEST_CASE("silence longer than the limit is an offline of exactly that life") {
  Bench bench;
  bench.liveness.start(bench.now);
  CHECK(bench.run_until(bench.now + 5s, {Incarnation(1), Incarnation(2)}).empty());

  const auto none = bench.run_until(bench.now + 550ms, {Incarnation(1)});
  const auto offline = bench.run_until(bench.now + 150ms, {Incarnation(1)});

  CHECK(none.empty());
  REQUIRE(offline.size() == 1);
  CHECK(offline[0].shard == ShardId(2));
  CHECK(offline[0].epoch == Epoch(5));
  CHECK(offline[0].life == Life(Uuid{1, 2}));
}

TEST_CASE("after a start managers have the grace to come back") {
  Bench bench;
  bench.liveness.start(bench.now);

  CHECK(bench.run_until(bench.now + ManagerLiveness::kStartGrace - 100ms, {}).empty());
  CHECK(bench.run_until(bench.now + 200ms, {}).size() == 2);
}

TEST_CASE("a shard is proposed again only after a while, and not when it is offline") {
  Bench bench;
  bench.liveness.start(bench.now);
  bench.run_until(bench.now + 2100ms, {Incarnation(1)});

  CHECK(bench.run_until(bench.now + 400ms, {Incarnation(1)}).empty());
  CHECK(bench.run_until(bench.now + 600ms, {Incarnation(1)}).size() == 1);
  bench.managers[1].shards[0].online = false;
  CHECK(bench.run_until(bench.now + 5s, {Incarnation(1)}).empty());
}

TEST_CASE("a center that stood still itself blames nobody for it") {
  Bench bench;
  bench.liveness.start(bench.now);
  bench.run_until(bench.now + 3s, {Incarnation(1), Incarnation(2)});

  bench.now += 30s;

  CHECK(bench.liveness.check(bench.now, bench.managers).empty());
  CHECK(bench.run_until(bench.now + 300ms, {}).empty());
  CHECK(bench.run_until(bench.now + 600ms, {}).size() == 2);
}

TEST_CASE("calendar time is the median of what all clocks say, carried on to now") {
  ManagerLiveness liveness(600ms);
  const MonoTime now{1h};
  const WallTime own{1'000'000};

  CHECK(liveness.median_wall(own, now) == own);
  liveness.beat(Incarnation(1), beat_with_wall(900'000), now - 100ms);
  CHECK(liveness.median_wall(own, now) == WallTime{900'100});  // of two the earlier
  liveness.beat(Incarnation(2), beat_with_wall(999'990), now);
  CHECK(liveness.median_wall(own, now) == WallTime{999'990});
  // One that is not heard of does not count.
  CHECK(liveness.median_wall(own, now + 550ms) == WallTime{1'000'000});
}
