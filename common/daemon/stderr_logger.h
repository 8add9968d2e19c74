// StderrLogger: the log of real programs. One line per event on stderr, as text or JSON.
//
//   2026-11-22T04:23:03.123Z INFO baton-manager listening address=127.0.0.1:7101
//   {"time":"2026-11-22T04:23:03.123Z","level":"info","component":"baton-manager","event":"listening","address":"127.0.0.1:7101"}
//
// An event that repeats is written at most `burst` times a second; the next line of it carries
// suppressed=N. Callable from any thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/logger.h"
#include "common/base/status.h"

namespace baton {

enum class LogFormat : std::uint8_t { kText, kJson };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string component;     // the program, or the node of `baton dev`
  std::uint32_t burst = 20;  // lines of one event per second
};

// debug, info, warn, error; invalid_argument otherwise.
Result<LogLevel> parse_log_level(std::string_view text);
Result<LogFormat> parse_log_format(std::string_view text);

class StderrLogger : public Logger {
 public:
  explicit StderrLogger(LogOptions options);
  ~StderrLogger() override;

  void write(LogLevel level, std::string_view event, std::span<const LogField> fields) override;
  [[nodiscard]] bool enabled(LogLevel level) const override { return level >= options_.level; }

 private:
  class Impl;
  LogOptions options_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace baton
