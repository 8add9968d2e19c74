// Bytes as hex digits, 32 bytes a line: how the golden files are written.
#pragma once

#include <string>
#include <string_view>

namespace baton {

inline std::string to_hex_lines(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
    if (i % 32 == 31 || i + 1 == bytes.size()) text.push_back('\n');
  }
  return text;
}

inline std::string from_hex_lines(std::string_view text) {
  std::string bytes;
  std::string digits;
  for (const char c : text) {
    if (c == '\n') continue;
    digits.push_back(c);
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<char>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

}  // namespace baton
