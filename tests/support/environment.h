// What the environment says to a test program: seeds, strides, how many runs.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace baton::testing {

// `otherwise` where the variable is not set, or empty. Throws when it is no number.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  const std::string_view text = given == nullptr ? "" : given;
  if (text.empty()) return otherwise;
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size())
    throw std::invalid_argument(std::string(name) + " is no number: " + given);
  return number;
}

}  // namespace baton::testing
