#include "common/net/asio_loop.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

namespace baton {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("tasks run in the order they were posted") {
  AsioLoop loop;
  std::string order;
  loop.post([&] { order += 'a'; });
  loop.post([&] {
    loop.post([&] { order += 'c'; });
    order += 'b';
  });
  CHECK(loop.run_until([&] { return order.size() == 3; }, seconds(5)));
  CHECK(order == "abc");
}

TEST_CASE("timers run at their time, earliest first, whatever order they were made in") {
  AsioLoop loop;
  std::string order;
  const MonoTime begin = loop.now();
  MonoTime last{};
  loop.call_at(begin + milliseconds(30), [&] {
    order += 'c';
    last = loop.now();
  });
  loop.call_at(begin + milliseconds(10), [&] { order += 'a'; });
  loop.call_at(begin + milliseconds(20), [&] { order += 'b'; });
  CHECK(loop.run_until([&] { return order.size() == 3; }, seconds(5)));
  CHECK(order == "abc");
  CHECK(last - begin >= milliseconds(30));
}

TEST_CASE("a timer whose time has passed runs, but not inside the call") {
  AsioLoop loop;
  bool ran = false;
  loop.call_at(loop.now() - seconds(1), [&] { ran = true; });
  CHECK_FALSE(ran);
  CHECK(loop.run_until([&] { return ran; }, seconds(5)));
}

TEST_CASE("a cancelled timer never runs") {
  AsioLoop loop;
  bool cancelled_ran = false;
  bool other_ran = false;
  const Loop::TimerId timer = loop.call_after(milliseconds(1), [&] { cancelled_ran = true; });
  loop.call_after(milliseconds(20), [&] { other_ran = true; });
  loop.cancel(timer);
  loop.cancel(timer);
  loop.cancel(0);
  CHECK(loop.run_until([&] { return other_ran; }, seconds(5)));
  CHECK_FALSE(cancelled_ran);
}

TEST_CASE("a timer may cancel another that is due in the same turn") {
  AsioLoop loop;
  bool ran = false;
  Loop::TimerId second = 0;
  bool first_ran = false;
  const MonoTime at = loop.now() + milliseconds(5);
  loop.call_at(at, [&] {
    first_ran = true;
    loop.cancel(second);
  });
  second = loop.call_at(at, [&] { ran = true; });
  CHECK(loop.run_until([&] { return first_ran; }, seconds(5)));
  CHECK_FALSE(loop.run_until([&] { return ran; }, milliseconds(30)));
}

TEST_CASE("a timer that re-arms itself for now does not keep posted tasks waiting") {
  AsioLoop loop;
  int turns = 0;
  bool posted_ran = false;
  std::function<void()> again = [&] {
    if (++turns < 1000 && !posted_ran) loop.call_at(loop.now(), again);
  };
  loop.call_at(loop.now(), again);
  loop.call_after(milliseconds(1), [&] { loop.post([&] { posted_ran = true; }); });
  CHECK(loop.run_until([&] { return posted_ran; }, seconds(5)));
}

TEST_CASE("stop ends run from another thread") {
  AsioLoop loop;
  std::thread stopper([&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  stopper.join();
  SUCCEED("run returned");
}

TEST_CASE("what never ran is destroyed with the loop, also when it calls the loop once more") {
  struct CallsLoop {
    AsioLoop& loop;
    explicit CallsLoop(AsioLoop& in) : loop(in) {}
    ~CallsLoop() {
      loop.post([] {});
      loop.cancel(loop.call_after(seconds(1), [] {}));
    }
  };
  AsioLoop loop;
  loop.post([held = std::make_shared<CallsLoop>(loop)] {});
  loop.call_after(seconds(9), [held = std::make_shared<CallsLoop>(loop)] {});
}

TEST_CASE("jobs of the worker run off the loop, one at a time, in order; done comes on the loop") {
  AsioLoop loop;
  AsioWorker worker(loop, "test-worker");
  const std::thread::id loop_thread = std::this_thread::get_id();
  std::string jobs;  // written by the worker, read after the last done
  std::string dones;
  bool off_loop = true;
  bool on_loop = true;
  for (const char name : {'a', 'b', 'c'}) {
    worker.run(
        [&jobs, &off_loop, name, loop_thread] {
          jobs += name;
          off_loop = off_loop && std::this_thread::get_id() != loop_thread;
        },
        [&dones, &on_loop, name, loop_thread] {
          dones += name;
          on_loop = on_loop && std::this_thread::get_id() == loop_thread;
        });
  }
  CHECK(loop.run_until([&] { return dones.size() == 3; }, seconds(5)));
  CHECK(jobs == "abc");
  CHECK(dones == "abc");
  CHECK(off_loop);
  CHECK(on_loop);
}

TEST_CASE("a worker finishes its queue when it is destroyed") {
  AsioLoop loop;
  std::atomic<int> ran = 0;
  {
    AsioWorker worker(loop);
    for (int i = 0; i < 5; ++i) worker.run([&] { ++ran; }, [] {});
  }
  CHECK(ran == 5);
}

TEST_CASE("wall time is near the system's and monotonic time does not go back") {
  AsioLoop loop;
  const auto system_ms =
      std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  CHECK(std::abs(loop.wall_now().ms - system_ms) < 5000);
  const MonoTime before = loop.now();
  CHECK(loop.now() >= before);
}

}  // namespace
}  // namespace baton
