#include "client/commands/child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace baton::commands {
namespace {

// What a grandchild in the background writes after its parent has ended is nobody's result.
constexpr Duration kOutputGrace = std::chrono::seconds(1);
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  [[nodiscard]] int read_end() const { return ends[0]; }
  [[nodiscard]] int write_end() const { return ends[1]; }
  Status open() {
    // Close-on-exec, so that no other child keeps it open.
    if (::pipe2(ends.data(), O_CLOEXEC) == 0) return {};
    return {ErrorCode::kUnavailable, std::string("cannot make a pipe: ") + std::strerror(errno)};
  }
  void close(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
};

// A child begins with default signals: ours ignores SIGPIPE and blocks nothing, which it must not
// inherit.
void default_signals(posix_spawnattr_t& attributes) {
  sigset_t all;
  sigset_t none;
  sigemptyset(&all);
  sigemptyset(&none);
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD, SIGHUP}) sigaddset(&all, signal);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

std::vector<char*> environment_with(std::vector<std::string>& added) {
  std::vector<char*> all;
  for (std::string& variable : added) all.push_back(variable.data());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::string_view name = text.substr(0, text.find('=') + 1);
    const bool replaced = std::any_of(added.begin(), added.end(),
                                      [&](const std::string& a) { return a.starts_with(name); });
    if (!replaced) all.push_back(*variable);
  }
  all.push_back(nullptr);
  return all;
}

}  // namespace

std::string ChildExit::to_string() const {
  if (signal != 0) return "killed by signal " + std::to_string(signal);
  return "exit code " + std::to_string(code);
}

ChildProcess::ChildProcess(AsioLoop& loop, Spec spec, Done done)
    : loop_(loop),
      spec_(std::move(spec)),
      done_(std::move(done)),
      child_signals_(loop.context(), SIGCHLD),
      input_(loop.context()),
      output_(loop.context()),
      buffer_(kReadBytes) {}

ChildProcess::~ChildProcess() {
  loop_.cancel(kill_timer_);
  loop_.cancel(output_timer_);
}

Result<std::shared_ptr<ChildProcess>> ChildProcess::start(AsioLoop& loop, Spec spec, Done done) {
  auto child = std::make_shared<ChildProcess>(loop, std::move(spec), std::move(done));
  BATON_RETURN_IF_ERROR(child->spawn());
  child->watch_exit();
  child->write_input();
  child->read_output();
  return child;
}

Status ChildProcess::spawn() {
  Pipe in;
  Pipe out;
  BATON_RETURN_IF_ERROR(in.open());
  if (Status opened = out.open(); !opened.ok()) {
    in.close(0);
    in.close(1);
    return opened;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read_end(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write_end(), STDOUT_FILENO);
  // Our connections and our other children's pipes are none of its business.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  default_signals(attributes);

  std::string shell = "sh";
  std::string flag = "-c";
  std::array<char*, 4> arguments{shell.data(), flag.data(), spec_.command.data(), nullptr};
  std::vector<char*> environment = environment_with(spec_.environment);
  const int error =
      ::posix_spawn(&pid_, "/bin/sh", &actions, &attributes, arguments.data(), environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  in.close(0);
  out.close(1);
  if (error != 0) {
    in.close(1);
    out.close(0);
    return {ErrorCode::kUnavailable, std::string("cannot start /bin/sh: ") + std::strerror(error)};
  }
  input_.assign(in.write_end());
  output_.assign(out.read_end());
  return {};
}

void ChildProcess::watch_exit() {
  child_signals_.async_wait(
      [self = shared_from_this()](const boost::system::error_code& error, int) {
        if (!error) self->reap();
      });
  // It may have ended before the wait began.
  loop_.post([self = shared_from_this()] { self->reap(); });
}

void ChildProcess::reap() {
  if (exited_) return;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) {
    child_signals_.async_wait(
        [self = shared_from_this()](const boost::system::error_code& error, int) {
          if (!error) self->reap();
        });
    return;
  }
  exited_ = true;
  if (WIFEXITED(status)) exit_.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exit_.signal = WTERMSIG(status);
  output_timer_ = loop_.call_after(kOutputGrace, [self = shared_from_this()] {
    self->output_timer_ = 0;
    self->output_ended_ = true;
    self->finish_if_over();
  });
  finish_if_over();
}

void ChildProcess::write_input() {
  if (written_ == spec_.input.size()) {
    boost::system::error_code ignored;
    input_.close(ignored);
    return;
  }
  input_.async_write_some(
      boost::asio::buffer(spec_.input.data() + written_, spec_.input.size() - written_),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t bytes) {
        // A command need not read its input: a broken pipe ends the writing, not the task.
        self->written_ = error ? self->spec_.input.size() : self->written_ + bytes;
        self->write_input();
      });
}

void ChildProcess::read_output() {
  output_.async_read_some(
      boost::asio::buffer(buffer_),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t bytes) {
        if (error) {
          self->output_ended_ = true;
          self->finish_if_over();
          return;
        }
        const std::size_t room = self->spec_.output_bytes_max - self->exit_.output.size();
        self->exit_.output.append(self->buffer_.data(), std::min(bytes, room));
        self->exit_.output_cut = self->exit_.output_cut || bytes > room;
        self->read_output();
      });
}

void ChildProcess::finish_if_over() {
  if (!exited_ || !output_ended_ || !done_) return;
  boost::system::error_code ignored;
  child_signals_.cancel(ignored);
  input_.close(ignored);
  output_.close(ignored);
  loop_.cancel(kill_timer_);
  loop_.cancel(output_timer_);
  // What the command left in the background of its group must not outlive a task that was cut off.
  if (terminating_) signal_group(SIGKILL);
  Done done = std::exchange(done_, nullptr);
  done(std::move(exit_));
}

void ChildProcess::terminate(Duration grace) {
  if (terminating_ || exited_) return;
  terminating_ = true;
  signal_group(SIGTERM);
  kill_timer_ = loop_.call_after(grace, [self = shared_from_this()] {
    self->kill_timer_ = 0;
    self->signal_group(SIGKILL);
  });
}

// The group lives as long as any process in it; an id that is no group any more is no error.
void ChildProcess::signal_group(int signal) const { ::kill(-pid_, signal); }

}  // namespace baton::commands
