// run_daemon: what the main() of every daemon shares.
//
// Flags, config file, log, file descriptor limit, loop, transport, signals, exit code. Start-up
// errors are one line on stderr and a non-zero exit (2 for wrong usage, 1 otherwise). SIGTERM or
// SIGINT drains, a second one stops at once.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/logger.h"
#include "common/base/status.h"
#include "common/net/node_context.h"

namespace CLI {
class App;
}  // namespace CLI

namespace baton {

// The flags that every daemon has.
struct DaemonFlags {
  Address listen;
  std::string data;
  std::size_t connections_max = 0;
};

// A node that runs. `node` owns it; dropping it stops it at once.
struct RunningNode {
  std::shared_ptr<void> node;
  Address address;
  std::function<void(std::function<void()> done)> drain;
  // What the last log line tells of its life. May be empty.
  std::function<std::vector<LogField>()> counts = {};
};

struct DaemonSpec {
  std::string name;         // "baton-center"
  std::string description;  // for --help and the manual page
  std::string examples;     // lines that begin with two spaces
  Address listen_default;
  std::size_t connections_default = 10'000;
  // Adds the daemon's own flags. May be empty.
  std::function<void(CLI::App&)> add_flags;
  // Starts the node. Not ok: the daemon says so and exits (invalid_argument: 2, else 1).
  // `on_failed` is for later: a node that cannot go on (a failed write) calls it once, and the
  // daemon ends with code 1.
  std::function<Result<RunningNode>(NodeContext, const DaemonFlags&,
                                    std::function<void(const Status&)> on_failed)>
      open;
};

// Returns the exit code of the process.
int run_daemon(int argc, char** argv, const DaemonSpec& spec);

}  // namespace baton
