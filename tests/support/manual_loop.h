// ManualLoop and ManualWorker: a Loop and a Worker that do nothing until the test says so.
//
// Time stands still except in advance(). Posted closures run in run_posted() or run_until_idle(),
// jobs of the worker in run_job(), one at a time, so that a test decides what happens in between.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <utility>

#include "common/base/loop.h"

namespace baton::testing {

class ManualLoop final : public Loop {
 public:
  // Calendar time starts here, a fixed day in 2026, and runs with the other one.
  static constexpr WallTime kWallStart{1'790'000'000'000};

  [[nodiscard]] MonoTime now() const override { return now_; }
  [[nodiscard]] WallTime wall_now() const override;
  void post(Closure closure) override { posted_.push_back(std::move(closure)); }
  TimerId call_at(MonoTime at, Closure closure) override;
  void cancel(TimerId timer) override { timers_.erase(timer); }

  // Runs one posted closure; false when there is none.
  bool run_one();
  // Runs what is posted, and what that posts, until nothing is.
  void run_posted();
  // Moves time forward, running posted closures and the timers that fall due at their own time, in
  // order.
  void advance(Duration by);
  // What was posted or would run at a later time is forgotten, as when a process dies.
  void drop_everything();

  [[nodiscard]] std::size_t posted() const { return posted_.size(); }
  [[nodiscard]] std::size_t timers() const { return timers_.size(); }

 private:
  struct Timer {
    MonoTime at;
    Closure closure;
  };

  MonoTime now_{std::chrono::seconds(1)};
  std::deque<Closure> posted_;
  std::map<TimerId, Timer> timers_;  // ids grow, so equal times keep their order
  TimerId next_timer_ = 1;
};

class ManualWorker final : public Worker {
 public:
  explicit ManualWorker(Loop& loop) : loop_(loop) {}

  void run(Closure job, Closure done) override {
    jobs_.emplace_back(std::move(job), std::move(done));
  }

  // Runs the oldest job and posts its end; false when there is none.
  bool run_job();
  void drop_everything() { jobs_.clear(); }
  [[nodiscard]] std::size_t jobs() const { return jobs_.size(); }

 private:
  Loop& loop_;
  std::deque<std::pair<Closure, Closure>> jobs_;
};

// Runs posted closures and jobs until there are none; timers only fall due through advance().
void run_until_idle(ManualLoop& loop, ManualWorker& worker);

}  // namespace baton::testing
