// BenchRun: drives the load of `baton bench` and measures it. All on one loop, so that the load
// generator takes one core and leaves the other to the daemons.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/commands/bench_history.h"
#include "client/commands/bench_workload.h"
#include "client/commands/progress.h"
#include "client/commands/runtime.h"

namespace baton::commands {

enum class BenchMode {
  kCycle,    // producers and consumers at once, as fast as their windows allow
  kBacklog,  // first all in, then all out
  kSingle,   // one task in flight
  kPaced,    // a fixed rate
};

struct BenchOptions {
  BenchMode mode = BenchMode::kCycle;
  std::size_t producers = 4;
  std::size_t consumers = 4;
  std::size_t window = 64;  // unconfirmed tasks of a producer; open claims of a consumer
  std::size_t payload_bytes = 256;
  Millis duration = std::chrono::seconds(10);  // cycle, paced
  std::uint64_t tasks = 0;                     // backlog, single
  std::uint64_t rate = 2000;                   // paced, tasks per second
  std::string queue;
  bool drain = true;  // backlog: take them out again
  // What each task asks for; keys are dealt out one by one. 0: nothing.
  std::uint64_t order_keys = 0;
  std::uint64_t fair_keys = 0;
  bool keys = false;  // an idempotency key of its own
  Millis delay{0};
};

// Times in seconds, all of one run.
struct BenchTimes {
  double produce = 0;     // first produce to the last outcome
  double consume = 0;     // first consumer to the last completion
  double first_task = 0;  // backlog: first consumer to the first task
  std::uint64_t completed_while_producing = 0;
};

class BenchRun {
 public:
  BenchRun(Runtime& runtime, const BenchOptions& options, const std::vector<std::string>& managers);
  ~BenchRun();

  // `on_filled(next)`: a backlog lies there, nothing runs; call `next` to go on. `done`: over.
  void start(std::function<void(std::function<void()> next)> on_filled, std::function<void()> done);

  [[nodiscard]] const BenchWorkload& workload() const { return workload_; }
  [[nodiscard]] const BenchHistory& history() const { return history_; }
  [[nodiscard]] const BenchTimes& times() const { return times_; }
  [[nodiscard]] client::Admin& admin() { return clients_.front()->admin(); }

 private:
  struct Source {
    std::unique_ptr<client::Producer> producer;
    std::size_t open = 0;  // without an outcome
  };

  client::Client* make_client(std::size_t number);
  void make_producers();
  bool make_consumers();
  void pump(Source& source);
  void pace();
  void produce_one(Source& source);
  [[nodiscard]] TaskOptions options_of(std::uint64_t number) const;
  void on_outcome(Source& source, std::uint64_t number, std::uint64_t operation,
                  const client::ProduceOutcome& outcome);
  [[nodiscard]] bool wants_more() const;
  void end_of_producing();
  void on_task(std::uint64_t consumer, const client::Claim& claim);
  void on_completed();
  void watch_drain();
  void finish();
  [[nodiscard]] double since(MonoTime begin) const;

  Runtime& runtime_;
  BenchOptions options_;
  std::vector<std::string> managers_;
  BenchWorkload workload_;
  BenchHistory history_;
  Progress progress_;
  std::vector<std::unique_ptr<client::Client>> clients_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<std::unique_ptr<client::Consumer>> consumers_;
  std::function<void(std::function<void()>)> on_filled_;
  std::function<void()> done_;

  BenchTimes times_;
  MonoTime began_;
  MonoTime consuming_since_;
  MonoTime last_completion_;
  std::uint64_t outcomes_ = 0;
  bool stopped_producing_ = false;  // no new task
  bool produced_ = false;           // and all have their outcome
  bool over_ = false;
  std::uint64_t completed_seen_ = 0;
  MonoTime last_progress_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace baton::commands
