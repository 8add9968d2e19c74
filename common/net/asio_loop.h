// AsioLoop and AsioWorker: Loop and Worker of real programs. The home of the real clocks and
// threads.
#pragma once

#include <memory>
#include <string>

#include "common/base/loop.h"

namespace boost::asio {
class io_context;
}  // namespace boost::asio

namespace baton {

// One io_context run by one thread: whoever calls run().
class AsioLoop : public Loop {
 public:
  AsioLoop();
  ~AsioLoop() override;
  AsioLoop(const AsioLoop&) = delete;
  AsioLoop& operator=(const AsioLoop&) = delete;

  [[nodiscard]] MonoTime now() const override;       // CLOCK_BOOTTIME
  [[nodiscard]] WallTime wall_now() const override;  // CLOCK_REALTIME
  void post(Closure closure) override;               // from any thread
  TimerId call_at(MonoTime at, Closure closure) override;
  void cancel(TimerId timer) override;

  // Runs closures until stop() is called, also when there is nothing to do. An exception that a
  // closure lets out ends the process.
  void run() noexcept;
  // Makes run() return soon. From any thread. What is still posted then is dropped with the loop.
  void stop();
  // For tests: runs until `ready` is true or `timeout` has passed; the last value of `ready`.
  bool run_until(const std::function<bool()>& ready, Duration timeout);

  [[nodiscard]] boost::asio::io_context& context();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// One thread. The destructor finishes the jobs that were queued, but posts no more `done`.
class AsioWorker : public Worker {
 public:
  // `loop` outlives the worker. `name` is the thread's name in ps and gdb (15 bytes).
  explicit AsioWorker(AsioLoop& loop, const std::string& name = "storage");
  ~AsioWorker() override;
  AsioWorker(const AsioWorker&) = delete;
  AsioWorker& operator=(const AsioWorker&) = delete;

  void run(Closure job, Closure done) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// A seed for Random from the system's source of randomness.
std::uint64_t system_seed();

}  // namespace baton
