// run_daemon as a real process: what it prints, what its exit code is, what signals do.
#include "common/daemon/daemon.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;  // NOLINT: POSIX declares it so

namespace baton {
namespace {

// The test daemon, its standard error (and output) read as it comes.
class Process {
 public:
  // `files_max`: its hard limit of open files; 0: ours.
  explicit Process(std::vector<std::string> arguments, int files_max = 0) {
    arguments.insert(arguments.begin(), BATON_TEST_DAEMON);
    if (files_max > 0) {
      const std::string limit = "ulimit -n " + std::to_string(files_max);
      arguments.insert(arguments.begin(), {"/bin/sh", "-c", limit + " && exec \"$0\" \"$@\""});
    }
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    REQUIRE(::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
  }
  ~Process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      (void)wait_exit();
    }
    ::close(output_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const { ::kill(pid_, number); }

  // Reads until `text` was printed, the process ended, or 20 s have passed.
  bool wait_for(const std::string& text) {
    while (printed.find(text) == std::string::npos) {
      if (!read_some()) return printed.find(text) != std::string::npos;
    }
    return true;
  }
  // One that neither prints nor ends for 20 s is killed (137).
  int wait_exit() {
    while (read_some()) {
    }
    if (hangs_) signal(SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string printed;

 private:
  bool read_some() {
    pollfd waiting{output_, POLLIN, 0};
    hangs_ = ::poll(&waiting, 1, 20'000) <= 0;
    if (hangs_) return false;
    char buffer[4096];
    const ssize_t got = ::read(output_, buffer, sizeof buffer);
    if (got <= 0) return false;
    printed.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  pid_t pid_ = 0;
  bool hangs_ = false;
  int output_ = -1;
};

TEST_CASE("a daemon says where it listens, drains at SIGTERM and ends with 0") {
  Process daemon({"--data", "/nonexistent"});
  REQUIRE(daemon.wait_for(" commit="));
  CHECK(daemon.printed.find("INFO test-daemon listening address=127.0.0.1:") != std::string::npos);
  CHECK(daemon.printed.find("address=127.0.0.1:0 ") == std::string::npos);
  daemon.signal(SIGTERM);
  CHECK(daemon.wait_exit() == 0);
  CHECK(daemon.printed.find("draining signal=Terminated") != std::string::npos);
  CHECK(daemon.printed.find("stopped code=0 uptime=") != std::string::npos);
  CHECK(daemon.printed.find(" things_done=7\n") != std::string::npos);
}

TEST_CASE("SIGINT drains too, and a second signal stops a drain that hangs") {
  Process daemon({"--data", "x", "--mode", "hang"});
  REQUIRE(daemon.wait_for("listening"));
  daemon.signal(SIGINT);
  REQUIRE(daemon.wait_for("draining"));
  daemon.signal(SIGTERM);
  CHECK(daemon.wait_exit() == 0);
  CHECK(daemon.printed.find("stopping at once") != std::string::npos);
}

TEST_CASE("a drain that takes too long is cut off after ten seconds, and no clean stop") {
  Process daemon({"--data", "x", "--mode", "hang"});
  REQUIRE(daemon.wait_for("listening"));
  daemon.signal(SIGTERM);
  CHECK(daemon.wait_exit() == 1);
  CHECK(daemon.printed.find("draining took too long") != std::string::npos);
}

TEST_CASE("a file limit below the connection limit is said, with both") {
  Process daemon({"--data", "x", "--connections-max", "100000"}, 1000);
  REQUIRE(daemon.wait_for("listening"));
  const std::size_t at = daemon.printed.find("the file limit is below the connection limit");
  REQUIRE(at != std::string::npos);
  CHECK(daemon.printed.find("files_max=1000 connections_max=100000", at) != std::string::npos);
}

TEST_CASE("a node that cannot go on ends the daemon with 1") {
  Process daemon({"--data", "x", "--mode", "fail-later"});
  CHECK(daemon.wait_exit() == 1);
  CHECK(daemon.printed.find(
            "ERROR test-daemon the node cannot go on reason=\"unavailable: the disk is gone\"") !=
        std::string::npos);
}

TEST_CASE("a start-up error is one line and exit code 1") {
  Process daemon({"--data", "x", "--mode", "fail", "--log-level", "error"});
  CHECK(daemon.wait_exit() == 1);
  CHECK(daemon.printed == "test-daemon: the data directory is locked\n");
}

TEST_CASE("a port that is taken is one line and exit code 1") {
  Process first({"--data", "x"});
  REQUIRE(first.wait_for(" commit="));
  const std::size_t at = first.printed.find("address=") + 8;
  const std::string address = first.printed.substr(at, first.printed.find(' ', at) - at);
  Process second({"--data", "x", "--listen", address, "--log-level", "error"});
  CHECK(second.wait_exit() == 1);
  CHECK(second.printed ==
        "test-daemon: cannot listen on " + address + ": Address already in use\n");
}

TEST_CASE("wrong usage is one line and exit code 2") {
  Process unknown({"--data", "x", "--nonsense"});
  CHECK(unknown.wait_exit() == 2);
  CHECK(unknown.printed.starts_with("test-daemon: "));
  CHECK(std::count(unknown.printed.begin(), unknown.printed.end(), '\n') == 1);

  Process missing({});
  CHECK(missing.wait_exit() == 2);
  CHECK(missing.printed.find("--data") != std::string::npos);

  Process bad({"--data", "x", "--listen", "nowhere"});
  CHECK(bad.wait_exit() == 2);
  CHECK(bad.printed == "test-daemon: --listen: 'nowhere' is no HOST:PORT: the port is missing\n");
}

TEST_CASE("a port for everybody needs --insecure") {
  Process refused({"--data", "x", "--listen", "0.0.0.0:0"});
  CHECK(refused.wait_exit() == 2);
  CHECK(refused.printed.find("say --insecure") != std::string::npos);

  Process accepted({"--data", "x", "--listen", "0.0.0.0:0", "--insecure"});
  CHECK(accepted.wait_for("listening"));
}

TEST_CASE("flags may come from a TOML file, and the command line goes before it") {
  const auto file = std::filesystem::temp_directory_path() /
                    ("baton-daemon-test-" + std::to_string(::getpid()) + ".toml");
  std::ofstream(file) << "data = \"from-file\"\nlisten = \"127.0.0.1:0\"\nlog-format = \"json\"\n";
  {
    Process daemon({"--config", file.string()});
    CHECK(daemon.wait_for("}\n"));
    CHECK(daemon.printed.find("\"event\":\"listening\"") != std::string::npos);
    CHECK(daemon.printed.find("\"data\":\"from-file\"") != std::string::npos);
  }
  {
    Process daemon({"--config", file.string(), "--data", "from-flag", "--log-format", "text"});
    CHECK(daemon.wait_for("data=from-flag"));
  }
  {
    std::ofstream(file) << "data = \"x\"\nlistne = \"127.0.0.1:0\"\n";
    Process daemon({"--config", file.string()});
    CHECK(daemon.wait_exit() == 2);
    CHECK(daemon.printed.find("listne") != std::string::npos);
  }
  std::filesystem::remove(file);
}

TEST_CASE("the flags --version and --help print and end with 0") {
  Process version({"--version"});
  CHECK(version.wait_exit() == 0);
  CHECK(version.printed.find("test-daemon 0.") == 0);
  CHECK(version.printed.find("(commit ") != std::string::npos);
  Process help({"--help"});
  CHECK(help.wait_exit() == 0);
  CHECK(help.printed.find("--listen") != std::string::npos);
}

}  // namespace
}  // namespace baton
