// What a program asks of the operating system once, at start.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "common/base/logger.h"
#include "common/net/asio_loop.h"

namespace baton {

// Raises RLIMIT_NOFILE to the hard limit and warns when that is too low for `connections_max`
// connections.
void raise_file_limit(std::size_t connections_max, Logger& logger);

// Keeps protobuf from writing its own lines to stderr for what a peer sends; our log says it, with
// a limit.
void silence_protobuf();

// SIGINT and SIGTERM as calls on the loop: the first `on_first`, the second `on_second`, with the
// signal's number. SIGPIPE and SIGXFSZ are ignored from now on: what they tell are errors of calls.
// One at a time per process.
class SignalWatch {
 public:
  using Handler = std::function<void(int signal)>;
  SignalWatch(AsioLoop& loop, Handler on_first, Handler on_second);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace baton
