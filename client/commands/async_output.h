// AsyncOutput: writes to an Output off the loop, so that a slow reader of our standard output never
// stops heartbeats.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "client/commands/output.h"
#include "common/net/asio_loop.h"

namespace baton::commands {

class AsyncOutput {
 public:
  // `loop` and `output` outlive this.
  AsyncOutput(AsioLoop& loop, Output& output) : loop_(loop), output_(output) {}

  // Writes and flushes after what was written before, then calls `done(ok)` on the loop. Not ok:
  // the reader has gone, here and from now on.
  void write(std::string bytes, std::function<void(bool ok)> done);
  // Something was written whose `done` has not been called.
  [[nodiscard]] bool busy() const { return busy_ > 0; }

 private:
  AsioLoop& loop_;
  Output& output_;
  std::size_t busy_ = 0;
  std::unique_ptr<AsioWorker> worker_;  // started by the first write
};

}  // namespace baton::commands
