// SimLoop and SimWorker: one life of a simulated process.
//
// A process runs on the scheduler's events. It can be killed (nothing of it ever runs again, as
// after kill -9) or paused (as by SIGSTOP: what comes meanwhile runs afterwards, in order). A new
// life gets a new SimLoop. Destroy the node first, then its transport, then its loop: closures that
// never ran are destroyed, not run, with the loop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/loop.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_scheduler.h"

namespace baton::sim {

class SimLoop final : public Loop {
 public:
  SimLoop(SimScheduler& scheduler, std::string name, SimClock clock = {});
  ~SimLoop() override;
  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;

  [[nodiscard]] MonoTime now() const override { return clock_.mono(own_now()); }
  [[nodiscard]] WallTime wall_now() const override { return clock_.wall(own_now()); }
  void post(Closure closure) override;
  TimerId call_at(MonoTime at, Closure closure) override;
  void cancel(TimerId timer) override;

  // ---- what the world does to it ----

  // From now on nothing of this process runs or reaches the network.
  void kill();
  // Dead by kill(), or by the probe: a process that met its end inside a call (a power cut in the
  // middle of a write) sends nothing more, although that call still returns.
  [[nodiscard]] bool dead() const;
  void set_death_probe(std::function<bool()> probe) { probe_ = std::move(probe); }
  // Nothing runs before `until`.
  void pause_until(SimTime until);
  [[nodiscard]] bool paused() const { return scheduler_.now() < paused_until_; }
  [[nodiscard]] SimTime paused_until() const { return paused_until_; }
  void jump_wall(std::int64_t ms) { clock_.wall_ms += ms; }
  // Called from within a closure: it takes this long. Time goes on for this process at once, and
  // nothing else of it runs before the world has caught up.
  void spend(Duration time);
  // Every timer runs up to this much late, by chance: as on a busy machine.
  void set_timer_slack(Duration slack) { timer_slack_ = slack; }

  // For what may outlive the loop: null once it is destroyed.
  class Handle {
   public:
    explicit Handle(std::weak_ptr<SimLoop*> loop) : loop_(std::move(loop)) {}
    [[nodiscard]] SimLoop* get() const {
      const auto loop = loop_.lock();
      return loop ? *loop : nullptr;
    }

   private:
    std::weak_ptr<SimLoop*> loop_;
  };
  [[nodiscard]] Handle handle() const { return Handle(self_); }

  [[nodiscard]] SimScheduler& scheduler() { return scheduler_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  // Holds a closure that has not run. A slot is used again, its turn tells by whom.
  struct Slot {
    Closure closure;
    std::uint32_t turn = 0;
  };

  TimerId run_at(SimTime at, Closure closure);
  // Null when it has run or was cancelled.
  Slot* find(TimerId id);
  Closure take(Slot& slot);
  void schedule(SimTime at, TimerId id);
  // Ahead of the world while a closure has spent time.
  [[nodiscard]] SimTime own_now() const { return std::max(scheduler_.now(), busy_until_); }
  void fire(TimerId id);

  SimScheduler& scheduler_;
  const std::string name_;
  SimClock clock_;
  Duration timer_slack_{0};
  std::function<bool()> probe_;
  SimTime paused_until_{0};
  SimTime busy_until_{0};
  bool killed_ = false;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  SimLoop*& anchor_;                // what scheduled events know of this loop
  std::shared_ptr<SimLoop*> self_;  // what handles know of it
};

class SimWorker final : public Worker {
 public:
  enum class Mode : std::uint8_t {
    kInline,   // the job runs inside run(), as on a thread that is quicker than its caller
    kDelayed,  // the job runs later, one after the other
    kMixed,    // one or the other, by chance
  };

  SimWorker(SimLoop& loop, Mode mode, Duration delay_max = std::chrono::microseconds(800));

  void run(Closure job, Closure done) override;
  // True inside a job that is not on the loop's thread: the time it takes holds nobody up.
  [[nodiscard]] bool in_job() const { return in_job_; }

 private:
  struct Job {
    Closure job;
    Closure done;
  };
  void run_next();

  SimLoop& loop_;
  const Mode mode_;
  const Duration delay_max_;
  Random random_;
  MonoTime busy_until_{};
  std::deque<Job> jobs_;  // not begun, in order
  bool in_job_ = false;
};

}  // namespace baton::sim
