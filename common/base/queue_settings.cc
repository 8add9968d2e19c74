#include "common/base/queue_settings.h"

#include <utility>

namespace baton {
namespace {

Status outside(const char* setting, const char* range) {
  return {ErrorCode::kInvalidArgument, std::string(setting) + " is outside " + range};
}

template <class T>
bool within(T value, T low, T high) {
  return value >= low && value <= high;
}

Status check_attempts(const QueueSettings& s) {
  if (!within(s.max_attempts, 1U, kMaxAttemptsMax)) return outside("max_attempts", "1 to 1,000");
  if (!within(s.max_expiries, 1U, kMaxAttemptsMax)) return outside("max_expiries", "1 to 1,000");
  if (!within(s.backoff_min, Millis(0), kTaskSpanMax))
    return outside("backoff_min", "0 to 10 years");
  if (!within(s.backoff_max, s.backoff_min, kTaskSpanMax))
    return outside("backoff_max", "backoff_min to 10 years");
  if (!within(s.backoff_factor_percent, 100U, 1000U))
    return outside("backoff_factor_percent", "100 to 1,000");
  if (s.backoff_jitter_percent > 100) return outside("backoff_jitter_percent", "0 to 100");
  return {};
}

Status check_bounds(const QueueSettings& s) {
  if (s.keep > KeepFinished::kAll) return outside("keep", "none, results, all");
  if (!within(s.keep_age, Millis(0), kTaskSpanMax)) return outside("keep_age", "0 to 10 years");
  if (s.keep_count > kKeepCountMax) return outside("keep_count", "0 to 1,000,000");
  if (s.max_rate > kRateMax) return outside("max_rate", "0 to 10,000,000");
  if (!within(s.weight, 1U, kWeightMax)) return outside("weight", "1 to 100");
  if (s.ageing > kAgeingMax) return outside("ageing", "0 to 1,000,000");
  if (!within(s.key_window, kKeyWindowMin, kTaskSpanMax))
    return outside("key_window", "60 s to 10 years");
  if (!within(s.key_count, std::uint64_t{1}, kKeysPerQueueMax))
    return outside("key_count", "1 to 1,000,000");
  if (s.on_uncertain > OnUncertain::kHold) return outside("on_uncertain", "retry, hold");
  if (s.on_dead > OnDead::kHoldKey) return outside("on_dead", "release, hold");
  if (!within(s.paused_until.ms, std::int64_t{0}, kNotBeforeMax.ms))
    return outside("paused_until", "the years 1970 to 2200");
  return {};
}

Status check_timeouts(const QueueSettings& s) {
  if (!within(s.time_to_live, Millis(0), kTaskSpanMax))
    return outside("time_to_live", "0 to 10 years");
  if (!within(s.wait_timeout, Millis(0), kTaskSpanMax))
    return outside("wait_timeout", "0 to 10 years");
  if (!within(s.attempt_timeout, Millis(1), kTaskSpanMax))
    return outside("attempt_timeout", "1 ms to 10 years");
  if (!within(s.total_timeout, Millis(0), kTaskSpanMax))
    return outside("total_timeout", "0 to 10 years");
  return {};
}

}  // namespace

QueueSettings changed(QueueSettings settings, const QueueChange& change) {
  for_each_setting([&](const char*, auto setting, auto wanted) {
    if (change.*wanted) settings.*setting = *(change.*wanted);
  });
  return settings;
}

QueueChange change_to(const QueueSettings& settings) {
  QueueChange change;
  for_each_setting(
      [&](const char*, auto setting, auto wanted) { change.*wanted = settings.*setting; });
  return change;
}

Status validate_queue_settings(const QueueSettings& settings) {
  BATON_RETURN_IF_ERROR(validate_lease(settings.lease));
  BATON_RETURN_IF_ERROR(check_attempts(settings));
  BATON_RETURN_IF_ERROR(check_bounds(settings));
  return check_timeouts(settings);
}

}  // namespace baton
