// How the daemons of a simulated cluster are started on their machines, and where they listen.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/logger.h"
#include "common/base/status.h"
#include "common/net/node_context.h"
#include "common/net/transport.h"
#include "common/storage/commit_pacer.h"

namespace baton::sim {

// A running node, whatever its class.
struct RunningNode {
  std::string_view what;  // before the names of its metrics
  std::shared_ptr<void> node;
  std::function<void(std::function<void()> done)> drain;
  // What it has counted in this life, for the world to sum up.
  std::function<std::vector<LogField>()> metrics;
};
using OnFailed = std::function<void(const Status&)>;
// One life, from what is in the machine's "/data".
using Boot = std::function<Result<RunningNode>(NodeContext context, OnFailed on_failed)>;

struct BootOptions {
  SyncMode sync_mode = SyncMode::kAdaptive;
  std::size_t stretch_bytes = 0;         // of managers
  std::uint64_t snapshot_log_bytes = 0;  // of the center
};
// The center is the machine "center", a manager is any other.
Boot boot_center(const BootOptions& options);
Boot boot_manager(const std::string& host, const BootOptions& options);
Address manager_address(const std::string& host);

}  // namespace baton::sim
