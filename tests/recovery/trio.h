// Trio: a center and two managers, a producer and a worker in a simulated world, and a script.
//
// A script's steps wait for what they want to see, but not for ever: with a fault in between they
// go on without it, and the end sorts it out. At the end every disk is healthy; then everything
// that was confirmed must be finished, and the checkers look at the history.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/recovery/trio_clients.h"
#include "tests/recovery/trio_daemon.h"
#include "tests/sim/cluster/sim_inspector.h"
#include "tests/sim/cluster/sim_world.h"

namespace baton::recovery {

class Trio {
 public:
  struct Scenario {
    const char* name;
    void (*script)(Trio&);
    bool first_start = false;  // the sweep begins with the first operation, not when all is up
    SyncMode sync_mode = SyncMode::kInline;
    std::size_t stretch_bytes = std::size_t{1} << 20;
    std::uint64_t snapshot_log_bytes = std::uint64_t{1} << 30;
  };
  static constexpr std::size_t kDaemons = 3;
  enum Who : std::size_t { kCenter, kFirst, kSecond };

  Trio(const Scenario& scenario, std::uint64_t seed);
  ~Trio();

  [[nodiscard]] TrioDaemon& daemon(std::size_t who) { return *daemons_.at(who); }

  // From the first start to the last check. Throws a Violation.
  void play();
  // Where the operations of each daemon were when everything was up, and at the end of the script.
  [[nodiscard]] const std::array<std::uint64_t, kDaemons>& up_at() const { return up_at_; }
  [[nodiscard]] const std::array<std::uint64_t, kDaemons>& done_at() const { return done_at_; }
  [[nodiscard]] std::uint64_t trace_hash() const { return world_.scheduler.trace_hash(); }
  void set_trace_sink(sim::SimScheduler::TraceSink sink) {
    world_.scheduler.set_trace_sink(std::move(sink));
  }

  // ---- steps of scripts ----

  // Produces at the first manager and waits for the outcomes.
  void produce(int count, std::size_t payload_bytes = 50);
  void begin_to_produce(int count);
  // Waits until so many claims are held.
  void claim(std::size_t count);
  void ack(int count, std::size_t result_bytes = 0);
  void nack();
  void release();
  void extend();
  void kill(Who who, Duration back_after);
  void cut_power(Who who, Duration back_after);
  void restart(Who who);
  // What the one sends does not reach the other.
  void block(const std::string& from, const std::string& to);
  void unblock();
  void run_for(Duration length);

 private:
  static sim::SimPlan plan_of(const Scenario& scenario, std::uint64_t seed);
  bool run_until(const std::function<bool()>& done, Duration limit);
  void start();
  void finish();
  void check() const;

  const Scenario& scenario_;
  sim::SimWorld world_;
  std::vector<std::unique_ptr<TrioDaemon>> daemons_;
  std::unique_ptr<TrioProducer> producer_;
  std::unique_ptr<TrioWorker> worker_;
  std::unique_ptr<sim::SimInspector> inspector_;
  std::array<std::uint64_t, kDaemons> up_at_{};
  std::array<std::uint64_t, kDaemons> done_at_{};
};

}  // namespace baton::recovery
