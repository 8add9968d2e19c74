#include "common/base/ids.h"

#include <charconv>

namespace baton {

std::string to_string(const Uuid& uuid) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(32, '0');
  for (std::size_t i = 0; i < 16; ++i) {
    text[15 - i] = kDigits[(uuid.hi >> (4 * i)) & 15];
    text[31 - i] = kDigits[(uuid.lo >> (4 * i)) & 15];
  }
  return text;
}

Result<Uuid> parse_uuid(std::string_view text) {
  const Status bad(ErrorCode::kInvalidArgument,
                   "not 32 hex digits: '" + std::string(text.substr(0, 64)) + "'");
  if (text.size() != 32) return bad;
  Uuid uuid;
  const char* middle = text.data() + 16;
  const char* end = text.data() + 32;
  if (std::from_chars(text.data(), middle, uuid.hi, 16).ptr != middle) return bad;
  if (std::from_chars(middle, end, uuid.lo, 16).ptr != end) return bad;
  return uuid;
}

std::string to_string(TaskId task) { return std::to_string(task.value()); }

Result<TaskId> parse_task_id(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  const TaskId task(value);
  if (error != std::errc{} || at != end || !task.valid()) {
    return Status(ErrorCode::kInvalidArgument,
                  "not a task id: '" + std::string(text.substr(0, 64)) + "'");
  }
  return task;
}

}  // namespace baton
