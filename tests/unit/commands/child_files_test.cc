#include "client/commands/child_files.h"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "common/base/limits.h"

using namespace baton;
using namespace baton::commands;

namespace {

void write(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new") << text;
  std::filesystem::rename(path + ".new", path);
}

client::Delivery task_of(std::uint64_t token, const std::string& checkpoint = "") {
  client::Delivery task;
  task.token = Token(token);
  task.checkpoint = checkpoint;
  return task;
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a line of progress is a percentage and a text, or one of them") {
  CHECK(parse_progress("40 page 4\n").percent == 40U);
  CHECK(parse_progress("40 page 4\n").text == "page 4");
  CHECK(parse_progress("100%\n").percent == 100U);
  CHECK(parse_progress("7%  almost").text == "almost");
  CHECK_FALSE(parse_progress("page 4\nand more").percent.has_value());
  CHECK(parse_progress("page 4\nand more").text == "page 4");
  CHECK_FALSE(parse_progress("101 dalmatians").percent.has_value());
  CHECK(parse_progress("101 dalmatians").text == "101 dalmatians");
  CHECK(parse_progress("4pages").text == "4pages");
  CHECK(parse_progress("").text.empty());
  CHECK(parse_progress("\xff\xfe").text.empty());
  // A cut never leaves half a letter.
  CHECK(parse_progress(std::string(199, 'x') + "\xc3\xa4").text == std::string(199, 'x'));
}

TEST_CASE("what a command writes is seen once, and what was there is not") {
  auto files = ChildFiles::make();
  REQUIRE(files.ok());
  std::string complaint;
  const auto paths = files.value()->open(task_of(7, "saved before"));
  REQUIRE(paths.ok());
  CHECK(read(paths.value().checkpoint) == "saved before");
  CHECK_FALSE(std::filesystem::exists(paths.value().progress));
  CHECK_FALSE(files.value()->look(Token(7), complaint).has_value());

  write(paths.value().checkpoint, "saved now");
  const auto first = files.value()->look(Token(7), complaint);
  REQUIRE(first.has_value());
  CHECK(first->checkpoint == "saved now");
  CHECK(first->text.empty());
  write(paths.value().progress, "50 half\n");
  const auto second = files.value()->look(Token(7), complaint);
  REQUIRE(second.has_value());
  CHECK(second->percent == 50U);
  CHECK_FALSE(second->checkpoint.has_value());
  CHECK_FALSE(files.value()->look(Token(7), complaint).has_value());
  CHECK(complaint.empty());
}

TEST_CASE("the progress of an attempt before is there, and is saved when it says something else") {
  auto files = ChildFiles::make();
  std::string complaint;
  client::Delivery task = task_of(7);
  task.percent = 40;
  task.progress = "page 4";
  const auto paths = files.value()->open(task);
  REQUIRE(paths.ok());
  CHECK(read(paths.value().progress) == "40 page 4\n");
  CHECK_FALSE(files.value()->look(Token(7), complaint).has_value());
  write(paths.value().progress, "40 page 4\n");
  CHECK_FALSE(files.value()->look(Token(7), complaint).has_value());

  // Of the same size, in the same file, a moment later.
  std::ofstream(paths.value().progress) << "41 page 5\n";
  const auto change = files.value()->look(Token(7), complaint);
  REQUIRE(change.has_value());
  CHECK(change->percent == 41U);
  CHECK(change->text == "page 5");
  CHECK_FALSE(change->checkpoint.has_value());
  std::filesystem::remove(paths.value().progress);
  CHECK_FALSE(files.value()->look(Token(7), complaint).has_value());
}

TEST_CASE("a checkpoint that is changed at once, to as many bytes, is saved") {
  auto files = ChildFiles::make();
  std::string complaint;
  const auto paths = files.value()->open(task_of(7, "page 4"));
  std::ofstream(paths.value().checkpoint) << "page 5";
  CHECK(files.value()->look(Token(7), complaint)->checkpoint == "page 5");
}

TEST_CASE("progress is written as it is read") {
  CHECK(progress_line({}, "").empty());
  CHECK(progress_line(7, "") == "7\n");
  CHECK(progress_line({}, "page 4") == "page 4\n");
  const client::Progress both = parse_progress(progress_line(100, "done"));
  CHECK(both.percent == 100U);
  CHECK(both.text == "done");
}

TEST_CASE("an empty line of progress says nothing") {
  auto files = ChildFiles::make();
  std::string complaint;
  const auto paths = files.value()->open(task_of(7));
  write(paths.value().progress, "\n");
  CHECK_FALSE(files.value()->look(Token(7), complaint).has_value());
}

TEST_CASE("a checkpoint that the command takes away is none any more") {
  auto files = ChildFiles::make();
  std::string complaint;
  const auto paths = files.value()->open(task_of(7, "saved before"));
  std::filesystem::remove(paths.value().checkpoint);
  CHECK(files.value()->look(Token(7), complaint)->checkpoint == "");
}

TEST_CASE("a checkpoint that is too large is complained about once and not saved") {
  auto files = ChildFiles::make();
  std::string complaint;
  const auto paths = files.value()->open(task_of(7));
  write(paths.value().checkpoint, std::string(kResultBytesMax + 1, 'x'));
  CHECK_FALSE(files.value()->look(Token(7), complaint).has_value());
  CHECK(complaint.find("1 MiB") != std::string::npos);
  complaint.clear();
  CHECK_FALSE(files.value()->look(Token(7), complaint).has_value());
  CHECK(complaint.empty());
}

TEST_CASE(
    "what a command wishes for its failure is read from its file, which goes with the claim") {
  auto files = ChildFiles::make();
  const auto paths = files.value()->open(task_of(7));
  CHECK_FALSE(files.value()->nack_wish(Token(7)).options.dead);
  write(paths.value().nack, "dead\nreason no such address\n");
  CHECK(files.value()->nack_wish(Token(7)).options.dead);
  CHECK(files.value()->nack_wish(Token(7)).reason == "no such address");
  CHECK_FALSE(files.value()->nack_wish(Token(8)).options.dead);
  files.value()->close(Token(7));
  CHECK_FALSE(std::filesystem::exists(paths.value().nack));
  CHECK_FALSE(files.value()->nack_wish(Token(7)).options.dead);
}

TEST_CASE("claims do not see each other's files, and nothing is left behind") {
  std::string folder;
  {
    auto files = ChildFiles::make();
    std::string complaint;
    const auto first = files.value()->open(task_of(1));
    const auto second = files.value()->open(task_of(2));
    folder = std::filesystem::path(first.value().progress).parent_path();
    write(first.value().progress, "1");
    CHECK_FALSE(files.value()->look(Token(2), complaint).has_value());
    CHECK(files.value()->look(Token(1), complaint).has_value());
    files.value()->close(Token(1));
    CHECK_FALSE(std::filesystem::exists(first.value().progress));
    CHECK_FALSE(files.value()->look(Token(1), complaint).has_value());
    write(second.value().progress, "1");
  }
  CHECK_FALSE(std::filesystem::exists(folder));
}
