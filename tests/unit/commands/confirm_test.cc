#include "client/commands/confirm.h"

#include <memory>

#include <catch2/catch.hpp>

using namespace baton::commands;

namespace {

std::optional<int> answer(const std::string& said) {
  std::string text = said;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> input(
      ::fmemopen(text.data(), text.size(), "r"), &std::fclose);
  return refuse_unconfirmed(false, "really?", input.get(), true);
}

}  // namespace

TEST_CASE("who says --yes is not asked, and without it nobody is asked where there is no terminal") {
  CHECK_FALSE(refuse_unconfirmed(true, "really?", nullptr, false).has_value());
  CHECK(refuse_unconfirmed(false, "really?", nullptr, false) == 2);
}

TEST_CASE("only a yes at the terminal is one") {
  CHECK_FALSE(answer("y\n").has_value());
  CHECK_FALSE(answer("yes\n").has_value());
  CHECK(answer("n\n") == 1);
  CHECK(answer("\n") == 1);
  CHECK(answer("yes, of course\n") == 1);
}
