// A daemon with nothing in it but what run_daemon gives: the tests of daemon_test.cc run it as a
// process.
// --mode says how its node behaves.
#include <chrono>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "common/daemon/daemon.h"

namespace baton {
namespace {

RunningNode make_node(NodeContext context, const DaemonFlags& flags, const std::string& mode,
                      const std::shared_ptr<Listener>& listener,
                      const std::function<void(const Status&)>& on_failed) {
  if (mode == "fail-later") {
    context.loop.call_after(std::chrono::milliseconds(20), [on_failed] {
      on_failed(Status(ErrorCode::kUnavailable, "the disk is gone"));
    });
  }
  RunningNode node;
  node.node = listener;
  node.address = listener ? listener->address() : flags.listen;
  node.drain = [mode, &loop = context.loop](std::function<void()> done) {
    if (mode != "hang") loop.call_after(std::chrono::milliseconds(20), std::move(done));
  };
  node.counts = [] { return std::vector<LogField>{kv("things_done", 7)}; };
  return node;
}

Result<RunningNode> open_node(NodeContext context, const DaemonFlags& flags,
                              const std::string& mode,
                              const std::function<void(const Status&)>& on_failed) {
  if (mode == "fail") return Status(ErrorCode::kUnavailable, "the data directory is locked");
  auto listener = context.transport.listen(flags.listen, [](ConnectionPtr) {});
  if (!listener.ok()) return listener.status();
  return make_node(context, flags, mode, std::shared_ptr<Listener>(std::move(listener).value()),
                   on_failed);
}

}  // namespace
}  // namespace baton

int main(int argc, char** argv) {
  std::string mode;
  baton::DaemonSpec spec;
  spec.name = "test-daemon";
  spec.description = "A daemon for tests";
  spec.listen_default = baton::Address{"127.0.0.1", 0};
  spec.add_flags = [&mode](CLI::App& app) {
    app.add_option("--mode", mode, "How the node behaves");
  };
  spec.open = [&mode](baton::NodeContext context, const baton::DaemonFlags& flags,
                      std::function<void(const baton::Status&)> on_failed) {
    return baton::open_node(context, flags, mode, on_failed);
  };
  return baton::run_daemon(argc, argv, spec);
}
