#include "tests/sim/cluster/sim_boot.h"

#include <utility>

#include "center/service/center_node.h"
#include "manager/service/manager_node.h"

namespace baton::sim {
namespace {

const Address kCenterAddress{"center", 10000};
constexpr std::uint16_t kManagerPort = 7101;
constexpr std::uint64_t kDiskFloor = 40'000;  // bytes

template <class Node>
RunningNode running(std::string_view what, std::shared_ptr<Node> node) {
  return {what, node, [node = node.get()](Closure done) { node->drain(std::move(done)); },
          [node = node.get()] { return log_fields(node->metrics()); }};
}

}  // namespace

Boot boot_center(const BootOptions& boot) {
  center::CenterOptions options;
  options.listen = kCenterAddress;
  options.data = "/data";
  options.snapshot_log_bytes = boot.snapshot_log_bytes;
  options.sync_mode = boot.sync_mode;
  options.disk_free_min = kDiskFloor;
  return [options](NodeContext context, OnFailed on_failed) -> Result<RunningNode> {
    BATON_ASSIGN_OR_RETURN(auto opened,
                           center::CenterNode::open(context, options, std::move(on_failed)));
    return running<center::CenterNode>("center ", std::move(opened));
  };
}

Boot boot_manager(const std::string& host, const BootOptions& boot) {
  manager::ManagerOptions options;
  options.listen = manager_address(host);
  options.centers = {kCenterAddress};
  options.data = "/data";
  options.sync_mode = boot.sync_mode;
  options.stretch_bytes = boot.stretch_bytes;
  options.disk_free_min = kDiskFloor;
  return [options](NodeContext context, OnFailed on_failed) -> Result<RunningNode> {
    BATON_ASSIGN_OR_RETURN(auto opened,
                           manager::ManagerNode::open(context, options, std::move(on_failed)));
    return running<manager::ManagerNode>("manager ", std::move(opened));
  };
}

Address manager_address(const std::string& host) { return {host, kManagerPort}; }

}  // namespace baton::sim
