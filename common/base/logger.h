// Logger: one line per event, a fixed phrase plus key=value fields.
//
// An interface, so that a node in the simulator or in `baton dev` has a log of its own. The real
// one (common/daemon/stderr_logger.h) writes to stderr. Core code does not log: it returns effects.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "common/base/ids.h"

namespace baton {

enum class LogLevel : std::uint8_t {
  kDebug,  // per request
  kInfo,   // changes of state: start, stop, epoch, member up or down
  kWarn,   // healed by itself, but odd
  kError,  // somebody must act
};

struct LogField {
  std::string_view key;
  std::string value;
};

inline LogField kv(std::string_view key, std::string value) { return {key, std::move(value)}; }
inline LogField kv(std::string_view key, std::string_view value) {
  return {key, std::string(value)};
}
inline LogField kv(std::string_view key, const char* value) { return {key, value}; }
template <std::integral T>
LogField kv(std::string_view key, T value) {
  return {key, std::to_string(value)};
}
template <class Tag, class Rep>
LogField kv(std::string_view key, StrongId<Tag, Rep> value) {
  return {key, std::to_string(value.value())};
}
inline LogField kv(std::string_view key, TaskId value) { return {key, to_string(value)}; }
inline LogField kv(std::string_view key, const Uuid& value) { return {key, to_string(value)}; }
inline LogField kv(std::string_view key, const Status& value) { return {key, value.to_string()}; }

class Logger {
 public:
  virtual ~Logger() = default;

  // `event` is a searchable phrase that never contains data. Callable from any thread.
  virtual void write(LogLevel level, std::string_view event, std::span<const LogField> fields) = 0;
  [[nodiscard]] virtual bool enabled(LogLevel level) const = 0;

  using Fields = std::initializer_list<LogField>;
  void debug(std::string_view event, Fields fields = {}) { log(LogLevel::kDebug, event, fields); }
  void info(std::string_view event, Fields fields = {}) { log(LogLevel::kInfo, event, fields); }
  void warn(std::string_view event, Fields fields = {}) { log(LogLevel::kWarn, event, fields); }
  void error(std::string_view event, Fields fields = {}) { log(LogLevel::kError, event, fields); }

 private:
  void log(LogLevel level, std::string_view event, Fields fields) {
    write(level, event, std::span<const LogField>(fields.begin(), fields.size()));
  }
};

}  // namespace baton
