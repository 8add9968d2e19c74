#include "client/commands/async_output.h"

#include <array>
#include <csignal>
#include <cstdio>

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

namespace {

constexpr Duration kPatience = 30s;

// A pipe in place of standard output.
struct Pipe {
  Pipe() {
    REQUIRE(::pipe(ends.data()) == 0);
    file = ::fdopen(ends[1], "w");
  }
  ~Pipe() {
    std::fclose(file);
    close_reader();
  }
  void close_reader() {
    if (ends[0] >= 0) ::close(ends[0]);
    ends[0] = -1;
  }
  std::array<int, 2> ends{};
  std::FILE* file = nullptr;
};

}  // namespace

TEST_CASE("writes keep their order and are flushed before they are told done") {
  AsioLoop loop;
  Pipe pipe;
  Output output(pipe.file);
  AsyncOutput async(loop, output);
  std::string order;

  async.write("one ", [&](bool ok) { order += ok ? "1" : "-"; });
  async.write("two", [&](bool ok) { order += ok ? "2" : "-"; });
  CHECK(async.busy());
  REQUIRE(loop.run_until([&] { return order.size() == 2; }, kPatience));

  std::array<char, 16> read{};
  CHECK(::read(pipe.ends[0], read.data(), read.size()) == 7);
  CHECK(std::string(read.data()) == "one two");
  CHECK(order == "12");
  CHECK_FALSE(async.busy());
}

TEST_CASE("a reader that has gone is told for this write and all later ones") {
  std::signal(SIGPIPE, SIG_IGN);
  AsioLoop loop;
  Pipe pipe;
  Output output(pipe.file);
  AsyncOutput async(loop, output);
  pipe.close_reader();
  std::string order;

  async.write("one", [&](bool ok) { order += ok ? "1" : "-"; });
  async.write("two", [&](bool ok) { order += ok ? "2" : "-"; });
  REQUIRE(loop.run_until([&] { return order.size() == 2; }, kPatience));
  CHECK(order == "--");
}
