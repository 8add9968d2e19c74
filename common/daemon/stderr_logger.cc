#include "common/daemon/stderr_logger.h"

#include <array>
#include <chrono>
#include <mutex>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "common/daemon/log_line.h"
#include "common/daemon/rate_limit.h"

namespace baton {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

MonoTime steady_now() { return MonoTime(std::chrono::steady_clock::now().time_since_epoch()); }

}  // namespace

class StderrLogger::Impl {
 public:
  explicit Impl(const LogOptions& options)
      : log_("stderr", std::make_shared<spdlog::sinks::stderr_sink_mt>()), limit_(options.burst) {
    // spdlog adds the time; the rest of the line is log_line.h's.
    const char* pattern = options.format == LogFormat::kJson
                              ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})"
                              : "%Y-%m-%dT%H:%M:%S.%eZ %v";
    log_.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
    log_.set_level(spdlog::level::trace);
  }

  // Nothing: the line is to be left out.
  std::optional<std::uint64_t> admit(std::string_view event) {
    const std::lock_guard lock(mutex_);
    return limit_.admit(event, steady_now());
  }

  void write(LogLevel level, const std::string& line) {
    log_.log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  spdlog::logger log_;
  std::mutex mutex_;
  EventRateLimit limit_;  // guarded by mutex_
};

StderrLogger::StderrLogger(LogOptions options)
    : options_(std::move(options)), impl_(std::make_unique<Impl>(options_)) {}
StderrLogger::~StderrLogger() = default;

void StderrLogger::write(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  if (!enabled(level)) return;
  const std::optional<std::uint64_t> suppressed = impl_->admit(event);
  if (!suppressed) return;
  const LogLine line{level, options_.component, event, fields, *suppressed};
  impl_->write(level, options_.format == LogFormat::kJson ? json_line(line) : text_line(line));
}

Result<LogLevel> parse_log_level(std::string_view text) {
  static constexpr std::array kLevels = {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn,
                                         LogLevel::kError};
  for (const LogLevel level : kLevels) {
    if (to_string(level) == text) return level;
  }
  return Status(ErrorCode::kInvalidArgument, "log level must be debug, info, warn or error");
}

Result<LogFormat> parse_log_format(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return Status(ErrorCode::kInvalidArgument, "log format must be text or json");
}

}  // namespace baton
