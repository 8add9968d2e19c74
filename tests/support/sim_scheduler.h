// SimScheduler: the one order of everything that happens in a simulated world.
//
// Events run by (time, sequence), one at a time, on the caller's thread. All randomness of a run
// comes from the scheduler's seed, so one seed is one run. trace() mixes what happened into a hash:
// two runs of one seed must end with the same hash, and a difference means that something unordered
// has crept in.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <vector>

#include "common/base/loop.h"
#include "common/base/random.h"
#include "common/base/time.h"

namespace baton::sim {

class SimLoop;
using namespace std::chrono_literals;

// Time of the world since the run began. Nodes never see it: each has a clock of its own
// (sim_clock.h).
using SimTime = Duration;

class SimScheduler {
 public:
  using TraceSink = std::function<void(SimTime at, std::string_view who, std::string_view what)>;

  explicit SimScheduler(std::uint64_t seed);

  [[nodiscard]] SimTime now() const { return now_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] Random& random() { return random_; }

  // Runs `closure` at `at`, or now when that has passed; after everything that was put there before
  // it.
  void at(SimTime at, Closure closure);
  void after(Duration delay, Closure closure) { at(now_ + delay, std::move(closure)); }

  // A place that lives as long as every event: where an event finds its loop, or null once that is
  // gone.
  SimLoop*& new_anchor() { return anchors_.emplace_back(nullptr); }

  // Runs the next event; false when there is none.
  bool step();
  // Runs the next event if it is due by `end`; otherwise the time is `end`, and false.
  bool run_next_until(SimTime end);
  // Runs what is due until `end`; the time is `end` afterwards.
  void run_until(SimTime end);
  void run_for(Duration length) { run_until(now_ + length); }
  // Runs until `done` holds (checked after each event) or `limit` of time has passed; tells which.
  bool run_until(const std::function<bool()>& done, Duration limit);

  // Adds a line to the run's trace: always to the hash, and to the sink when there is one.
  void trace(std::string_view who, std::string_view what);
  [[nodiscard]] std::uint64_t trace_hash() const { return hash_; }
  void set_trace_sink(TraceSink sink) { sink_ = std::move(sink); }

 private:
  // Closures stay where they are while their events move through the heap.
  struct Event {
    SimTime at;
    std::uint64_t sequence;
    std::size_t slot;
  };
  struct Due {
    std::uint64_t sequence;
    Closure closure;
  };
  static bool later(const Event& a, const Event& b);
  [[nodiscard]] bool heap_is_next() const;
  std::size_t store(Closure closure);
  Closure take(std::size_t slot);
  void mix(std::uint64_t value);

  Random random_;
  SimTime now_{0};
  std::uint64_t sequence_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325U;
  std::vector<Event> heap_;  // the earliest first, by later()
  std::deque<SimLoop*> anchors_;
  std::vector<Closure> slots_;
  std::vector<std::size_t> free_slots_;
  std::deque<Due> due_;  // put there for the present moment, which most are: they need no heap
  TraceSink sink_;
};

}  // namespace baton::sim
