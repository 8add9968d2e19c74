// baton dev: a center and managers in this process, for a laptop.

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "client/commands/dev_cluster.h"
#include "client/commands/program.h"
#include "client/commands/temporary_folder.h"

namespace baton::commands {
namespace {

struct DevFlags {
  DevOptions cluster;
  int port_base = -1;  // not given
  bool verbose = false;
};

std::string joined(const std::vector<Address>& addresses) {
  std::string text;
  for (const Address& address : addresses) text += (text.empty() ? "" : ",") + address.to_string();
  return text;
}

class DevCommand {
 public:
  DevCommand(Runtime& runtime, DevFlags flags) : runtime_(runtime), flags_(std::move(flags)) {}

  void start() {
    if (flags_.cluster.data.empty()) {
      auto made = TemporaryFolder::make("baton-dev-");
      if (!made.ok()) return runtime_.fail(made.status());
      temporary_ = std::move(made).value();
      flags_.cluster.data = temporary_->path();
    }
    auto opened = DevCluster::open(runtime_.loop(), flags_.cluster, [this](const Status& status) {
      print_error(status);
      runtime_.finish(1);
    });
    if (!opened.ok()) {
      print_error(opened.status().message());
      return runtime_.finish(1);
    }
    cluster_ = std::move(opened).value();
    runtime_.set_on_interrupt([this](int) { stop(); });
    say_how_to_talk();
  }

 private:
  void say_how_to_talk() {
    const std::string managers = joined(cluster_->managers());
    runtime_.out().write("BATON_MANAGER=" + managers + "\n");
    runtime_.out().flush();
    std::fprintf(stderr, "Baton runs: center %s, managers %s\n",
                 cluster_->center().to_string().c_str(), managers.c_str());
    std::fprintf(stderr, "Data: %s%s. Ctrl-C stops it.\n", flags_.cluster.data.c_str(),
                 temporary_ ? " (removed at the end)" : "");
    const bool usual = cluster_->managers().front().port == kManagerPortDefault;
    const std::string prefix = usual ? "" : "BATON_MANAGER=" + managers + " ";
    std::fprintf(stderr,
                 "In another terminal:\n  seq 10 | %sbaton produce -q demo\n  %sbaton consume -q "
                 "demo --wait 2s\n",
                 prefix.c_str(), prefix.c_str());
  }

  void stop() {
    std::fprintf(stderr, "stopping\n");
    cluster_->drain([this] { runtime_.finish(0); });
  }

  Runtime& runtime_;
  DevFlags flags_;
  std::unique_ptr<TemporaryFolder> temporary_;
  std::unique_ptr<DevCluster> cluster_;
};

}  // namespace

void add_dev(Program& program) {
  auto flags = std::make_shared<DevFlags>();
  CLI::App& command = program.add_command(
      program.app(),
      {.name = "dev",
       .summary = "Run a center and managers in this process, on loopback: for trying things out "
                  "on a laptop.",
       .examples = "  baton dev                              center 10000, managers 7101 to 7103, "
                   "data thrown away\n"
                   "  baton dev --data ~/baton --managers 1  keeps its data\n"
                   "  baton dev --port-base 0                any free ports; prints "
                   "BATON_MANAGER=... on stdout",
       .formats = {},
       .talks_to_cluster = false},
      [flags](CommonOptions common) {
        flags->cluster.log_level =
            flags->verbose || common.verbose ? LogLevel::kInfo : LogLevel::kWarn;
        if (flags->port_base >= 0) {
          flags->cluster.center_port = static_cast<std::uint16_t>(flags->port_base);
          flags->cluster.manager_port =
              static_cast<std::uint16_t>(flags->port_base == 0 ? 0 : flags->port_base + 1);
        }
        Runtime runtime(std::move(common));
        DevCommand dev(runtime, *flags);
        return runtime.run([&] { dev.start(); });
      });
  command.add_option("--managers", flags->cluster.managers, "how many")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  command
      .add_option("--data", flags->cluster.data,
                  "folder to keep data in (default: a temporary one)")
      ->type_name("DIR");
  command
      .add_option("--port-base", flags->port_base,
                  "port of the center; the managers have the next ones. 0: any free ports")
      ->check(CLI::Range(0, 65000));
  command.add_flag("-v,--verbose", flags->verbose, "log what the nodes do, on stderr");
}

}  // namespace baton::commands
