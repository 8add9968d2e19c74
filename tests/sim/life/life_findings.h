// What a checker finds in a LifeStory, for tests.
#pragma once

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/sim/life/life_checkers.h"
#include "tests/sim/life/life_story.h"

namespace baton::check {

using Check = std::vector<Violation> (*)(const LifeTasks&);

// The one violation that is expected, for its words.
inline std::string only(const LifeStory& story, Check check) {
  const std::vector<Violation> found = check(LifeTasks(story.book));
  REQUIRE(found.size() == 1);
  return std::string(found[0].checker) + ": " + found[0].what;
}

inline bool silent(const LifeStory& story, Check check = check_life) {
  const std::vector<Violation> found = check(LifeTasks(story.book));
  for (const Violation& violation : found) UNSCOPED_INFO(violation.what);
  return found.empty();
}

}  // namespace baton::check
