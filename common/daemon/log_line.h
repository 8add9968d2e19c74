// Log lines as text and as JSON, without the time. Values are quoted where they need it, so that a
// line can always be taken apart again; a JSON line is valid UTF-8 whatever the values are.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/base/logger.h"

namespace baton {

// "debug", "info", "warn", "error".
std::string_view to_string(LogLevel level);

struct LogLine {
  LogLevel level;
  std::string_view component;
  std::string_view event;
  std::span<const LogField> fields;
  std::uint64_t suppressed = 0;  // lines of this event left out before this one
};

// `INFO baton-manager listening address=127.0.0.1:7101 note="two words"`
std::string text_line(const LogLine& line);
// The members of a JSON object, without its braces.
std::string json_line(const LogLine& line);

}  // namespace baton
