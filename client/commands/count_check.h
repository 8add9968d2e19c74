// at_least_one: a flag that counts something and may be any number but 0. The parser's own check
// answers with a range of 300 digits.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>

namespace baton::commands {

inline CLI::Validator at_least_one() {
  return {[](std::string& text) -> std::string {
            std::uint64_t count = 0;
            const char* end = text.data() + text.size();
            const auto [stopped, error] = std::from_chars(text.data(), end, count);
            if (error == std::errc() && stopped == end && count > 0) return "";
            return "'" + text + "' is no whole number from 1";
          },
          ""};
}

}  // namespace baton::commands
