// C9: caps are kept, and what has none levels off.
#include <string>

#include <catch2/catch.hpp>

#include "common/history/checkers.h"
#include "tests/sim/history_story.h"

namespace baton::check {
namespace {

using Catch::Contains;

TEST_CASE("C9 finds a resource above its cap, once") {
  Story story;
  story.sample("open_files", 10, 12).sample("open_files", 13, 12).sample("open_files", 15, 12);

  const auto found = check_resources(story.history());
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == "open_files of process 9 was 15, above its cap of 12");
}

TEST_CASE("C9 lets a resource reach its cap") {
  Story story;
  for (int i = 0; i < 40; ++i) story.sample("open_files", 12, 12);

  CHECK(check_resources(story.history()).empty());
}

TEST_CASE("C9 finds what has no cap and grows without end") {
  Story story;
  for (std::uint64_t i = 1; i <= 40; ++i) story.sample("resident_bytes", 1000 * i * i, 0);

  const auto found = check_resources(story.history());
  REQUIRE(found.size() == 1);
  CHECK_THAT(found[0].what, Contains("resident_bytes of process 9 grows: at most 400000"));
}

TEST_CASE("C9 lets what has no cap grow to its level, and rise for a while") {
  Story story;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    story.sample("resident_bytes", std::min<std::uint64_t>(1000 * i, 20'000), 0);
    story.sample("queue", i == 35 ? 100'000 : 10, 0);
  }

  CHECK(check_resources(story.history()).empty());
}

TEST_CASE("C9 says nothing of growth where there are few samples") {
  Story story;
  for (std::uint64_t i = 1; i <= 15; ++i) story.sample("resident_bytes", 1000 * i * i, 0);

  CHECK(check_resources(story.history()).empty());
}

}  // namespace
}  // namespace baton::check
