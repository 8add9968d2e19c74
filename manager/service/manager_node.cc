#include "manager/service/manager_node.h"

#include <utility>

#include "manager/service/manager_daemon.h"

namespace baton::manager {

Result<std::unique_ptr<ManagerNode>> ManagerNode::open(
    NodeContext context, ManagerOptions options, std::function<void(const Status&)> on_failed) {
  auto daemon = std::make_unique<ManagerDaemon>(context, std::move(options), std::move(on_failed));
  BATON_RETURN_IF_ERROR(daemon->start());
  return std::unique_ptr<ManagerNode>(std::move(daemon));
}

}  // namespace baton::manager
