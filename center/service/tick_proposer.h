// TickProposer: turns this center's monotonic time into the ledger's lease time (R15).
//
// The intervals it proposes are disjoint pieces of real time, measured by this center within one
// term, at most one of them in flight and none longer than the cap: lease time never runs ahead of
// real time, and time without a leader never counts. When nothing waits for lease time it proposes
// nothing, but for a tick when the calendar has come to what waits for that.
#pragma once

#include <functional>

#include "center/core/ledger.h"
#include "common/base/loop.h"

namespace baton::center {

class TickProposer {
 public:
  struct World {
    std::function<TickPlan()> plan;
    std::function<WallTime()> wall;  // the median reading
    // `done` when the tick is applied, or never will be.
    std::function<void(Tick, std::function<void()> done)> propose;
  };

  TickProposer(Loop& loop, World world) : loop_(loop), world_(std::move(world)) {}
  ~TickProposer() { stop(); }
  TickProposer(const TickProposer&) = delete;
  TickProposer& operator=(const TickProposer&) = delete;

  // A term of ours began: its first tick comes at once, needed or not, and adds no time; it brings
  // the calendar up to date. Time counts from there on.
  void start();
  // Also forgets a tick in flight: its `done` is ignored.
  void stop();
  // The ledger changed: its plan may be another one.
  void update();

 private:
  // When the next tick must be proposed for lease time, and for the calendar.
  [[nodiscard]] MonoTime due_for_lease(const TickPlan& plan) const;
  [[nodiscard]] MonoTime due_for_calendar(const TickPlan& plan) const;
  void on_timer();
  void arm(MonoTime at);
  void propose();

  Loop& loop_;
  const World world_;
  bool running_ = false;
  bool counting_ = false;  // the first tick of the term was proposed
  bool in_flight_ = false;
  std::uint64_t term_turn_ = 0;  // raised by start and stop; tells late callbacks
  MonoTime counted_until_{};  // real time before it is in ticks already proposed, or never will be
  MonoTime armed_at_{};
  Loop::TimerId timer_ = 0;
};

}  // namespace baton::center
