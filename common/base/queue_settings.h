// QueueSettings: how a queue treats its tasks. One struct for client, manager and ledger.
//
// A queue is made with these defaults at its first use. docs/queues.md explains each to users.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/limits.h"
#include "common/base/status.h"
#include "common/base/time.h"

namespace baton {

enum class KeepFinished : std::uint8_t {
  kNone = 0,     // nothing, not even results
  kResults = 1,  // tasks that have a result
  kAll = 2,      // all of them, with their payload: they can be retried
};
enum class OnUncertain : std::uint8_t {
  kRetry = 0,  // an attempt that was cut off runs again
  kHold = 1,   // it waits for a person: at most once
};
enum class OnDead : std::uint8_t {
  kReleaseKey = 0,  // the next task of the dead one's ordering key goes on
  kHoldKey = 1,     // the key waits until the dead task is redriven or discarded
};

struct QueueSettings {
  Millis lease = kLeaseDefault;                      // for consumers that state none
  std::uint32_t max_attempts = kMaxAttemptsDefault;  // failures until a task is dead
  std::uint32_t max_expiries = kMaxExpiriesDefault;  // lost attempts until it is
  // Before the nth try after a failure: min x (factor / 100)^(n-1), at most max, of which up to
  // `jitter` percent are taken off at random.
  Millis backoff_min = kBackoffMin;
  Millis backoff_max = kBackoffMax;
  std::uint32_t backoff_factor_percent = 200;
  std::uint32_t backoff_jitter_percent = 50;
  // Finished tasks: which are kept, and until there are older, more or larger ones than this.
  KeepFinished keep = KeepFinished::kResults;
  Millis keep_age = kKeepAgeDefault;
  std::uint64_t keep_count = kKeepCountDefault;
  std::uint64_t keep_bytes = 0;
  // Limits; 0: none. Of tasks and bytes: what is unfinished (R22). Of the others: claims.
  std::uint64_t max_tasks = 0;
  std::uint64_t max_bytes = 0;
  std::uint32_t max_in_flight = 0;
  std::uint32_t max_per_fair_key = 0;
  std::uint32_t max_rate = 0;  // begun in a second
  bool ordered = false;        // as if all tasks without an ordering key had the same one
  bool paused = false;
  WallTime paused_until{};   // 0: until it is resumed
  std::uint32_t weight = 1;  // beside the other queues of one consumer
  // A priority gives way to n grants of each priority above it, then takes its turn; 0: never.
  std::uint32_t ageing = kAgeingDefault;
  Millis key_window = kKeyWindowDefault;  // how long an idempotency key is remembered
  std::uint64_t key_count = kKeysPerQueueMax;
  OnUncertain on_uncertain = OnUncertain::kRetry;
  OnDead on_dead = OnDead::kReleaseKey;
  // Of tasks that state none; 0: none.
  Millis time_to_live{0};
  Millis wait_timeout{0};
  Millis attempt_timeout = kAttemptTimeoutDefault;
  Millis total_timeout{0};

  friend bool operator==(const QueueSettings&, const QueueSettings&) = default;
};

// The settings that somebody wants to change.
struct QueueChange {
  std::optional<Millis> lease = {};
  std::optional<std::uint32_t> max_attempts = {};
  std::optional<std::uint32_t> max_expiries = {};
  std::optional<Millis> backoff_min = {};
  std::optional<Millis> backoff_max = {};
  std::optional<std::uint32_t> backoff_factor_percent = {};
  std::optional<std::uint32_t> backoff_jitter_percent = {};
  std::optional<KeepFinished> keep = {};
  std::optional<Millis> keep_age = {};
  std::optional<std::uint64_t> keep_count = {};
  std::optional<std::uint64_t> keep_bytes = {};
  std::optional<std::uint64_t> max_tasks = {};
  std::optional<std::uint64_t> max_bytes = {};
  std::optional<std::uint32_t> max_in_flight = {};
  std::optional<std::uint32_t> max_per_fair_key = {};
  std::optional<std::uint32_t> max_rate = {};
  std::optional<bool> ordered = {};
  std::optional<bool> paused = {};
  std::optional<WallTime> paused_until = {};
  std::optional<std::uint32_t> weight = {};
  std::optional<std::uint32_t> ageing = {};
  std::optional<Millis> key_window = {};
  std::optional<std::uint64_t> key_count = {};
  std::optional<OnUncertain> on_uncertain = {};
  std::optional<OnDead> on_dead = {};
  std::optional<Millis> time_to_live = {};
  std::optional<Millis> wait_timeout = {};
  std::optional<Millis> attempt_timeout = {};
  std::optional<Millis> total_timeout = {};

  friend bool operator==(const QueueChange&, const QueueChange&) = default;
};

// Calls visit(name, member of QueueSettings, the same member of QueueChange) for each setting, in
// the order of proto/broker.proto: the one list of them that code goes through.
template <class Visit>
void for_each_setting(Visit&& visit) {
  visit("lease", &QueueSettings::lease, &QueueChange::lease);
  visit("max_attempts", &QueueSettings::max_attempts, &QueueChange::max_attempts);
  visit("max_expiries", &QueueSettings::max_expiries, &QueueChange::max_expiries);
  visit("backoff_min", &QueueSettings::backoff_min, &QueueChange::backoff_min);
  visit("backoff_max", &QueueSettings::backoff_max, &QueueChange::backoff_max);
  visit("backoff_factor_percent", &QueueSettings::backoff_factor_percent,
        &QueueChange::backoff_factor_percent);
  visit("backoff_jitter_percent", &QueueSettings::backoff_jitter_percent,
        &QueueChange::backoff_jitter_percent);
  visit("keep", &QueueSettings::keep, &QueueChange::keep);
  visit("keep_age", &QueueSettings::keep_age, &QueueChange::keep_age);
  visit("keep_count", &QueueSettings::keep_count, &QueueChange::keep_count);
  visit("keep_bytes", &QueueSettings::keep_bytes, &QueueChange::keep_bytes);
  visit("max_tasks", &QueueSettings::max_tasks, &QueueChange::max_tasks);
  visit("max_bytes", &QueueSettings::max_bytes, &QueueChange::max_bytes);
  visit("max_in_flight", &QueueSettings::max_in_flight, &QueueChange::max_in_flight);
  visit("max_per_fair_key", &QueueSettings::max_per_fair_key, &QueueChange::max_per_fair_key);
  visit("max_rate", &QueueSettings::max_rate, &QueueChange::max_rate);
  visit("ordered", &QueueSettings::ordered, &QueueChange::ordered);
  visit("paused", &QueueSettings::paused, &QueueChange::paused);
  visit("paused_until", &QueueSettings::paused_until, &QueueChange::paused_until);
  visit("weight", &QueueSettings::weight, &QueueChange::weight);
  visit("ageing", &QueueSettings::ageing, &QueueChange::ageing);
  visit("key_window", &QueueSettings::key_window, &QueueChange::key_window);
  visit("key_count", &QueueSettings::key_count, &QueueChange::key_count);
  visit("on_uncertain", &QueueSettings::on_uncertain, &QueueChange::on_uncertain);
  visit("on_dead", &QueueSettings::on_dead, &QueueChange::on_dead);
  visit("time_to_live", &QueueSettings::time_to_live, &QueueChange::time_to_live);
  visit("wait_timeout", &QueueSettings::wait_timeout, &QueueChange::wait_timeout);
  visit("attempt_timeout", &QueueSettings::attempt_timeout, &QueueChange::attempt_timeout);
  visit("total_timeout", &QueueSettings::total_timeout, &QueueChange::total_timeout);
}

// `settings` with what the change names.
QueueSettings changed(QueueSettings settings, const QueueChange& change);
// A change that names everything.
QueueChange change_to(const QueueSettings& settings);

// invalid_argument with a sentence that names the setting and its range.
Status validate_queue_settings(const QueueSettings& settings);

}  // namespace baton
