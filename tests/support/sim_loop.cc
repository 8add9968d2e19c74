#include "tests/support/sim_loop.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "tests/support/draw.h"

namespace baton::sim {

SimLoop::SimLoop(SimScheduler& scheduler, std::string name, SimClock clock)
    : scheduler_(scheduler),
      name_(std::move(name)),
      clock_(clock),
      anchor_(scheduler.new_anchor()),
      self_(std::make_shared<SimLoop*>(this)) {
  anchor_ = this;
}

SimLoop::~SimLoop() {
  killed_ = true;
  self_.reset();
  anchor_ = nullptr;
  // A destroyed closure may destroy the last owner of something that cancels its own timer.
  const auto leftovers = std::exchange(slots_, {});
}

void SimLoop::post(Closure closure) { run_at(scheduler_.now(), std::move(closure)); }

Loop::TimerId SimLoop::call_at(MonoTime at, Closure closure) {
  SimTime when = std::max(clock_.world(at), scheduler_.now());
  if (timer_slack_ > Duration(0)) when += below(scheduler_.random(), timer_slack_);
  return run_at(when, std::move(closure));
}

void SimLoop::cancel(TimerId timer) {
  // Destroyed after the slot is free again: a closure may own what cancels timers.
  if (Slot* slot = find(timer)) const Closure dropped = take(*slot);
}

Loop::TimerId SimLoop::run_at(SimTime at, Closure closure) {
  BATON_CHECK(closure);
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t index = free_slots_.back();
  Slot& slot = slots_[index];
  slot.turn++;
  const TimerId id = (TimerId{slot.turn} << 32) | index;
  if (killed_) return id;
  free_slots_.pop_back();
  slot.closure = std::move(closure);
  schedule(at, id);
  return id;
}

void SimLoop::schedule(SimTime at, TimerId id) {
  scheduler_.at(at, [anchor = &anchor_, id] {
    if (*anchor != nullptr) (*anchor)->fire(id);
  });
}

SimLoop::Slot* SimLoop::find(TimerId id) {
  const std::size_t index = id & 0xffffffffU;
  if (index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  return slot.turn == id >> 32 && slot.closure ? &slot : nullptr;
}

Closure SimLoop::take(Slot& slot) {
  free_slots_.push_back(static_cast<std::uint32_t>(&slot - slots_.data()));
  return std::exchange(slot.closure, nullptr);
}

void SimLoop::fire(TimerId id) {
  Slot* slot = find(id);
  if (slot == nullptr || dead()) return;
  if (const SimTime free = std::max(paused_until_, busy_until_); scheduler_.now() < free) {
    schedule(free, id);
    return;
  }
  const Closure closure = take(*slot);
  closure();
}

void SimLoop::kill() { killed_ = true; }

bool SimLoop::dead() const { return killed_ || (probe_ && probe_()); }

void SimLoop::spend(Duration time) { busy_until_ = own_now() + time; }

void SimLoop::pause_until(SimTime until) { paused_until_ = std::max(paused_until_, until); }

SimWorker::SimWorker(SimLoop& loop, Mode mode, Duration delay_max)
    : loop_(loop), mode_(mode), delay_max_(delay_max), random_(loop.scheduler().random().fork()) {}

void SimWorker::run(Closure job, Closure done) {
  const bool idle = jobs_.empty();
  const bool at_once = mode_ == Mode::kInline || (mode_ == Mode::kMixed && random_.one_in(2));
  if (at_once && idle) {
    in_job_ = true;
    job();
    in_job_ = false;
    loop_.post(std::move(done));
    return;
  }
  busy_until_ = std::max(busy_until_, loop_.now()) + up_to(random_, delay_max_);
  jobs_.push_back({std::move(job), std::move(done)});
  loop_.call_at(busy_until_, [this] { run_next(); });
}

void SimWorker::run_next() {
  Job next = std::move(jobs_.front());
  jobs_.pop_front();
  in_job_ = true;
  next.job();
  in_job_ = false;
  loop_.post(std::move(next.done));
}

}  // namespace baton::sim
