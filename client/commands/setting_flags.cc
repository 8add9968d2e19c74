#include "client/commands/setting_flags.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "client/commands/output.h"
#include "client/commands/time_text.h"
#include "common/base/duration_text.h"

namespace baton::commands {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 29> kHelp = {{
    {"lease", "how long a claim outlives a consumer that was cut off and states no lease"},
    {"max_attempts", "failures until a task is dead"},
    {"max_expiries", "attempts that were cut off until it is"},
    {"backoff_min", "before the second attempt"},
    {"backoff_max", "before any attempt"},
    {"backoff_factor_percent", "growth from one attempt to the next: 200 doubles"},
    {"backoff_jitter_percent", "so much of a backoff is random"},
    {"keep", "finished tasks that are kept: none, those with results, or all with their payload"},
    {"keep_age", "finished tasks: until they are older"},
    {"keep_count", "finished tasks: until there are more"},
    {"keep_bytes", "finished tasks: until they take more; 0: no limit"},
    {"max_tasks", "unfinished tasks in the queue; 0: no limit"},
    {"max_bytes", "of their payloads; 0: no limit"},
    {"max_in_flight", "claims at once; 0: no limit"},
    {"max_per_fair_key", "claims at once of one fairness key; 0: no limit"},
    {"max_rate", "claims begun in a second; 0: no limit"},
    {"ordered", "one task at a time, in order"},
    {"paused", "no task is handed out"},
    {"paused_until", "paused until then, a time or so long from now; 0: a pause has no end"},
    {"weight", "share beside the other queues of one consumer"},
    {"ageing", "a priority takes its turn after so many grants of each above it; 0: never"},
    {"key_window", "how long an idempotency key is remembered"},
    {"key_count", "how many at most"},
    {"on_uncertain", "an attempt that was cut off: runs again, or is held for a person"},
    {"on_dead", "a dead task's ordering key: goes on, or waits for a person"},
    {"time_to_live",
     "cancelled when nobody has claimed it by then, unless the task says; 0: never"},
    {"wait_timeout", "dead when it was ready for so long, unless the task says; 0: never"},
    {"attempt_timeout", "one claim lasts no longer, unless the task says"},
    {"total_timeout", "dead when it has not finished by then, unless the task says; 0: never"},
}};

constexpr std::array<std::string_view, 3> kKeepNames = {"none", "results", "all"};
constexpr std::array<std::string_view, 2> kUncertainNames = {"retry", "hold"};
constexpr std::array<std::string_view, 2> kDeadNames = {"release", "hold"};

Status invalid(std::string text) { return {ErrorCode::kInvalidArgument, std::move(text)}; }

// ---- one kind of value after the other: its form, from text, to text, to JSON ------------------

template <std::size_t n>
std::string joined(const std::array<std::string_view, n>& names, const char* between) {
  std::string all;
  for (const std::string_view name : names) all += (all.empty() ? "" : between) + std::string(name);
  return all;
}

template <class Enum, std::size_t n>
Status parse_name(std::string_view text, const std::array<std::string_view, n>& names, Enum& to) {
  const auto* found = std::ranges::find(names, text);
  if (found == names.end())
    return invalid("'" + std::string(text) + "' is none of " + joined(names, ", "));
  to = static_cast<Enum>(found - names.begin());
  return {};
}

bool is_size(std::string_view name) { return name.ends_with("_bytes"); }

template <class T>
std::string form_of(std::string_view name, const T&) {
  return is_size(name) ? "SIZE" : "N";
}
std::string form_of(std::string_view, Millis) { return "DURATION"; }
std::string form_of(std::string_view, WallTime) { return "TIME|+DURATION"; }
std::string form_of(std::string_view, bool) { return "true|false"; }
std::string form_of(std::string_view, KeepFinished) { return joined(kKeepNames, "|"); }
std::string form_of(std::string_view, OnUncertain) { return joined(kUncertainNames, "|"); }
std::string form_of(std::string_view, OnDead) { return joined(kDeadNames, "|"); }

Status parse_value(std::string_view, std::string_view text, Millis& to) {
  BATON_ASSIGN_OR_RETURN(to, parse_duration(text));
  return {};
}
Status parse_time(std::string_view text, WallTime now, WallTime& to) {
  if (text == "0") return to = WallTime(), Status();
  BATON_ASSIGN_OR_RETURN(to, parse_when(text, now));
  return {};
}
Status parse_value(std::string_view, std::string_view text, bool& to) {
  constexpr std::array<std::string_view, 8> kWords = {"true",  "yes", "on",  "1",
                                                      "false", "no",  "off", "0"};
  const auto* found = std::ranges::find(kWords, text);
  if (found == kWords.end())
    return invalid("'" + std::string(text) + "' is neither true nor false");
  to = found < kWords.begin() + kWords.size() / 2;
  return {};
}
Status parse_value(std::string_view, std::string_view text, KeepFinished& to) {
  return parse_name(text, kKeepNames, to);
}
Status parse_value(std::string_view, std::string_view text, OnUncertain& to) {
  return parse_name(text, kUncertainNames, to);
}
Status parse_value(std::string_view, std::string_view text, OnDead& to) {
  return parse_name(text, kDeadNames, to);
}
template <class T>
  requires std::is_same_v<T, std::uint32_t> || std::is_same_v<T, std::uint64_t>
Status parse_value(std::string_view name, std::string_view text, T& to) {
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    if (is_size(name)) {
      BATON_ASSIGN_OR_RETURN(to, parse_bytes(text));
      return {};
    }
  }
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, to);
  if (error == std::errc() && stopped == end) return {};
  return invalid("'" + std::string(text) + "' is no whole number, or too large a one");
}

template <class T>
std::string text_of(std::string_view name, const T& value) {
  return is_size(name) && value != 0 ? bytes_text(value) : std::to_string(value);
}
std::string text_of(std::string_view, Millis value) { return to_text(value); }
std::string text_of(std::string_view, WallTime value) {
  return value.ms == 0 ? "0" : rfc3339(value.ms);
}
std::string text_of(std::string_view, bool value) { return value ? "true" : "false"; }
std::string text_of(std::string_view, KeepFinished value) {
  return std::string(kKeepNames.at(static_cast<std::size_t>(value)));
}
std::string text_of(std::string_view, OnUncertain value) {
  return std::string(kUncertainNames.at(static_cast<std::size_t>(value)));
}
std::string text_of(std::string_view, OnDead value) {
  return std::string(kDeadNames.at(static_cast<std::size_t>(value)));
}

template <class T>
void put_json(Json& object, const std::string& name, const T& value) {
  if constexpr (std::is_enum_v<T>) {
    object[name] = text_of(name, value);
  } else {
    object[name] = value;
  }
}
void put_json(Json& object, const std::string& name, Millis value) {
  object[name + "_ms"] = value.count();
}
void put_json(Json& object, const std::string& name, WallTime value) {
  object[name] = value.ms == 0 ? Json() : Json(rfc3339(value.ms));
}

// ---- flags ------------------------------------------------------------------------------------

std::string flag_of(std::string_view name) {
  std::string flag = "--" + std::string(name);
  std::ranges::replace(flag, '_', '-');
  return flag == "--time-to-live" ? flag + ",--ttl" : flag;
}

// "1s..5m"
Status set_backoff(QueueChange& change, std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return invalid("want MIN..MAX, such as 1s..5m");
  BATON_RETURN_IF_ERROR(set_setting(change, "backoff_min", text.substr(0, dots), WallTime()));
  return set_setting(change, "backoff_max", text.substr(dots + 2), WallTime());
}

// Of a pause that ends by itself.
Status settle_pause(QueueChange& change, WallTime now) {
  if (!change.paused_until || change.paused_until->ms == 0) return {};
  if (change.paused && !*change.paused)
    return invalid("paused_until is for a queue that is paused, and paused is false");
  if (*change.paused_until <= now) return invalid("paused_until is over already");
  change.paused = true;
  return {};
}

void throw_unless_ok(const std::string& flag, const Status& status) {
  if (!status.ok()) throw CLI::ValidationError(flag, status.message());
}

}  // namespace

std::string_view setting_help(std::string_view name) {
  const auto* found =
      std::ranges::find(kHelp, name, &std::pair<std::string_view, std::string_view>::first);
  return found == kHelp.end() ? std::string_view() : found->second;
}

Status set_setting(QueueChange& change, std::string_view name, std::string_view text,
                   WallTime now) {
  Status status = invalid("no setting is called '" + std::string(name) + "'");
  for_each_setting([&](const char* candidate, auto setting, auto wanted) {
    if (name != candidate) return;
    auto value = QueueSettings().*setting;
    if (text == "default") {
      status = Status();
    } else if constexpr (std::is_same_v<decltype(value), WallTime>) {
      status = parse_time(text, now, value);
    } else {
      status = parse_value(name, text, value);
    }
    if (status.ok()) change.*wanted = value;
  });
  return status;
}

Status settle_change(QueueChange& change, WallTime now) {
  QueueSettings settings = changed(QueueSettings(), change);
  // Half of a pair is judged by the ledger, which knows the other half.
  if (!change.backoff_max)
    settings.backoff_max = std::max(settings.backoff_max, settings.backoff_min);
  if (!change.backoff_min)
    settings.backoff_min = std::min(settings.backoff_min, settings.backoff_max);
  BATON_RETURN_IF_ERROR(validate_queue_settings(settings));
  return settle_pause(change, now);
}

void add_setting_flags(CLI::App& command, QueueChange& change, std::function<WallTime()> clock) {
  for_each_setting([&](const char* name, auto setting, auto) {
    const auto usual = QueueSettings().*setting;
    const std::string flag = flag_of(name);
    command
        .add_option_function<std::string>(
            flag,
            [&change, name, flag, clock](const std::string& text) {
              throw_unless_ok(flag, set_setting(change, name, text, clock()));
            },
            std::string(setting_help(name)) + " (default " + text_of(name, usual) + ")")
        ->type_name(form_of(name, usual));
  });
  command
      .add_option_function<std::string>(
          "--backoff",
          [&change](const std::string& text) {
            throw_unless_ok("--backoff", set_backoff(change, text));
          },
          "--backoff-min and --backoff-max together")
      ->type_name("MIN..MAX")
      ->excludes(command.get_option("--backoff-min"))
      ->excludes(command.get_option("--backoff-max"));
}

Json settings_text(const QueueChange& change) {
  Json object = Json::object();
  for_each_setting([&](const char* name, auto, auto wanted) {
    if (change.*wanted) object[name] = text_of(name, *(change.*wanted));
  });
  return object;
}

Json settings_json(const QueueChange& change) {
  Json object = Json::object();
  for_each_setting([&](const char* name, auto, auto wanted) {
    if (change.*wanted) put_json(object, name, *(change.*wanted));
  });
  return object;
}

}  // namespace baton::commands
