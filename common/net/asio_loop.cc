#include "common/net/asio_loop.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>
#include <utility>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <pthread.h>
#include <time.h>

#include "common/base/check.h"

namespace asio = boost::asio;

namespace baton {
namespace {

MonoTime boot_time() {
  timespec now{};
  BATON_CHECK(::clock_gettime(CLOCK_BOOTTIME, &now) == 0);
  return MonoTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

// What Asio asks of a clock.
struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = MonoTime;
  static time_point now() { return boot_time(); }
};

struct BootWaitTraits {
  static Duration to_wait_duration(const Duration& duration) { return duration; }
  static Duration to_wait_duration(const MonoTime& time) { return time - boot_time(); }
};

using BootTimer = asio::basic_waitable_timer<BootClock, asio::wait_traits<BootClock>,
                                             asio::io_context::executor_type>;

}  // namespace

// All timers of a loop share one Asio timer, armed for the earliest of them.
class AsioLoop::Impl {
 public:
  // While the loop is destroyed, the closures that never ran are destroyed too, and what they held
  // may call the loop once more. First member: it outlives them all.
  bool closing = false;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(context);

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { closing = true; }

  TimerId add_timer(MonoTime at, Closure closure) {
    if (closing) return 0;
    const TimerId id = ++last_timer_;
    times_.emplace(id, at);
    timers_.emplace(Key{at, id}, std::move(closure));
    arm();
    return id;
  }

  void remove_timer(TimerId id) {
    if (closing) return;
    const auto found = times_.find(id);
    if (found == times_.end()) return;
    timers_.erase(Key{found->second, id});
    times_.erase(found);
    // The Asio timer may now fire for nothing, which is cheaper than setting it back on every
    // cancel.
  }

 private:
  // Timers of the same time run in the order they were made.
  using Key = std::pair<MonoTime, TimerId>;

  void arm() {
    if (timers_.empty()) return;
    const MonoTime earliest = timers_.begin()->first.first;
    if (armed_ && armed_for_ <= earliest) return;
    armed_ = true;
    armed_for_ = earliest;
    timer_.expires_at(earliest);  // ends the wait before this one
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;  // replaced by an earlier one
      armed_ = false;
      run_due();
      arm();
    });
  }

  // Timers that the due ones make for a time that has passed wait for the next turn: a closure that
  // re-arms itself for now must not keep sockets waiting.
  void run_due() {
    const MonoTime now = boot_time();
    const TimerId last = last_timer_;
    while (!timers_.empty()) {
      const auto first = timers_.begin();
      if (first->first.first > now || first->first.second > last) return;
      Closure closure = std::move(first->second);
      times_.erase(first->first.second);
      timers_.erase(first);
      closure();
    }
  }

  BootTimer timer_{context};
  bool armed_ = false;
  MonoTime armed_for_{};
  TimerId last_timer_ = 0;
  std::map<Key, Closure> timers_;
  std::unordered_map<TimerId, MonoTime> times_;
};

AsioLoop::AsioLoop() : impl_(std::make_unique<Impl>()) {}
AsioLoop::~AsioLoop() = default;

MonoTime AsioLoop::now() const { return boot_time(); }

WallTime AsioLoop::wall_now() const {
  timespec now{};
  BATON_CHECK(::clock_gettime(CLOCK_REALTIME, &now) == 0);
  return WallTime{std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000};
}

void AsioLoop::post(Closure closure) {
  if (!impl_->closing) asio::post(impl_->context, std::move(closure));
}

Loop::TimerId AsioLoop::call_at(MonoTime at, Closure closure) {
  return impl_->add_timer(at, std::move(closure));
}
void AsioLoop::cancel(TimerId timer) { impl_->remove_timer(timer); }

void AsioLoop::run() noexcept {
  impl_->context.restart();
  impl_->context.run();
}

void AsioLoop::stop() { impl_->context.stop(); }

bool AsioLoop::run_until(const std::function<bool()>& ready, Duration timeout) {
  const MonoTime deadline = boot_time() + timeout;
  impl_->context.restart();
  while (!ready()) {
    const MonoTime now = boot_time();
    if (now >= deadline) return false;
    impl_->context.run_one_for(std::min<Duration>(deadline - now, std::chrono::milliseconds(20)));
  }
  return true;
}

asio::io_context& AsioLoop::context() { return impl_->context; }

class AsioWorker::Impl {
 public:
  Impl(AsioLoop& loop, const std::string& name) : loop_(loop), thread_([this] { work(); }) {
    ::pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void add(Closure job, Closure done) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.emplace_back(std::move(job), std::move(done));
    }
    wake_.notify_one();
  }

 private:
  void work() noexcept {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      auto [job, done] = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
      if (!stopping_) loop_.post(std::move(done));
    }
  }

  AsioLoop& loop_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<Closure, Closure>> jobs_;  // guarded by mutex_
  bool stopping_ = false;                         // guarded by mutex_
  std::thread thread_;                            // last: it uses all of the above
};

AsioWorker::AsioWorker(AsioLoop& loop, const std::string& name)
    : impl_(std::make_unique<Impl>(loop, name)) {}
AsioWorker::~AsioWorker() = default;
void AsioWorker::run(Closure job, Closure done) { impl_->add(std::move(job), std::move(done)); }

std::uint64_t system_seed() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

}  // namespace baton
