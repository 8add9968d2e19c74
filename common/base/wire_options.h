// TaskOptions and QueueSettings to and from their messages in proto/broker.proto. Templates, so
// that common/base needs no protobuf.
//
// Reading never fails: numbers that no valid value has become ones that validation refuses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "common/base/queue_settings.h"
#include "common/base/task_options.h"

namespace baton {

// Beyond every limit, and far from overflow.
inline constexpr std::uint64_t kWireMillisMax = std::uint64_t{1} << 50;

inline Millis millis_from_wire(std::uint64_t ms) {
  return Millis(static_cast<std::int64_t>(std::min(ms, kWireMillisMax)));
}
// An enumeration of one byte; what does not fit becomes a value that nobody knows.
template <class Enum>
Enum enum_from_wire(int number) {
  return static_cast<Enum>(number < 0 || number > 255 ? 255 : number);
}

template <class Message>
TaskOptions task_options_from_wire(const Message& wire) {
  TaskOptions options;
  if (wire.priority() != 0) options.priority = wire.priority();
  options.delay = millis_from_wire(wire.delay_ms());
  options.not_before = WallTime{wire.not_before_wall_ms()};
  options.time_to_live = millis_from_wire(wire.time_to_live_ms());
  options.wait_timeout = millis_from_wire(wire.wait_timeout_ms());
  options.attempt_timeout = millis_from_wire(wire.attempt_timeout_ms());
  options.total_timeout = millis_from_wire(wire.total_timeout_ms());
  options.max_attempts = wire.max_attempts();
  options.key = wire.key();
  options.order_key = wire.order_key();
  options.fair_key = wire.fair_key();
  options.fair_weight = wire.fair_weight();
  options.type = wire.type();
  for (const std::uint64_t task : wire.after()) options.after.emplace_back(task);
  options.on_failed = enum_from_wire<FailurePolicy>(wire.on_failed());
  options.parent = TaskId(wire.parent());
  options.parent_token = Token(wire.parent_token());
  options.with_completion = wire.with_completion();
  options.retry_of = TaskId(wire.retry_of());
  return options;
}

// Only what differs from the default takes bytes.
template <class Message>
void to_wire(const TaskOptions& options, Message* out) {
  using Policy = std::remove_cvref_t<decltype(out->on_failed())>;
  if (options.priority != kPriorityDefault) out->set_priority(options.priority);
  out->set_delay_ms(static_cast<std::uint64_t>(options.delay.count()));
  out->set_not_before_wall_ms(options.not_before.ms);
  out->set_time_to_live_ms(static_cast<std::uint64_t>(options.time_to_live.count()));
  out->set_wait_timeout_ms(static_cast<std::uint64_t>(options.wait_timeout.count()));
  out->set_attempt_timeout_ms(static_cast<std::uint64_t>(options.attempt_timeout.count()));
  out->set_total_timeout_ms(static_cast<std::uint64_t>(options.total_timeout.count()));
  out->set_max_attempts(options.max_attempts);
  out->set_key(options.key);
  out->set_order_key(options.order_key);
  out->set_fair_key(options.fair_key);
  out->set_fair_weight(options.fair_weight);
  out->set_type(options.type);
  for (const TaskId task : options.after) out->add_after(task.value());
  out->set_on_failed(static_cast<Policy>(options.on_failed));
  out->set_parent(options.parent.value());
  out->set_parent_token(options.parent_token.value());
  out->set_with_completion(options.with_completion);
  out->set_retry_of(options.retry_of.value());
}

// The settings that `wire` names.
template <class Message>
QueueChange queue_change_from_wire(const Message& wire) {
  QueueChange change;
  if (wire.has_lease_ms()) change.lease = Millis(wire.lease_ms());
  if (wire.has_max_attempts()) change.max_attempts = wire.max_attempts();
  if (wire.has_max_expiries()) change.max_expiries = wire.max_expiries();
  if (wire.has_backoff_min_ms()) change.backoff_min = millis_from_wire(wire.backoff_min_ms());
  if (wire.has_backoff_max_ms()) change.backoff_max = millis_from_wire(wire.backoff_max_ms());
  if (wire.has_backoff_factor_percent())
    change.backoff_factor_percent = wire.backoff_factor_percent();
  if (wire.has_backoff_jitter_percent())
    change.backoff_jitter_percent = wire.backoff_jitter_percent();
  if (wire.has_keep()) change.keep = enum_from_wire<KeepFinished>(wire.keep());
  if (wire.has_keep_age_ms()) change.keep_age = millis_from_wire(wire.keep_age_ms());
  if (wire.has_keep_count()) change.keep_count = wire.keep_count();
  if (wire.has_keep_bytes()) change.keep_bytes = wire.keep_bytes();
  if (wire.has_max_tasks()) change.max_tasks = wire.max_tasks();
  if (wire.has_max_bytes()) change.max_bytes = wire.max_bytes();
  if (wire.has_max_in_flight()) change.max_in_flight = wire.max_in_flight();
  if (wire.has_max_per_fair_key()) change.max_per_fair_key = wire.max_per_fair_key();
  if (wire.has_max_rate()) change.max_rate = wire.max_rate();
  if (wire.has_ordered()) change.ordered = wire.ordered();
  if (wire.has_paused()) change.paused = wire.paused();
  if (wire.has_paused_until_wall_ms()) change.paused_until = WallTime{wire.paused_until_wall_ms()};
  if (wire.has_weight()) change.weight = wire.weight();
  if (wire.has_ageing()) change.ageing = wire.ageing();
  if (wire.has_key_window_ms()) change.key_window = millis_from_wire(wire.key_window_ms());
  if (wire.has_key_count()) change.key_count = wire.key_count();
  if (wire.has_on_uncertain())
    change.on_uncertain = enum_from_wire<OnUncertain>(wire.on_uncertain());
  if (wire.has_on_dead()) change.on_dead = enum_from_wire<OnDead>(wire.on_dead());
  if (wire.has_time_to_live_ms()) change.time_to_live = millis_from_wire(wire.time_to_live_ms());
  if (wire.has_wait_timeout_ms()) change.wait_timeout = millis_from_wire(wire.wait_timeout_ms());
  if (wire.has_attempt_timeout_ms())
    change.attempt_timeout = millis_from_wire(wire.attempt_timeout_ms());
  if (wire.has_total_timeout_ms()) change.total_timeout = millis_from_wire(wire.total_timeout_ms());
  return change;
}

template <class Message>
void to_wire(const QueueChange& change, Message* out) {
  const auto ms = [](Millis span) { return static_cast<std::uint64_t>(span.count()); };
  if (change.lease) out->set_lease_ms(static_cast<std::uint32_t>(change.lease->count()));
  if (change.max_attempts) out->set_max_attempts(*change.max_attempts);
  if (change.max_expiries) out->set_max_expiries(*change.max_expiries);
  if (change.backoff_min) out->set_backoff_min_ms(ms(*change.backoff_min));
  if (change.backoff_max) out->set_backoff_max_ms(ms(*change.backoff_max));
  if (change.backoff_factor_percent)
    out->set_backoff_factor_percent(*change.backoff_factor_percent);
  if (change.backoff_jitter_percent)
    out->set_backoff_jitter_percent(*change.backoff_jitter_percent);
  if (change.keep)
    out->set_keep(static_cast<std::remove_cvref_t<decltype(out->keep())>>(*change.keep));
  if (change.keep_age) out->set_keep_age_ms(ms(*change.keep_age));
  if (change.keep_count) out->set_keep_count(*change.keep_count);
  if (change.keep_bytes) out->set_keep_bytes(*change.keep_bytes);
  if (change.max_tasks) out->set_max_tasks(*change.max_tasks);
  if (change.max_bytes) out->set_max_bytes(*change.max_bytes);
  if (change.max_in_flight) out->set_max_in_flight(*change.max_in_flight);
  if (change.max_per_fair_key) out->set_max_per_fair_key(*change.max_per_fair_key);
  if (change.max_rate) out->set_max_rate(*change.max_rate);
  if (change.ordered) out->set_ordered(*change.ordered);
  if (change.paused) out->set_paused(*change.paused);
  if (change.paused_until) out->set_paused_until_wall_ms(change.paused_until->ms);
  if (change.weight) out->set_weight(*change.weight);
  if (change.ageing) out->set_ageing(*change.ageing);
  if (change.key_window) out->set_key_window_ms(ms(*change.key_window));
  if (change.key_count) out->set_key_count(*change.key_count);
  if (change.on_uncertain)
    out->set_on_uncertain(
        static_cast<std::remove_cvref_t<decltype(out->on_uncertain())>>(*change.on_uncertain));
  if (change.on_dead)
    out->set_on_dead(static_cast<std::remove_cvref_t<decltype(out->on_dead())>>(*change.on_dead));
  if (change.time_to_live) out->set_time_to_live_ms(ms(*change.time_to_live));
  if (change.wait_timeout) out->set_wait_timeout_ms(ms(*change.wait_timeout));
  if (change.attempt_timeout) out->set_attempt_timeout_ms(ms(*change.attempt_timeout));
  if (change.total_timeout) out->set_total_timeout_ms(ms(*change.total_timeout));
}

}  // namespace baton
