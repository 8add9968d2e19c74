#include "common/daemon/daemon.h"

#include <csignal>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "common/base/duration_text.h"
#include "common/daemon/flags.h"
#include "common/daemon/process.h"
#include "common/daemon/shell_files.h"
#include "common/daemon/stderr_logger.h"
#include "common/net/asio_loop.h"
#include "common/net/asio_transport.h"
#include "common/storage/durable_env.h"
#include "version.h"

namespace baton {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
// A drain that hangs must not keep a service manager waiting.
constexpr Duration kDrainMax = std::chrono::seconds(10);

struct CommonFlags {
  DaemonFlags daemon;
  LogOptions log;
  bool insecure = false;
};

ManualFacts manual_of(const DaemonSpec& spec) {
  ManualFacts facts;
  facts.section = 8;
  facts.version = version_of_build();
  facts.exit_codes = {
      {"0", "stopped by a signal, after everything was done"},
      {"1",
       "it could not start, could not go on (a failed write), or was not done after 10 s of "
       "draining"},
      {"2", "wrong usage"}};
  for (const std::string other : {"baton-center", "baton-manager"}) {
    if (other != spec.name) facts.see_also.push_back(other + "(8)");
  }
  facts.see_also.emplace_back("baton(1)");
  return facts;
}

void add_common_flags(CLI::App& app, const DaemonSpec& spec, CommonFlags& flags) {
  flags.daemon.listen = spec.listen_default;
  flags.daemon.connections_max = spec.connections_default;
  flags.log.component = spec.name;
  add_version_flag(app, spec.name);
  add_address_flag(app, "--listen", flags.daemon.listen,
                   "Where to listen; port 0 takes any free one");
  app.add_option("--data", flags.daemon.data,
                 "Directory of everything that is kept; made when missing")
      ->type_name("DIR")
      ->required();
  app.add_option("--connections-max", flags.daemon.connections_max, "Connections at once")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  app.add_flag("--insecure", flags.insecure,
               "Allow a --listen address that is not loopback, without TLS");
  add_log_flags(app, flags.log);
  app.set_config("--config", "", "TOML file whose keys are the names of the flags")
      ->type_name("FILE");
  app.allow_config_extras(CLI::config_extras_mode::error);  // a misspelt key must not go unnoticed
}

// One sentence on stderr, before there is a log or when the log would say less.
int refuse_to_start(const std::string& name, const Status& status) {
  std::fprintf(stderr, "%s: %s\n", name.c_str(), status.message().c_str());
  const bool usage =
      status.code() == ErrorCode::kInvalidArgument || status.code() == ErrorCode::kDenied;
  return usage ? kExitUsage : kExitFailure;
}

// One life: from the node's start to the end of the loop.
class DaemonRun {
 public:
  DaemonRun(const DaemonSpec& spec, const CommonFlags& flags)
      : spec_(spec), flags_(flags), logger_(flags.log), transport_(loop_, logger_) {}

  int run() {
    silence_protobuf();
    raise_file_limit(flags_.daemon.connections_max, logger_);
    const SignalWatch signals(
        loop_, [this](int signal) { begin_drain(signal); }, [this](int) { stop_at_once(); });
    const NodeContext context{loop_,   worker_,       transport_,  *leveldb::Env::Default(),
                              logger_, system_seed(), &background_};
    Result<RunningNode> opened =
        spec_.open(context, flags_.daemon, [this](const Status& status) { on_failed(status); });
    if (!opened.ok()) return refuse_to_start(spec_.name, opened.status());
    node_ = std::move(opened).value();
    logger_.info("listening",
                 {kv("address", node_.address.to_string()), kv("data", flags_.daemon.data),
                  kv("version", kVersion), kv("commit", kCommit)});
    const MonoTime started = loop_.now();
    loop_.run();
    const std::vector<LogField> counts = node_.counts ? node_.counts() : std::vector<LogField>();
    node_ = RunningNode{};
    tell_stopped(loop_.now() - started, counts);
    return exit_code_;
  }

 private:
  void tell_stopped(Duration uptime, const std::vector<LogField>& counts) {
    std::vector<LogField> fields{kv("code", exit_code_),
                                 kv("uptime", to_text(std::chrono::duration_cast<Millis>(uptime)))};
    fields.insert(fields.end(), counts.begin(), counts.end());
    logger_.write(LogLevel::kInfo, "stopped", fields);
  }

  void begin_drain(int signal) {
    logger_.info("draining",
                 {kv("signal", ::strsignal(signal)), kv("hint", "a second one stops at once")});
    loop_.call_after(kDrainMax, [this] {
      logger_.warn("draining took too long");
      exit_code_ = kExitFailure;
      loop_.stop();
    });
    node_.drain([this] { loop_.stop(); });
  }

  void stop_at_once() {
    logger_.warn("stopping at once");
    loop_.stop();
  }

  void on_failed(const Status& status) {
    logger_.error("the node cannot go on", {kv("reason", status)});
    exit_code_ = kExitFailure;
    loop_.stop();
  }

  const DaemonSpec& spec_;
  const CommonFlags& flags_;
  StderrLogger logger_;
  AsioLoop loop_;
  AsioTransport transport_;
  AsioWorker worker_{loop_};
  AsioWorker background_{loop_, "background"};
  RunningNode node_;  // last: it uses all of the above
  int exit_code_ = 0;
};

}  // namespace

int run_daemon(int argc, char** argv, const DaemonSpec& spec) {
  CLI::App app(spec.description, spec.name);
  CommonFlags flags;
  add_common_flags(app, spec, flags);
  if (spec.add_flags) spec.add_flags(app);
  if (!spec.examples.empty()) app.footer("Examples:\n" + spec.examples);
  add_shell_files_flag(app, manual_of(spec));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return refuse_to_start(spec.name, Status(ErrorCode::kInvalidArgument, error.what()));
  }
  if (const Status status = check_listen_address(flags.daemon.listen, flags.insecure);
      !status.ok()) {
    return refuse_to_start(spec.name, status);
  }
  return DaemonRun(spec, flags).run();
}

}  // namespace baton
