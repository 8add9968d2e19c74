// baton-manager: a task manager, which keeps payloads and serves clients.

#include <memory>
#include <string>
#include <utility>

#include "common/daemon/daemon.h"
#include "common/daemon/flags.h"
#include "manager/service/manager_node.h"

int main(int argc, char** argv) {
  baton::manager::ManagerOptions options;
  std::uint64_t payload_max = options.payload_bytes_max;

  baton::DaemonSpec spec;
  spec.name = "baton-manager";
  spec.description =
      "A manager of a Baton cluster: it keeps the payloads of tasks and serves producers and "
      "consumers.";
  spec.examples =
      "  baton-manager --listen 127.0.0.1:7101 --center 127.0.0.1:10000 --data /var/lib/baton/a\n"
      "  baton-manager --config /etc/baton/manager.toml";
  spec.listen_default = options.listen;
  spec.connections_default = options.connections_max;
  spec.add_flags = [&options, &payload_max](CLI::App& app) {
    baton::add_addresses_flag(app, "--center", options.centers,
                              "Where the center is, HOST:PORT[,HOST:PORT]")
        ->required();
    app.add_option("--name", options.name,
                   "Name of this manager, fixed at its first start; by default what it listens on")
        ->type_name("NAME");
    baton::add_bytes_flag(app, "--payload-max", payload_max,
                          "Largest payload of a task, up to 16MiB");
    baton::add_bytes_flag(app, "--disk-free-min", options.disk_free_min,
                          "Room on the disk below which produces are postponed");
  };
  spec.open = [&options, &payload_max](baton::NodeContext context, const baton::DaemonFlags& flags,
                                       std::function<void(const baton::Status&)> on_failed)
      -> baton::Result<baton::RunningNode> {
    options.listen = flags.listen;
    options.data = flags.data;
    options.connections_max = flags.connections_max;
    options.payload_bytes_max = static_cast<std::size_t>(payload_max);
    BATON_ASSIGN_OR_RETURN(
        std::unique_ptr<baton::manager::ManagerNode> opened,
        baton::manager::ManagerNode::open(context, options, std::move(on_failed)));
    const std::shared_ptr<baton::manager::ManagerNode> node = std::move(opened);
    return baton::RunningNode{node, node->address(),
                              [node](std::function<void()> done) { node->drain(std::move(done)); },
                              [node] { return log_fields(node->metrics()); }};
  };
  return baton::run_daemon(argc, argv, spec);
}
