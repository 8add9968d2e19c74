#include "tests/support/manual_loop.h"

namespace baton::testing {

WallTime ManualLoop::wall_now() const {
  return {kWallStart.ms + std::chrono::duration_cast<Millis>(now_.time_since_epoch()).count()};
}

Loop::TimerId ManualLoop::call_at(MonoTime at, Closure closure) {
  timers_.emplace(next_timer_, Timer{at, std::move(closure)});
  return next_timer_++;
}

bool ManualLoop::run_one() {
  if (posted_.empty()) return false;
  const Closure closure = std::move(posted_.front());
  posted_.pop_front();
  closure();
  return true;
}

void ManualLoop::run_posted() {
  while (run_one()) {
  }
}

void ManualLoop::advance(Duration by) {
  const MonoTime end = now_ + by;
  for (;;) {
    run_posted();
    auto next = timers_.end();
    for (auto timer = timers_.begin(); timer != timers_.end(); ++timer) {
      if (timer->second.at > end) continue;
      if (next == timers_.end() || timer->second.at < next->second.at) next = timer;
    }
    if (next == timers_.end()) break;
    if (next->second.at > now_) now_ = next->second.at;
    const Closure closure = std::move(next->second.closure);
    timers_.erase(next);
    closure();
  }
  now_ = end;
}

void ManualLoop::drop_everything() {
  posted_.clear();
  timers_.clear();
}

bool ManualWorker::run_job() {
  if (jobs_.empty()) return false;
  auto [job, done] = std::move(jobs_.front());
  jobs_.pop_front();
  job();
  loop_.post(std::move(done));
  return true;
}

void run_until_idle(ManualLoop& loop, ManualWorker& worker) {
  do {
    loop.run_posted();
  } while (worker.run_job());
}

}  // namespace baton::testing
