#include "tests/support/sim_loop.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace baton::sim {

SimLoop::SimLoop(SimScheduler& scheduler, std::string name, SimClock clock)
    : scheduler_(scheduler),
      name_(std::move(name)),
      clock_(clock),
      self_(std::make_shared<SimLoop*>(this)) {}

SimLoop::~SimLoop() {
  killed_ = true;
  self_.reset();
  // A destroyed closure may destroy the last owner of something that cancels its own timer.
  auto leftovers = std::move(closures_);
  closures_.clear();
}

void SimLoop::post(Closure closure) { run_at(scheduler_.now(), std::move(closure)); }

Loop::TimerId SimLoop::call_at(MonoTime at, Closure closure) {
  SimTime when = std::max(clock_.world(at), scheduler_.now());
  if (timer_slack_ > Duration(0)) {
    const auto slack = static_cast<std::uint64_t>(timer_slack_.count());
    when += Duration(static_cast<std::int64_t>(scheduler_.random().below(slack)));
  }
  return run_at(when, std::move(closure));
}

void SimLoop::cancel(TimerId timer) {
  const auto found = closures_.find(timer);
  if (found == closures_.end()) return;
  const Closure dropped = std::move(found->second);  // destroyed after the map is whole again
  closures_.erase(found);
}

Loop::TimerId SimLoop::run_at(SimTime at, Closure closure) {
  BATON_CHECK(closure);
  const TimerId id = next_id_++;
  if (killed_) return id;
  closures_.emplace(id, std::move(closure));
  scheduler_.at(at, [weak = std::weak_ptr(self_), id] {
    if (const auto loop = weak.lock()) (*loop)->fire(id);
  });
  return id;
}

void SimLoop::fire(TimerId id) {
  const auto found = closures_.find(id);
  if (found == closures_.end() || dead()) return;
  if (const SimTime free = std::max(paused_until_, busy_until_); scheduler_.now() < free) {
    scheduler_.at(free, [weak = std::weak_ptr(self_), id] {
      if (const auto loop = weak.lock()) (*loop)->fire(id);
    });
    return;
  }
  const Closure closure = std::move(found->second);
  closures_.erase(found);
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
  const auto bound = static_cast<std::uint64_t>(delay_max_.count());
  const Duration length(static_cast<std::int64_t>(1 + random_.below(bound)));
  busy_until_ = std::max(busy_until_, loop_.now()) + length;
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
