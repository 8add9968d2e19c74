#include "client/commands/input_reader.h"

#include <filesystem>
#include <fstream>
#include <optional>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "client/commands/temporary_folder.h"

using namespace baton;
using namespace baton::commands;
using namespace std::chrono_literals;

namespace {

constexpr Duration kPatience = 30s;

std::string read_once(AsioLoop& loop, InputReader& reader) {
  std::optional<std::string> got;
  reader.read([&](Result<std::string> bytes) { got = bytes.value(); });
  REQUIRE(loop.run_until([&] { return got.has_value(); }, kPatience));
  return *got;
}

}  // namespace

TEST_CASE("a file is read to its end") {
  AsioLoop loop;
  auto folder = TemporaryFolder::make("baton-test-").value();
  const std::string path = folder->path() + "/file";
  std::ofstream(path) << "text";

  auto reader = InputReader::open(loop, path).value();
  CHECK(read_once(loop, *reader) == "text");
  CHECK(read_once(loop, *reader).empty());
}

TEST_CASE("a file that is not there, may not be read or is a folder is told apart") {
  AsioLoop loop;
  auto folder = TemporaryFolder::make("baton-test-").value();

  CHECK(InputReader::open(loop, folder->path() + "/none").status().code() == ErrorCode::kNotFound);
  auto reader = InputReader::open(loop, folder->path()).value();
  std::optional<Status> status;
  reader->read([&](Result<std::string> bytes) { status = bytes.status(); });
  REQUIRE(loop.run_until([&] { return status.has_value(); }, kPatience));
  CHECK(status->code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("an empty pipe holds up nothing else on the loop") {
  AsioLoop loop;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  InputReader reader(loop, ends[0], "pipe");
  std::optional<std::string> got;
  reader.read([&](Result<std::string> bytes) { got = bytes.value(); });

  bool ran = false;
  loop.call_after(10ms, [&] { ran = true; });
  CHECK(loop.run_until([&] { return ran; }, kPatience));
  CHECK_FALSE(got.has_value());

  REQUIRE(::write(ends[1], "late", 4) == 4);
  CHECK(loop.run_until([&] { return got.has_value(); }, kPatience));
  CHECK(got == "late");
  ::close(ends[1]);
  CHECK(read_once(loop, reader).empty());
}

TEST_CASE("lines are cut wherever the chunks were, and a last one without a newline counts") {
  LineSplitter lines;
  std::string line;

  lines.add("on");
  CHECK_FALSE(lines.next(line));
  lines.add("e\n\ntwo\nthr");
  REQUIRE(lines.next(line));
  CHECK(line == "one");
  REQUIRE(lines.next(line));
  CHECK(line.empty());
  REQUIRE(lines.next(line));
  CHECK(line == "two");
  CHECK_FALSE(lines.next(line));
  lines.add("ee");
  lines.end();
  REQUIRE(lines.next(line));
  CHECK(line == "three");
  CHECK_FALSE(lines.next(line));
}

TEST_CASE("a newline at the end begins no further line") {
  LineSplitter lines;
  std::string line;
  lines.add("one\n");
  lines.end();
  CHECK(lines.next(line));
  CHECK_FALSE(lines.next(line));
}
