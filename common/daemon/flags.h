// Flags that are written the same everywhere: addresses, durations, sizes, version, log.
//
// Each takes the variable that it fills, whose value is the default shown by --help. A value that
// does not parse is a usage error (exit 2) with the sentence of the parser.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/base/time.h"
#include "common/daemon/stderr_logger.h"
#include "common/net/transport.h"

namespace baton {

CLI::Option* add_address_flag(CLI::App& app, const std::string& names, Address& value,
                              const std::string& help);
CLI::Option* add_addresses_flag(CLI::App& app, const std::string& names,
                                std::vector<Address>& value, const std::string& help);
CLI::Option* add_duration_flag(CLI::App& app, const std::string& names, Millis& value,
                               const std::string& help);
CLI::Option* add_bytes_flag(CLI::App& app, const std::string& names, std::uint64_t& value,
                            const std::string& help);
// --log-level and --log-format.
void add_log_flags(CLI::App& app, LogOptions& options);
// --version: "baton-center 0.1.0 (commit 0123456789ab)".
void add_version_flag(CLI::App& app, const std::string& program);

// What `--version` prints.
std::string version_text(const std::string& program);

// Until there is TLS: denied unless `listen` is loopback or the operator insists.
Status check_listen_address(const Address& listen, bool insecure);

}  // namespace baton
