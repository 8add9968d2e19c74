#include "center/service/tick_proposer.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"

namespace baton::center {
namespace {

// Lease time is counted in milliseconds; a deadline that is due now does not need a quicker tick.
constexpr Millis kTickGapMin{1};
// A wall clock may be set while something waits for it: it is read again so often.
constexpr Millis kCalendarCheck{1000};

}  // namespace

void TickProposer::start() {
  running_ = true;
  counting_ = false;
  in_flight_ = false;
  ++term_turn_;
  counted_until_ = loop_.now();
  arm(loop_.now());
}

void TickProposer::stop() {
  running_ = false;
  ++term_turn_;
  loop_.cancel(std::exchange(timer_, 0));
}

void TickProposer::update() {
  if (!running_ || !counting_ || in_flight_) return;
  const TickPlan plan = world_.plan();
  const MonoTime at = std::min(due_for_lease(plan), due_for_calendar(plan));
  if (at == MonoTime::max()) {
    loop_.cancel(std::exchange(timer_, 0));
    return;
  }
  arm(std::max(at, loop_.now()));
}

MonoTime TickProposer::due_for_lease(const TickPlan& plan) const {
  if (!plan.needed) return MonoTime::max();
  const Millis gap = std::clamp(std::min(plan.max_gap, plan.next_deadline), kTickGapMin, kTickCap);
  // What was not counted during an idle time never will be: the cap cuts it off.
  return counted_until_ + gap;
}

MonoTime TickProposer::due_for_calendar(const TickPlan& plan) const {
  if (!plan.calendar_deadline) return MonoTime::max();
  const Millis left(plan.calendar_deadline->ms - world_.wall().ms);
  return loop_.now() + std::clamp(left, Millis(0), kCalendarCheck);
}

void TickProposer::on_timer() {
  const TickPlan plan = world_.plan();
  const MonoTime now = loop_.now();
  const bool calendar = plan.calendar_deadline && plan.calendar_deadline->ms <= world_.wall().ms;
  if (!counting_ || due_for_lease(plan) <= now || calendar) return propose();
  update();
}

void TickProposer::arm(MonoTime at) {
  if (timer_ != 0 && armed_at_ == at) return;
  loop_.cancel(std::exchange(timer_, 0));
  armed_at_ = at;
  timer_ = loop_.call_at(at, [this] {
    timer_ = 0;
    on_timer();
  });
}

void TickProposer::propose() {
  const MonoTime now = loop_.now();
  Millis elapsed{0};
  if (counting_) {
    elapsed = std::chrono::duration_cast<Millis>(now - counted_until_);
    // Below the cap a rest of less than a millisecond waits for the next tick.
    counted_until_ = elapsed > kTickCap ? now : counted_until_ + elapsed;
    elapsed = std::min(elapsed, kTickCap);
  } else {
    counting_ = true;
    counted_until_ = now;
  }
  in_flight_ = true;
  world_.propose(Tick{elapsed, world_.wall()}, [this, turn = term_turn_] {
    if (turn != term_turn_) return;
    in_flight_ = false;
    update();
  });
}

}  // namespace baton::center
