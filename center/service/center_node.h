// CenterNode: one center, from its data directory to its port.
//
// Wires log, ledger, archive and channel server together; the daemon, `baton dev` and the simulator
// all run this class. Destroying it stops at once, as kill -9 would, but for files being closed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "center/service/center_metrics.h"
#include "common/base/limits.h"
#include "common/base/status.h"
#include "common/net/node_context.h"
#include "common/storage/commit_pacer.h"

namespace baton::center {

struct CenterOptions {
  Address listen{"127.0.0.1", kCenterPortDefault};
  std::string data;  // directory, created when missing
  std::size_t connections_max = 1024;
  // Bytes; below, only what frees room is accepted.
  std::uint64_t disk_free_min = std::uint64_t{1} << 30;
  std::uint64_t archive_bytes_max = std::uint64_t{4} << 30;
  // Log bytes after which a snapshot is written.
  std::uint64_t snapshot_log_bytes = std::uint64_t{64} << 20;
  SyncMode sync_mode = SyncMode::kAdaptive;  // the simulator forces the others
  Duration manager_dead_after = kPeerDeadAfter;
};

class CenterNode {
 public:
  // Opens the data directory, replays the log, listens. Every error is one clear sentence.
  static Result<std::unique_ptr<CenterNode>> open(NodeContext context, CenterOptions options,
                                                  std::function<void(const Status&)> on_failed);
  virtual ~CenterNode() = default;

  [[nodiscard]] virtual Address address() const = 0;
  [[nodiscard]] virtual CenterMetrics metrics() const = 0;
  // SIGTERM: stop accepting, commit what is in flight, answer it, close. `done` comes within 10 s.
  virtual void drain(std::function<void()> done) = 0;
};

}  // namespace baton::center
