// ChildProcess: one `sh -c COMMAND` in a process group of its own, fed on stdin, its stdout
// collected.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <sys/types.h>

#include "common/base/status.h"
#include "common/net/asio_loop.h"

namespace baton::commands {

struct ChildExit {
  int code = -1;   // exit code, or -1 when a signal ended it
  int signal = 0;  // that ended it
  std::string output;
  bool output_cut = false;  // it wrote more than was wanted; the rest was thrown away

  [[nodiscard]] bool ok() const { return code == 0; }
  [[nodiscard]] std::string to_string() const;  // "exit code 3", "killed by signal 15"
};

class ChildProcess : public std::enable_shared_from_this<ChildProcess> {
 public:
  struct Spec {
    std::string command;
    std::string input;
    std::vector<std::string> environment;  // NAME=VALUE, added to ours
    std::size_t output_bytes_max = 0;
  };
  using Done = std::function<void(ChildExit)>;

  // Starts it; `done` follows once, on the loop, when it has ended. unavailable: it could not be
  // started.
  static Result<std::shared_ptr<ChildProcess>> start(AsioLoop& loop, Spec spec, Done done);

  // SIGTERM to its whole group, and SIGKILL after `grace`. Once is enough; more changes nothing.
  void terminate(Duration grace);

  ChildProcess(AsioLoop& loop, Spec spec, Done done);
  ~ChildProcess();

 private:
  Status spawn();
  void watch_exit();
  void write_input();
  void read_output();
  void reap();
  void finish_if_over();
  void signal_group(int signal) const;

  AsioLoop& loop_;
  Spec spec_;
  Done done_;
  boost::asio::signal_set child_signals_;
  boost::asio::posix::stream_descriptor input_;
  boost::asio::posix::stream_descriptor output_;
  std::vector<char> buffer_;
  std::size_t written_ = 0;
  pid_t pid_ = -1;
  bool exited_ = false;
  bool output_ended_ = false;
  bool terminating_ = false;
  Loop::TimerId kill_timer_ = 0;
  Loop::TimerId output_timer_ = 0;
  ChildExit exit_;
};

}  // namespace baton::commands
