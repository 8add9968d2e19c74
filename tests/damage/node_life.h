// What a node's storage stands on in a sweep: a loop and a worker that the test moves, no network,
// no log lines.
#pragma once

#include <stdexcept>
#include <string>

#include "common/net/node_context.h"
#include "tests/support/manual_loop.h"
#include "tests/support/sim_env.h"

namespace baton::damage {

class NoTransport final : public Transport {
 public:
  void connect(const Address&, Duration, std::function<void(Result<ConnectionPtr>)>) override {}
  Result<std::unique_ptr<Listener>> listen(const Address&,
                                           std::function<void(ConnectionPtr)>) override {
    return Status(ErrorCode::kUnavailable, "there is no network");
  }
};

class NoLogger final : public Logger {
 public:
  void write(LogLevel, std::string_view, std::span<const LogField>) override {}
  [[nodiscard]] bool enabled(LogLevel) const override { return false; }
};

struct NodeWorld {
  NodeWorld() : worker(loop) {}

  NodeContext context() { return {loop, worker, transport, env, logger, 1}; }
  void settle() { run_until_idle(loop, worker); }
  // Time passes until nothing is due any more, within reason.
  void run_background() {
    for (int i = 0; i < 400 && loop.timers() > 0; ++i) {
      loop.advance(std::chrono::milliseconds(20));
      settle();
    }
  }
  // As when the process is killed.
  void forget() {
    loop.drop_everything();
    worker.drop_everything();
  }

  sim::SimEnv env;
  testing::ManualLoop loop;
  testing::ManualWorker worker;
  NoTransport transport;
  NoLogger logger;
};

// Of what must go well while a directory is made.
inline void require(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.to_string());
}

// True when a sentence says which file, or which part of which log, it is about.
inline bool names_a_place(const std::string& sentence) {
  for (const char* place : {"/data", "shard ", "log ", "batch ", "entry ", "snapshot", "archive"}) {
    if (sentence.find(place) != std::string::npos) return true;
  }
  return false;
}

}  // namespace baton::damage
