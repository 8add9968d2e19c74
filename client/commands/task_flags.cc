#include "client/commands/task_flags.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "client/commands/payload_json.h"
#include "client/commands/suggest.h"
#include "client/commands/time_text.h"
#include "common/base/duration_text.h"

namespace baton::commands {
namespace {

Status invalid(std::string text) { return {ErrorCode::kInvalidArgument, std::move(text)}; }

// A whole number of the range.
template <class T>
Status set_number(T& to, std::string_view text, T min, T max) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || value < min || value > max) {
    return invalid("'" + std::string(text) + "' is no number from " + std::to_string(min) + " to " +
                   std::to_string(max));
  }
  to = value;
  return {};
}

Status set_duration(Millis& to, std::string_view text) {
  BATON_ASSIGN_OR_RETURN(const Millis duration, parse_duration(text));
  if (duration > kTaskSpanMax) return invalid("at most 10 years");
  to = duration;
  return {};
}

Status set_delay(TaskOptions& options, std::string_view text) {
  BATON_RETURN_IF_ERROR(set_duration(options.delay, text));
  options.not_before = WallTime();
  return {};
}

// "+10m" is a delay, by the clock of the manager that takes the task.
Status set_at(TaskOptions& options, std::string_view text) {
  if (text.starts_with('+')) return set_delay(options, text.substr(1));
  BATON_ASSIGN_OR_RETURN(const WallTime time, parse_rfc3339(text));
  if (time.ms <= 0 || time > kNotBeforeMax) return invalid("the year is outside 1970 to 2200");
  options.not_before = time;
  options.delay = Millis(0);
  return {};
}

Status set_text(std::string& to, std::string_view text) {
  if (text.empty()) return invalid("must not be empty");
  if (text.size() > kTaskTextBytesMax) return invalid("at most 200 bytes");
  to = text;
  return {};
}

Status set_task(TaskId& to, std::string_view text) {
  BATON_ASSIGN_OR_RETURN(to, parse_task_id(text));
  return {};
}

Status set_after(TaskOptions& options, std::string_view text) {
  if (text.empty()) return invalid("name 1 to 16 tasks");
  std::vector<TaskId> tasks;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    BATON_ASSIGN_OR_RETURN(const TaskId task, parse_task_id(text.substr(0, comma)));
    tasks.push_back(task);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  if (tasks.size() > kAfterMax) return invalid("name 1 to 16 tasks");
  options.after = std::move(tasks);
  return {};
}

Status set_on_failed(TaskOptions& options, std::string_view text) {
  if (text == "fail") {
    options.on_failed = FailurePolicy::kFail;
  } else if (text == "ignore") {
    options.on_failed = FailurePolicy::kIgnore;
  } else if (text == "wait") {
    options.on_failed = FailurePolicy::kWait;
  } else {
    return invalid("'" + std::string(text) + "' is none of fail, ignore, wait");
  }
  return {};
}

Status set_token(TaskOptions& options, std::string_view text) {
  std::uint64_t token = 0;
  BATON_RETURN_IF_ERROR(set_number(token, text, std::uint64_t{1}, ~std::uint64_t{0}));
  options.parent_token = Token(token);
  return {};
}

Status set_with_completion(TaskOptions& options, std::string_view text) {
  if (text != "true" && text != "false") return invalid("want true or false");
  options.with_completion = text == "true";
  return {};
}

constexpr std::array kSpecs = {
    TaskOptionSpec{"priority", "1-10", "higher goes first (default 5)",
                   [](TaskOptions& o, std::string_view text) {
                     return set_number(o.priority, text, kPriorityMin, kPriorityMax);
                   }},
    TaskOptionSpec{"delay", "DURATION", "ready so long after it was taken", set_delay},
    TaskOptionSpec{"at", "TIME|+DURATION", "ready at this time: 2026-12-24T18:00:00Z, or +10m",
                   set_at},
    TaskOptionSpec{
        "ttl", "DURATION", "cancelled when nobody has claimed it by then (time to live)",
        [](TaskOptions& o, std::string_view text) { return set_duration(o.time_to_live, text); }},
    TaskOptionSpec{
        "wait_timeout", "DURATION", "dead when it was ready for so long without being claimed",
        [](TaskOptions& o, std::string_view text) { return set_duration(o.wait_timeout, text); }},
    TaskOptionSpec{"attempt_timeout", "DURATION", "one claim lasts no longer",
                   [](TaskOptions& o, std::string_view text) {
                     return set_duration(o.attempt_timeout, text);
                   }},
    TaskOptionSpec{
        "total_timeout", "DURATION", "dead when it has not finished by then",
        [](TaskOptions& o, std::string_view text) { return set_duration(o.total_timeout, text); }},
    TaskOptionSpec{"max_attempts", "1-1000", "failures until it is dead",
                   [](TaskOptions& o, std::string_view text) {
                     return set_number(o.max_attempts, text, 1U, kMaxAttemptsMax);
                   }},
    TaskOptionSpec{"key", "TEXT", "idempotency key: the same key makes one task",
                   [](TaskOptions& o, std::string_view text) { return set_text(o.key, text); }},
    TaskOptionSpec{
        "order_key", "TEXT", "tasks of one ordering key run one at a time, in order",
        [](TaskOptions& o, std::string_view text) { return set_text(o.order_key, text); }},
    TaskOptionSpec{
        "fair_key", "TEXT", "whom the queue is shared between: a tenant, a user",
        [](TaskOptions& o, std::string_view text) { return set_text(o.fair_key, text); }},
    TaskOptionSpec{"fair_weight", "1-100", "share of this fairness key beside the others",
                   [](TaskOptions& o, std::string_view text) {
                     return set_number(o.fair_weight, text, 1U, kWeightMax);
                   }},
    TaskOptionSpec{"type", "TEXT", "what kind of task it is, for the consumer",
                   [](TaskOptions& o, std::string_view text) { return set_text(o.type, text); }},
    TaskOptionSpec{"after", "ID[,ID...]", "runs when these tasks have finished; at most 16",
                   set_after},
    TaskOptionSpec{"on_failed", "fail|ignore|wait",
                   "what a task of --after, or a child, that fails means for this one",
                   set_on_failed},
    TaskOptionSpec{"parent", "ID", "the task whose claim spawns this one; with --token",
                   [](TaskOptions& o, std::string_view text) { return set_task(o.parent, text); }},
    TaskOptionSpec{"token", "N", "the token of that claim", set_token},
    TaskOptionSpec{"with_completion", "",
                   "unseen until that claim is acked, gone when it ends otherwise",
                   set_with_completion},
};

// ---- JSON -------------------------------------------------------------------------------------

const TaskOptionSpec* find_spec(std::string_view name) {
  const auto* found = std::ranges::find(kSpecs, name, &TaskOptionSpec::name);
  return found == kSpecs.end() ? nullptr : found;
}

Status unknown_key(const std::string& key) {
  std::vector<std::string> known{"payload", "payload_base64"};
  for (const TaskOptionSpec& spec : kSpecs) known.emplace_back(spec.name);
  const std::string meant = suggest(key, known);
  return invalid("unknown key \"" + key + "\"" +
                 (meant.empty() ? "" : "; did you mean \"" + meant + "\"?"));
}

// As the flag would have it; nothing for what no flag can be.
std::optional<std::string> flag_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (!value.is_array()) return std::nullopt;
  std::string list;
  for (const Json& item : value) {
    const auto text = item.is_array() ? std::nullopt : flag_text(item);
    if (!text) return std::nullopt;
    list += (list.empty() ? "" : ",") + *text;
  }
  return list;
}

Status set_from_json(TaskOptions& options, const std::string& key, const Json& value) {
  const TaskOptionSpec* spec = find_spec(key);
  if (spec == nullptr) return unknown_key(key);
  if (value.is_null()) return {};
  const auto text = flag_text(value);
  const bool is_list = key == "after";
  if (is_list && value.is_array() && value.empty()) return options.after.clear(), Status();
  if (!text || (value.is_array() && !is_list) || (value.is_boolean() != spec->value.empty())) {
    return invalid("\"" + key + "\" wants " +
                   (spec->value.empty() ? "true or false" : std::string(spec->value)));
  }
  const Status set = spec->set(options, *text);
  return set.ok() ? set : invalid("\"" + key + "\": " + set.message());
}

Result<std::string> take_payload(Json& object) {
  Json bytes = Json::object();
  for (const std::string key : {"payload", "payload_base64"}) {
    if (!object.contains(key)) continue;
    bytes[key] = std::move(object[key]);
    object.erase(key);
  }
  return take_bytes(bytes, "payload");
}

}  // namespace

std::string TaskOptionSpec::flag() const {
  std::string text = "--" + std::string(name);
  std::ranges::replace(text, '_', '-');
  return text;
}

std::span<const TaskOptionSpec> task_option_specs() { return kSpecs; }

void add_task_flags(CLI::App& command, TaskOptions& options) {
  for (const TaskOptionSpec& spec : kSpecs) {
    if (spec.value.empty()) {
      command.add_flag_callback(
          spec.flag(), [&options, set = spec.set] { (void)set(options, "true"); },
          std::string(spec.help));
      continue;
    }
    CLI::Option* option = command.add_option_function<std::string>(
        spec.flag(),
        [&options, set = spec.set, name = spec.flag()](const std::string& text) {
          const Status status = set(options, text);
          if (!status.ok()) throw CLI::ValidationError(name, status.message());
        },
        std::string(spec.help));
    option->type_name(std::string(spec.value));
    if (spec.name == "after")
      option->multi_option_policy(CLI::MultiOptionPolicy::Join)->delimiter(',');
  }
  command.get_option("--delay")->excludes(command.get_option("--at"));
}

Status check_task_options(const TaskOptions& options) {
  BATON_RETURN_IF_ERROR(validate_task_options(options));
  if (options.fair_weight != 0 && options.fair_key.empty())
    return invalid("fair_weight is the share of a fair_key, and there is none");
  return {};
}

Result<SourceTask> task_of_json(std::string_view line, const TaskOptions& defaults) {
  Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) {
    return invalid("want an object with \"payload\" or \"payload_base64\"");
  }
  BATON_ASSIGN_OR_RETURN(std::string payload, take_payload(object));
  if (object.contains("delay") && object.contains("at")) {
    return invalid("\"delay\" and \"at\" exclude each other");
  }
  auto options = std::make_shared<TaskOptions>(defaults);
  for (const auto& [key, value] : object.items()) {
    BATON_RETURN_IF_ERROR(set_from_json(*options, key, value));
  }
  BATON_RETURN_IF_ERROR(check_task_options(*options));
  return SourceTask{std::move(payload), std::move(options)};
}

}  // namespace baton::commands
