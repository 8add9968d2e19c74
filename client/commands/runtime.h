// Runtime: the world of one run of the `baton` program: its loop, its client, its signals, its
// output.
//
// Everything of a command runs on this loop. A command starts what it has to do, then something of
// it calls finish() with the exit code.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/commands/async_output.h"
#include "client/commands/output.h"
#include "client/embedded.h"
#include "common/daemon/process.h"
#include "common/daemon/stderr_logger.h"
#include "common/net/asio_loop.h"
#include "common/net/asio_transport.h"

namespace baton::commands {

// What the flags that every command has say.
struct CommonOptions {
  std::vector<std::string> managers;
  Millis timeout{0};
  OutputFormat format = OutputFormat::kTable;
  bool verbose = false;
};

class Runtime {
 public:
  explicit Runtime(CommonOptions options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  [[nodiscard]] const CommonOptions& options() const { return options_; }
  [[nodiscard]] AsioLoop& loop() { return loop_; }
  [[nodiscard]] AsioTransport& transport() { return transport_; }
  [[nodiscard]] Logger& logger() { return logger_; }
  [[nodiscard]] Output& out() { return out_; }
  // The same standard output for commands that must not wait for its reader.
  [[nodiscard]] AsyncOutput& async_out() { return async_out_; }

  // Another client of the same cluster, or of these managers. Null after printing the error and
  // finishing when an address is none.
  std::unique_ptr<client::Client> make_client() { return make_client(options_.managers); }
  std::unique_ptr<client::Client> make_client(std::vector<std::string> managers);

  // Runs `start` on the loop, then the loop until finish(); returns the exit code.
  int run(const std::function<void()>& start);
  void finish(int exit_code);
  // Prints "error: ..." with what to do next, and finishes with the code that goes with it.
  void fail(const Status& status, bool reached = false);

  // Replaces what the first SIGINT or SIGTERM does: finish with 128 + its number. The second always
  // ends the process at once.
  void set_on_interrupt(std::function<void(int signal)> on_interrupt) {
    on_interrupt_ = std::move(on_interrupt);
  }

 private:
  CommonOptions options_;
  StderrLogger logger_;
  AsioLoop loop_;
  AsioTransport transport_;
  Output out_;
  AsyncOutput async_out_;
  std::function<void(int)> on_interrupt_;
  SignalWatch signals_;
  int exit_code_ = 0;
  bool finished_ = false;
};

// "error: what and why", then a line with the next step where there is one. `reached`: a manager has
// answered, so that nobody need be told to start the cluster.
void print_error(const Status& status, bool reached = false);
void print_error(const std::string& text);

// A wrong combination of flags, which only the command itself can see: says so like the parser, and
// returns the exit code 2. `command`: "produce", "queue set".
int usage_error(const std::string& command, const std::string& what);

// Exit codes that commands choose by what they did; exit_code() has those of errors.
inline constexpr int kFailed = 1;      // what was waited for ended otherwise
inline constexpr int kTimedOut = 6;    // it has not ended in time
inline constexpr int kPartlyDone = 8;  // some of what was asked for was done

// The exit code for a request that was tried until its time was over: a deadline that ran out while
// nobody answered means that the cluster is unavailable.
int exit_code_of_request(const Status& status);

// True when standard error is a terminal that people watch.
bool stderr_is_terminal();

}  // namespace baton::commands
