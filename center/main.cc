// baton-center: the task manager center, which holds the ledger.

#include <memory>
#include <utility>

#include "center/service/center_node.h"
#include "common/daemon/daemon.h"
#include "common/daemon/flags.h"

int main(int argc, char** argv) {
  baton::center::CenterOptions options;

  baton::DaemonSpec spec;
  spec.name = "baton-center";
  spec.description = "The center of a Baton cluster: it holds the ledger of who may work on what.";
  spec.examples =
      "  baton-center --listen 127.0.0.1:10000 --data /var/lib/baton/center\n"
      "  baton-center --config /etc/baton/center.toml";
  spec.listen_default = options.listen;
  spec.connections_default = options.connections_max;
  spec.add_flags = [&options](CLI::App& app) {
    baton::add_bytes_flag(app, "--disk-free-min", options.disk_free_min,
                          "Room on the disk below which new tasks are postponed");
    baton::add_bytes_flag(app, "--archive-max", options.archive_bytes_max,
                          "Room for the archive of the ledger's history; the oldest goes first");
    baton::add_bytes_flag(app, "--snapshot-log-bytes", options.snapshot_log_bytes,
                          "Log after which a snapshot is written: less makes a start quicker");
  };
  spec.open = [&options](baton::NodeContext context, const baton::DaemonFlags& flags,
                         std::function<void(const baton::Status&)> on_failed)
      -> baton::Result<baton::RunningNode> {
    options.listen = flags.listen;
    options.data = flags.data;
    options.connections_max = flags.connections_max;
    BATON_ASSIGN_OR_RETURN(std::unique_ptr<baton::center::CenterNode> opened,
                           baton::center::CenterNode::open(context, options, std::move(on_failed)));
    const std::shared_ptr<baton::center::CenterNode> node = std::move(opened);
    return baton::RunningNode{node, node->address(),
                              [node](std::function<void()> done) { node->drain(std::move(done)); },
                              [node] { return log_fields(node->metrics()); }};
  };
  return baton::run_daemon(argc, argv, spec);
}
