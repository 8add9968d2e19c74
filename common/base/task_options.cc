#include "common/base/task_options.h"

#include <algorithm>
#include <utility>

#include "common/base/utf8.h"

namespace baton {
namespace {

Status invalid(std::string text) { return {ErrorCode::kInvalidArgument, std::move(text)}; }

Status check_span(const char* what, Millis span) {
  if (span >= Millis(0) && span <= kTaskSpanMax) return {};
  return invalid(std::string(what) + " of " + std::to_string(span.count()) +
                 " ms is outside 0 to 10 years");
}

Status check_text(const char* what, const std::string& text, bool printable) {
  if (text.size() > kTaskTextBytesMax) {
    return invalid(std::string(what) + " has " + std::to_string(text.size()) +
                   " bytes, the limit is " + std::to_string(kTaskTextBytesMax));
  }
  if (printable && !is_utf8(text)) return invalid(std::string(what) + " is not UTF-8");
  return {};
}

Status check_numbers(const TaskOptions& options) {
  if (options.priority < kPriorityMin || options.priority > kPriorityMax)
    return invalid("priority " + std::to_string(options.priority) + " is outside 1 to 10");
  if (options.max_attempts > kMaxAttemptsMax)
    return invalid("max_attempts " + std::to_string(options.max_attempts) +
                   " is outside 1 to 1,000");
  if (options.fair_weight > kWeightMax)
    return invalid("fair_weight " + std::to_string(options.fair_weight) + " is outside 1 to 100");
  if (options.on_failed > FailurePolicy::kWait) return invalid("on_failed is no policy");
  return {};
}

Status check_times(const TaskOptions& options) {
  BATON_RETURN_IF_ERROR(check_span("delay", options.delay));
  BATON_RETURN_IF_ERROR(check_span("time_to_live", options.time_to_live));
  BATON_RETURN_IF_ERROR(check_span("wait_timeout", options.wait_timeout));
  BATON_RETURN_IF_ERROR(check_span("attempt_timeout", options.attempt_timeout));
  BATON_RETURN_IF_ERROR(check_span("total_timeout", options.total_timeout));
  if (options.not_before.ms < 0 || options.not_before.ms > kNotBeforeMax.ms)
    return invalid("not_before is outside the years 1970 to 2200");
  if (options.delay > Millis(0) && options.not_before.ms != 0)
    return invalid("a task has a delay or a not_before, not both");
  return {};
}

Status check_links(const TaskOptions& options) {
  if (options.after.size() > kAfterMax) return invalid("after names more than 16 tasks");
  for (const TaskId task : options.after) {
    if (!task.valid()) return invalid("after names a task that cannot exist");
    if (std::count(options.after.begin(), options.after.end(), task) > 1)
      return invalid("after names a task twice");
    if (task == options.parent)
      return invalid("after names the task's own parent, which waits for its children");
  }
  if (options.parent && !options.parent.valid())
    return invalid("parent names a task that cannot exist");
  if (static_cast<bool>(options.parent) != static_cast<bool>(options.parent_token))
    return invalid("a child names its parent and the token of its claim");
  if (options.with_completion && !options.parent)
    return invalid("with_completion is for children of a parent");
  if (options.retry_of && !options.retry_of.valid())
    return invalid("retry_of names a task that cannot exist");
  return {};
}

}  // namespace

Status validate_task_options(const TaskOptions& options) {
  BATON_RETURN_IF_ERROR(check_numbers(options));
  BATON_RETURN_IF_ERROR(check_times(options));
  BATON_RETURN_IF_ERROR(check_text("key", options.key, false));
  BATON_RETURN_IF_ERROR(check_text("order_key", options.order_key, true));
  BATON_RETURN_IF_ERROR(check_text("fair_key", options.fair_key, true));
  BATON_RETURN_IF_ERROR(check_text("type", options.type, true));
  return check_links(options);
}

}  // namespace baton
