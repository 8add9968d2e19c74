// T6: what people type or put into files: addresses, durations, sizes, ids, names, flags,
// configuration files, identity files, JSON lines, what tasks and queues are told, times. Refused with a sentence, or understood in the one
// way that writing it again gives back.
//
//   input: u8, which parser | the text
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "client/admin.h"
#include "client/commands/input_reader.h"
#include "client/commands/output.h"
#include "client/commands/payload_json.h"
#include "client/commands/setting_flags.h"
#include "client/commands/suggest.h"
#include "client/commands/task_flags.h"
#include "client/commands/time_text.h"
#include "common/base/duration_text.h"
#include "common/base/ids.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "common/daemon/flags.h"
#include "common/daemon/stderr_logger.h"
#include "common/net/transport.h"
#include "common/storage/identity.h"
#include "tests/fuzz/fuzz_input.h"

namespace baton::fuzz {
namespace {

// A refusal tells why.
template <class T>
bool understood(const Result<T>& parsed) {
  if (parsed.ok()) return true;
  FUZZ_CHECK(!parsed.status().message().empty(), "refused without a word");
  FUZZ_CHECK(parsed.status().message().size() < 10'000, "refused with too many words");
  return false;
}

void check_addresses(std::string_view text) {
  const auto one = parse_address(text);
  if (understood(one)) {
    const auto again = parse_address(one.value().to_string());
    FUZZ_CHECK(again.ok() && again.value() == one.value(), "an address that changes");
  }
  const auto many = parse_addresses(text);
  if (!understood(many)) return;
  FUZZ_CHECK(!many.value().empty(), "a list of none");
  std::string joined;
  for (const Address& address : many.value()) {
    joined += (joined.empty() ? "" : ",") + address.to_string();
  }
  const auto again = parse_addresses(joined);
  FUZZ_CHECK(again.ok() && again.value() == many.value(), "a list of addresses that changes");
}

void check_amounts(std::string_view text) {
  const auto duration = parse_duration(text);
  if (understood(duration)) {
    FUZZ_CHECK(duration.value() >= Millis(0) && duration.value() <= std::chrono::days(10'000),
               "a duration out of its range");
    const auto again = parse_duration(to_text(duration.value()));
    FUZZ_CHECK(again.ok() && again.value() == duration.value(), "a duration that changes");
  }
  const auto bytes = parse_bytes(text);
  if (!understood(bytes)) return;
  // A product that is too large must not have come round.
  const double number = std::strtod(std::string(text.substr(0, 40)).c_str(), nullptr);
  FUZZ_CHECK(static_cast<double>(bytes.value()) >= number * 0.999, "less than its number");
  const auto again = parse_bytes(bytes_text(bytes.value()));
  FUZZ_CHECK(again.ok() && again.value() == bytes.value(), "a size that changes");
}

void check_ids(std::string_view text) {
  const auto uuid = parse_uuid(text);
  if (understood(uuid)) {
    const auto again = parse_uuid(to_string(uuid.value()));
    FUZZ_CHECK(again.ok() && again.value() == uuid.value(), "a uuid that changes");
  }
  const auto task = parse_task_id(text);
  if (understood(task)) {
    FUZZ_CHECK(task.value().valid(), "a task id that names no task");
    const auto again = parse_task_id(to_string(task.value()));
    FUZZ_CHECK(again.ok() && again.value() == task.value(), "a task id that changes");
  }
  const auto state = client::parse_task_state(text);
  if (understood(state)) FUZZ_CHECK(to_string(state.value()) == text, "a state that changes");
  (void)understood(parse_log_level(text));
  (void)understood(parse_log_format(text));
}

void check_names(std::string_view text) {
  for (const Status& status : {validate_queue_name(text), validate_manager_name(text)}) {
    FUZZ_CHECK(status.ok() ==
                   (!text.empty() && text.size() <= 200 &&
                    text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                           "0123456789-_.:/+") == std::string_view::npos),
               "a name that is taken, or not, against its rule");
  }
  (void)commands::suggest(text.substr(0, 200), {"produce", "consume", "task", "queue", "manager"});
}

void check_identity(std::string_view bytes) {
  const auto identity = decode_identity(bytes);
  if (!understood(identity)) return;
  const auto again = decode_identity(encode_identity(identity.value()));
  FUZZ_CHECK(again.ok() && again.value() == identity.value(), "an identity that changes");
}

void check_base64(std::string_view text) {
  const auto bytes = commands::decode_base64(text);
  if (understood(bytes)) {
    FUZZ_CHECK(commands::encode_base64(bytes.value()) == text, "base64 that changes");
  }
  const auto back = commands::decode_base64(commands::encode_base64(text));
  FUZZ_CHECK(back.ok() && back.value() == text, "bytes that do not come back");
}

// As `baton produce --json` reads it.
void check_json_lines(std::string_view text) {
  commands::LineSplitter lines;
  const std::size_t half = text.size() / 2;
  lines.add(text.substr(0, half));
  std::string line;
  std::string joined;
  const auto read = [&] {
    while (lines.next(line)) {
      joined += line + "\n";
      const auto json = commands::Json::parse(line, nullptr, false);
      if (json.is_discarded()) continue;
      const auto payload = commands::take_bytes(json, "payload");
      if (!understood(payload)) continue;
      commands::Json again;
      commands::put_bytes(again, "payload", payload.value());
      const auto second = commands::take_bytes(commands::Json::parse(again.dump()), "payload");
      FUZZ_CHECK(second.ok() && second.value() == payload.value(), "a payload that changes");
    }
  };
  read();
  lines.add(text.substr(half));
  lines.end();
  read();
  FUZZ_CHECK(joined == text || joined == std::string(text) + "\n", "lines that got lost");
}

// Any bytes that a task may have, printed and read again.
void check_payload(std::string_view bytes) {
  commands::Json json;
  commands::put_bytes(json, "payload", bytes);
  const auto parsed = commands::Json::parse(json.dump(), nullptr, false);
  FUZZ_CHECK(!parsed.is_discarded(), "what was printed is no JSON");
  const auto back = commands::take_bytes(parsed, "payload");
  FUZZ_CHECK(back.ok() && back.value() == bytes, "bytes that do not come back");
}

// The flags of a daemon, from words (one a line) or from a configuration file.
void check_flags(std::string_view text, bool as_file) {
  Address listen;
  std::vector<Address> centers;
  Millis timeout{0};
  std::uint64_t size = 0;
  LogOptions log;
  std::string data;
  CLI::App app("", "daemon");
  add_version_flag(app, "daemon");
  add_address_flag(app, "--listen", listen, "");
  add_addresses_flag(app, "--center", centers, "");
  add_duration_flag(app, "--timeout", timeout, "");
  add_bytes_flag(app, "--size", size, "");
  add_log_flags(app, log);
  app.add_option("--data", data);
  app.allow_config_extras(CLI::config_extras_mode::error);
  try {
    if (as_file) {
      std::istringstream file{std::string(text)};
      app.parse_from_stream(file);
    } else {
      std::vector<std::string> words;
      for (std::size_t at = 0; at <= text.size() && words.size() < 100;) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        words.emplace_back(text.substr(at, end - at));
        at = end + 1;
      }
      app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    }
  } catch (const CLI::ParseError& error) {
    return;  // a usage error, with what is wrong
  }
  FUZZ_CHECK(timeout >= Millis(0), "a negative duration");
}

// A line of `produce --json-lines`: what it asks for is what a manager accepts.
void check_task_line(std::string_view text) {
  const auto task = commands::task_of_json(text, TaskOptions());
  if (!understood(task)) return;
  FUZZ_CHECK(validate_task_options(*task.value().options).ok(), "a task that no manager takes");
}

constexpr WallTime kNow{1'800'000'000'000};

// "NAME=VALUE" as `queue set` has it; what it prints means the same.
void check_setting(std::string_view text) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string name(text.substr(0, equals));
  const std::string value(text.substr(std::min(equals + 1, text.size())));
  QueueChange change;
  const Status set = commands::set_setting(change, name, value, kNow);
  if (!set.ok()) {
    FUZZ_CHECK(!set.message().empty(), "refused without a word");
    return;
  }
  const commands::Json printed = commands::settings_text(change);
  // A time until which it is paused says that it is.
  const bool pauses = change.paused_until && change.paused;
  FUZZ_CHECK(printed.size() == (pauses ? 2 : 1), "one setting is named, others are changed");
  if (pauses) return;
  QueueChange again;
  const Status read = commands::set_setting(again, name, printed.begin()->get<std::string>(), kNow);
  FUZZ_CHECK(read.ok() && again == change, "a setting that changes when it is printed");
}

void check_time(std::string_view text) {
  const auto time = commands::parse_rfc3339(text);
  if (!understood(time)) return;
  const auto again = commands::parse_rfc3339(commands::rfc3339(time.value().ms));
  FUZZ_CHECK(again.ok() && again.value() == time.value(), "a time that changes when it is printed");
}

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baton::fuzz;
  FuzzInput in(data, size);
  const std::size_t which = in.below(13);
  const std::string_view text = in.rest();
  switch (which) {
    case 0:
      check_addresses(text);
      break;
    case 1:
      check_amounts(text);
      break;
    case 2:
      check_ids(text);
      break;
    case 3:
      check_names(text);
      break;
    case 4:
      check_identity(text);
      break;
    case 5:
      check_base64(text);
      break;
    case 6:
      check_json_lines(text);
      break;
    case 7:
      check_payload(text);
      break;
    case 8:
      check_flags(text, false);
      break;
    case 9:
      check_flags(text, true);
      break;
    case 10:
      check_task_line(text);
      break;
    case 11:
      check_setting(text);
      break;
    default:
      check_time(text);
  }
  return 0;
}
