#include "common/daemon/flags.h"

#include <catch2/catch.hpp>

namespace baton {
namespace {

using namespace std::chrono_literals;

struct Flags {
  CLI::App app{"test"};
  Address listen{"127.0.0.1", 1};
  std::vector<Address> centers;
  Millis wait = 5s;
  std::uint64_t size = 1024;
  LogOptions log;

  Flags() {
    add_address_flag(app, "--listen", listen, "where");
    add_addresses_flag(app, "--center", centers, "who");
    add_duration_flag(app, "--wait", wait, "how long");
    add_bytes_flag(app, "--size", size, "how much");
    add_log_flags(app, log);
  }
  // The message of the refusal; empty when it was accepted.
  std::string parse(const std::string& line) {
    try {
      app.parse(line);
      return {};
    } catch (const CLI::ParseError& error) {
      return error.what();
    }
  }
};

TEST_CASE("flags fill their variables") {
  Flags flags;
  CHECK(flags
            .parse("--listen [::1]:0 --center a:1,b:2 --wait 1m30s --size 64MiB --log-level debug "
                   "--log-format json")
            .empty());
  CHECK(flags.listen == Address{"::1", 0});
  CHECK(flags.centers.size() == 2);
  CHECK(flags.wait == 90s);
  CHECK(flags.size == std::uint64_t{64} << 20);
  CHECK(flags.log.level == LogLevel::kDebug);
  CHECK(flags.log.format == LogFormat::kJson);
}

TEST_CASE("a bad value is refused with the flag's name and the reason") {
  CHECK(Flags().parse("--wait 5") ==
        "--wait: '5' is not a duration such as 250ms, 10s, 5m or 1h30m");
  CHECK(Flags().parse("--listen 7101") == "--listen: '7101' is no HOST:PORT: the port is missing");
  CHECK(Flags().parse("--size 1kb") ==
        "--size: '1kb' is not a size such as 512, 64KiB, 16MiB or 1GiB");
  CHECK(Flags().parse("--log-level loud") ==
        "--log-level: log level must be debug, info, warn or error");
}

TEST_CASE("help shows the defaults as they would be written") {
  const std::string help = Flags().app.help();
  CHECK(help.find("127.0.0.1:1") != std::string::npos);
  CHECK(help.find("5s") != std::string::npos);
  CHECK(help.find("1KiB") != std::string::npos);
}

TEST_CASE("only loopback may be listened on without TLS, unless the operator insists") {
  CHECK(check_listen_address(Address{"127.0.0.1", 1}, false).ok());
  CHECK(check_listen_address(Address{"0.0.0.0", 1}, true).ok());
  const Status refused = check_listen_address(Address{"0.0.0.0", 1}, false);
  CHECK(refused.code() == ErrorCode::kDenied);
  CHECK(refused.message().find("--insecure") != std::string::npos);
}

}  // namespace
}  // namespace baton
