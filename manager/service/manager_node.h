// ManagerNode: one manager, from its data directory to its port and its channel to the center.
//
// The daemon, `baton dev` and the simulator all run this class. Destroying it stops at once, as
// kill -9 would, but for files being closed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/limits.h"
#include "common/base/status.h"
#include "common/net/node_context.h"
#include "common/storage/commit_pacer.h"
#include "manager/service/manager_metrics.h"

namespace baton::manager {

struct ManagerOptions {
  Address listen{"127.0.0.1", kManagerPortDefault};
  std::vector<Address> centers;
  std::string data;  // directory, created when missing
  std::string name;  // empty: the one of the data directory, or at first start the listen address
  std::size_t connections_max = 10'000;
  std::size_t payload_bytes_max = kPayloadBytesDefaultMax;
  std::uint64_t disk_free_min = std::uint64_t{1} << 30;  // bytes; below, produces get retry_later
  // The simulator forces the other modes, and makes stretches so small that short runs fill them.
  SyncMode sync_mode = SyncMode::kAdaptive;
  std::size_t stretch_bytes = std::size_t{4} << 20;
  std::size_t producers_max = 65'536;  // active at once; others get retry_later
};

class ManagerNode {
 public:
  // Opens the data directory, verifies the log's tail, listens. Every error is one clear sentence.
  // The center need not be there: it is looked for until it is found.
  static Result<std::unique_ptr<ManagerNode>> open(NodeContext context, ManagerOptions options,
                                                   std::function<void(const Status&)> on_failed);
  virtual ~ManagerNode() = default;

  [[nodiscard]] virtual Address address() const = 0;
  [[nodiscard]] virtual const ManagerMetrics& metrics() const = 0;
  // SIGTERM: stop accepting, end waits, tell clients to go elsewhere, flush, close. `done` comes
  // within 10 s. Open claims stay valid.
  virtual void drain(std::function<void()> done) = 0;
};

}  // namespace baton::manager
