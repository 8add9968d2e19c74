#include "common/daemon/flags.h"

#include "common/base/duration_text.h"
#include "version.h"

namespace baton {
namespace {

// A flag whose text `parse` turns into `value`, or refuses with a sentence.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& names, T& value, const std::string& help,
                        const std::string& type, const std::string& default_text, Parse parse) {
  CLI::Option* option = app.add_option_function<std::string>(
      names,
      [&value, parse, names](const std::string& text) {
        auto parsed = parse(text);
        if (!parsed.ok()) throw CLI::ValidationError(names, parsed.status().message());
        value = std::move(parsed).value();
      },
      help);
  return option->type_name(type)->default_str(default_text);
}

std::string addresses_text(const std::vector<Address>& addresses) {
  std::string text;
  for (const Address& address : addresses) text += (text.empty() ? "" : ",") + address.to_string();
  return text;
}

}  // namespace

CLI::Option* add_address_flag(CLI::App& app, const std::string& names, Address& value,
                              const std::string& help) {
  return add_parsed(app, names, value, help, "HOST:PORT", value.to_string(),
                    [](const std::string& text) { return parse_address(text); });
}

CLI::Option* add_addresses_flag(CLI::App& app, const std::string& names,
                                std::vector<Address>& value, const std::string& help) {
  return add_parsed(app, names, value, help, "HOST:PORT[,HOST:PORT]", addresses_text(value),
                    [](const std::string& text) { return parse_addresses(text); });
}

CLI::Option* add_duration_flag(CLI::App& app, const std::string& names, Millis& value,
                               const std::string& help) {
  return add_parsed(app, names, value, help, "DURATION", to_text(value),
                    [](const std::string& text) { return parse_duration(text); });
}

CLI::Option* add_bytes_flag(CLI::App& app, const std::string& names, std::uint64_t& value,
                            const std::string& help) {
  return add_parsed(app, names, value, help, "SIZE", bytes_text(value),
                    [](const std::string& text) { return parse_bytes(text); });
}

void add_log_flags(CLI::App& app, LogOptions& options) {
  add_parsed(app, "--log-level", options.level, "Least level that is written",
             "debug|info|warn|error", "info",
             [](const std::string& text) { return parse_log_level(text); });
  add_parsed(app, "--log-format", options.format, "Lines of key=value, or of JSON", "text|json",
             "text", [](const std::string& text) { return parse_log_format(text); });
}

std::string version_text(const std::string& program) {
  return program + " " + kVersion + " (commit " + kCommit + ")";
}

void add_version_flag(CLI::App& app, const std::string& program) {
  app.set_version_flag("--version", version_text(program));
}

Status check_listen_address(const Address& listen, bool insecure) {
  if (insecure || listen.is_loopback()) return {};
  return Status(ErrorCode::kDenied,
                "--listen " + listen.to_string() +
                    " is not loopback, and there is no TLS yet: everybody who reaches this port "
                    "may read and change everything; say --insecure if that is what you want");
}

}  // namespace baton
