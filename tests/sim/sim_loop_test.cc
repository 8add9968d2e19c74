#include "tests/support/sim_loop.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

namespace baton::sim {
namespace {

TEST_CASE("posted tasks run in order and never inside the call") {
  SimScheduler scheduler(1);
  SimLoop loop(scheduler, "node");
  std::string order;
  loop.post([&] {
    loop.post([&] { order += "c"; });
    order += "a";
  });
  loop.post([&] { order += "b"; });
  CHECK(order.empty());

  scheduler.run_for(1ms);

  CHECK(order == "abc");
}

TEST_CASE("a timer runs when the node's own clock says so") {
  SimScheduler scheduler(1);
  SimLoop loop(scheduler, "fast", SimClock{.rate_ppm = 1'100'000});
  const MonoTime start = loop.now();
  MonoTime ran_at;
  SimTime world;
  loop.call_after(11s, [&] {
    ran_at = loop.now();
    world = scheduler.now();
  });

  scheduler.run_for(1h);

  CHECK(ran_at - start == 11s);
  CHECK(world == 10s);
}

TEST_CASE("no rounding of a clock lets a timer run early") {
  for (const std::int64_t rate : {900'001, 999'999, 1'000'003, 1'099'999}) {
    SimScheduler scheduler(1);
    SimLoop loop(scheduler, "node", SimClock{.rate_ppm = rate});
    for (int i = 1; i <= 50; i++) {
      const MonoTime due = loop.now() + Duration(i * 12'345'677);
      bool early = true;
      loop.call_at(due, [&] { early = loop.now() < due; });
      scheduler.run_for(2s);
      CHECK_FALSE(early);
    }
  }
}

TEST_CASE("a cancelled timer never runs, and cancelling what has run is nothing") {
  SimScheduler scheduler(1);
  SimLoop loop(scheduler, "node");
  int ran = 0;
  const auto cancelled = loop.call_after(1s, [&] { ran += 10; });
  const auto kept = loop.call_after(1s, [&] { ran++; });
  loop.cancel(cancelled);

  scheduler.run_for(2s);
  loop.cancel(kept);
  loop.cancel(0);

  CHECK(ran == 1);
}

TEST_CASE("nothing of a killed process runs") {
  SimScheduler scheduler(1);
  SimLoop loop(scheduler, "node");
  int ran = 0;
  loop.post([&] { ran++; });
  loop.call_after(1s, [&] { ran++; });
  loop.kill();
  loop.post([&] { ran++; });

  scheduler.run_for(2s);

  CHECK(ran == 0);
  CHECK(loop.dead());
}

TEST_CASE("a process that died inside a call runs nothing after it") {
  SimScheduler scheduler(1);
  SimLoop loop(scheduler, "node");
  bool power = true;
  loop.set_death_probe([&] { return !power; });
  int ran = 0;
  loop.post([&] {
    loop.post([&] { ran += 10; });
    power = false;
    ran++;
  });

  scheduler.run_for(1s);

  CHECK(ran == 1);
}

TEST_CASE("what a destroyed loop never ran is destroyed with it") {
  SimScheduler scheduler(1);
  const auto owned = std::make_shared<int>(1);
  {
    SimLoop loop(scheduler, "node");
    loop.call_after(1s, [owned] {});
    loop.kill();
    CHECK(owned.use_count() == 2);
  }
  CHECK(owned.use_count() == 1);
  scheduler.run_for(2s);
}

TEST_CASE("a paused process does afterwards, in order, what it could not do meanwhile") {
  SimScheduler scheduler(1);
  SimLoop loop(scheduler, "node");
  std::string order;
  loop.call_after(1s, [&] { order += "a"; });
  loop.call_after(2s, [&] { order += "b"; });
  loop.pause_until(10s);

  scheduler.run_until(SimTime(9s));
  CHECK(order.empty());
  CHECK(loop.paused());
  scheduler.run_until(SimTime(10s));

  CHECK(order == "ab");
}

TEST_CASE("time that a task spends goes on at once for its process, and holds up the rest of it") {
  SimScheduler scheduler(1);
  SimLoop loop(scheduler, "node");
  const MonoTime start = loop.now();
  std::vector<std::pair<char, Duration>> ran;
  loop.post([&] {
    loop.spend(30ms);
    loop.spend(20ms);
    ran.emplace_back('a', loop.now() - start);
    loop.post([&] { ran.emplace_back('d', loop.now() - start); });
  });
  loop.post([&] { ran.emplace_back('b', loop.now() - start); });
  loop.call_after(10ms, [&] { ran.emplace_back('c', loop.now() - start); });

  scheduler.run_for(1s);

  // What was due while the loop was busy runs when it is free, in the order in which it fell due.
  CHECK(ran ==
        std::vector<std::pair<char, Duration>>{{'a', 50ms}, {'b', 50ms}, {'d', 50ms}, {'c', 50ms}});
}

TEST_CASE("slack makes timers late by chance, never early") {
  SimScheduler scheduler(1);
  SimLoop loop(scheduler, "node");
  loop.set_timer_slack(5ms);
  bool some_late = false;
  for (int i = 0; i < 20; i++) {
    const MonoTime due = loop.now() + 1s;
    loop.call_at(due, [&, due] {
      CHECK(loop.now() >= due);
      CHECK(loop.now() < due + 5ms);
      some_late = some_late || loop.now() > due;
    });
    scheduler.run_for(2s);
  }
  CHECK(some_late);
}

TEST_CASE("an inline worker has done its job when run returns, but tells it later") {
  SimScheduler scheduler(1);
  SimLoop loop(scheduler, "node");
  SimWorker worker(loop, SimWorker::Mode::kInline);
  std::string order;

  worker.run([&] { order += "job "; }, [&] { order += "done"; });

  CHECK(order == "job ");
  scheduler.run_for(1ms);
  CHECK(order == "job done");
}

TEST_CASE("jobs of a delayed or mixed worker run one after the other, in order") {
  for (const auto mode : {SimWorker::Mode::kDelayed, SimWorker::Mode::kMixed}) {
    for (std::uint64_t seed = 1; seed <= 20; seed++) {
      SimScheduler scheduler(seed);
      SimLoop loop(scheduler, "node");
      loop.set_timer_slack(3ms);
      SimWorker worker(loop, mode);
      std::string jobs;
      std::string done;
      for (const char name : {'a', 'b', 'c', 'd', 'e'}) {
        worker.run([&, name] { jobs += name; }, [&, name] { done += name; });
      }
      scheduler.run_for(1s);
      CHECK(jobs == "abcde");
      CHECK(done == "abcde");
    }
  }
}

TEST_CASE("a job that has not begun when its process is killed never runs") {
  SimScheduler scheduler(1);
  SimLoop loop(scheduler, "node");
  SimWorker worker(loop, SimWorker::Mode::kDelayed);
  int ran = 0;
  worker.run([&] { ran++; }, [&] { ran++; });
  loop.kill();

  scheduler.run_for(1s);

  CHECK(ran == 0);
}

}  // namespace
}  // namespace baton::sim
