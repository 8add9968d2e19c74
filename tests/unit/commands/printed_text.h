// What a command printed, for tests that look into it.
#pragma once

#include <string>
#include <vector>

#include "client/commands/output.h"

namespace baton::commands {

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Of JSON lines.
inline std::vector<Json> lines(const std::string& text) {
  std::vector<Json> objects;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = text.find('\n', at);
    objects.push_back(Json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  return objects;
}

}  // namespace baton::commands
