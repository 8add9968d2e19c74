#include "common/daemon/log_line.h"

#include <cstddef>

#include "common/base/utf8.h"

namespace baton {
namespace {

void append_escaped_byte(std::string& out, unsigned char byte) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += "\\u00";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

// With the quotes. A byte that is no UTF-8 becomes the character of its number.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = utf8_length(text);
    if (first == '"' || first == '\\') {
      out += '\\';
      out += text.front();
    } else if (first == '\n') {
      out += "\\n";
    } else if (first < 0x20 || first == 0x7f || length == 0) {
      append_escaped_byte(out, first);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f)
      return true;  // bytes over 127 are negative
  }
  return false;
}

void append_member(std::string& out, std::string_view key, std::string_view value) {
  if (!out.empty()) out += ',';
  append_quoted(out, key);
  out += ':';
  append_quoted(out, value);
}

std::string_view upper(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string text_line(const LogLine& line) {
  std::string out(upper(line.level));
  out += ' ';
  if (!line.component.empty()) out.append(line.component).append(" ");
  out += line.event;
  const auto append_pair = [&](std::string_view key, std::string_view value) {
    out.append(" ").append(key).append("=");
    if (needs_quotes(value)) {
      append_quoted(out, value);
    } else {
      out += value;
    }
  };
  for (const LogField& field : line.fields) append_pair(field.key, field.value);
  if (line.suppressed > 0) append_pair("suppressed", std::to_string(line.suppressed));
  return out;
}

std::string json_line(const LogLine& line) {
  std::string out;
  append_member(out, "level", to_string(line.level));
  if (!line.component.empty()) append_member(out, "component", line.component);
  append_member(out, "event", line.event);
  for (const LogField& field : line.fields) append_member(out, field.key, field.value);
  if (line.suppressed > 0) append_member(out, "suppressed", std::to_string(line.suppressed));
  return out;
}

}  // namespace baton
