#include "client/commands/child_process.h"

#include <csignal>
#include <optional>
#include <string>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

namespace {

constexpr Duration kPatience = 30s;

struct Child {
  explicit Child(const std::string& command, const std::string& input = "",
                 std::size_t output_max = 1 << 20) {
    std::signal(SIGPIPE, SIG_IGN);  // as in the program
    auto started = ChildProcess::start(loop,
                                       {.command = command,
                                        .input = input,
                                        .environment = {"BATON_TOKEN=17"},
                                        .output_bytes_max = output_max},
                                       [this](ChildExit ended) { exit = std::move(ended); });
    REQUIRE(started.ok());
    process = std::move(started).value();
  }
  const ChildExit& wait() {
    REQUIRE(loop.run_until([this] { return exit.has_value(); }, kPatience));
    return *exit;
  }

  AsioLoop loop;
  std::optional<ChildExit> exit;
  std::shared_ptr<ChildProcess> process;
};

}  // namespace

TEST_CASE("a command reads its input, sees its environment, and its output is kept") {
  Child child("cat; echo \"$BATON_TOKEN\"", "payload ");
  CHECK(child.wait().ok());
  CHECK(child.exit->output == "payload 17\n");
}

TEST_CASE("a command inherits no file of ours but its three streams") {
  const int ours = ::open("/dev/null", O_RDONLY);  // not close-on-exec, as the sockets of a library
  REQUIRE(ours > STDERR_FILENO);
  Child child("ls /proc/self/fd");
  CHECK(child.wait().output == "0\n1\n2\n3\n");  // the last one is the folder that ls reads
  ::close(ours);
}

TEST_CASE("a megabyte goes through in both directions at once") {
  const std::string input(1 << 20, 'x');
  Child child("cat", input);
  CHECK(child.wait().ok());
  CHECK(child.exit->output == input);
  CHECK_FALSE(child.exit->output_cut);
}

TEST_CASE("a command that does not read its input still ends well") {
  Child child("echo done", std::string(1 << 20, 'x'));
  CHECK(child.wait().ok());
  CHECK(child.exit->output == "done\n");
}

TEST_CASE("output over the limit is cut and said to be cut") {
  Child child("printf 1234567890", "", 4);
  CHECK(child.wait().ok());
  CHECK(child.exit->output == "1234");
  CHECK(child.exit->output_cut);
}

TEST_CASE("exit codes and signals are told apart") {
  Child failing("exit 3");
  CHECK(failing.wait().code == 3);
  CHECK(failing.exit->to_string() == "exit code 3");

  Child dying("kill -9 $$");
  CHECK(dying.wait().signal == SIGKILL);
  CHECK_FALSE(dying.exit->ok());
}

TEST_CASE("a command that cannot be found fails like in a shell") {
  Child child("no-such-command-anywhere 2>/dev/null");
  CHECK(child.wait().code == 127);
}

TEST_CASE("terminate reaches everything that the command has started") {
  Child child("sleep 1000 & sleep 1000");
  child.process->terminate(5s);
  CHECK(child.wait().signal == SIGTERM);
}

TEST_CASE("a command that ignores SIGTERM is killed after the grace") {
  Child child("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  // Not before the trap is set: otherwise SIGTERM would do.
  child.loop.run_until([] { return false; }, 300ms);
  child.process->terminate(200ms);
  CHECK(child.wait().signal == SIGKILL);
}

TEST_CASE("what a command leaves in the background does not hold up its result") {
  Child child("sleep 1000 >/dev/null 2>&1 & echo result");
  CHECK(child.wait().ok());
  CHECK(child.exit->output == "result\n");
}
