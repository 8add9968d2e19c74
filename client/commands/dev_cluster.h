// DevCluster: a center and managers in this process, on loopback: for `baton dev` and for trying
// things out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "center/service/center_node.h"
#include "common/base/limits.h"
#include "common/daemon/stderr_logger.h"
#include "common/net/asio_loop.h"
#include "common/net/asio_transport.h"
#include "manager/service/manager_node.h"

namespace baton::commands {

struct DevOptions {
  std::size_t managers = 3;
  std::string data;  // a folder per node below it
  std::uint16_t center_port = kCenterPortDefault;
  // Of the first; the next ones follow. 0: any free port for each.
  std::uint16_t manager_port = kManagerPortDefault;
  LogLevel log_level = LogLevel::kWarn;
};

class DevCluster {
 public:
  // Opens the center, then the managers. Every error is one sentence that names the node.
  static Result<std::unique_ptr<DevCluster>> open(AsioLoop& loop, const DevOptions& options,
                                                  std::function<void(const Status&)> on_failed);
  ~DevCluster();

  [[nodiscard]] Address center() const { return center_->center->address(); }
  [[nodiscard]] std::vector<Address> managers() const;
  // Managers first, so that they can tell the center what they still have to.
  void drain(std::function<void()> done);

 private:
  // What a node needs beside the loop, and the node. A part of its own for each, as in a process of
  // its own.
  struct Part {
    Part(AsioLoop& loop, const std::string& name, LogLevel level);
    StderrLogger logger;
    AsioWorker worker;
    AsioTransport transport;
    std::unique_ptr<center::CenterNode> center;
    std::unique_ptr<manager::ManagerNode> manager;
  };

  explicit DevCluster(AsioLoop& loop) : loop_(loop) {}
  Status open_center(const DevOptions& options,
                     const std::function<void(const Status&)>& on_failed);
  Status open_manager(const DevOptions& options, std::size_t number,
                      const std::function<void(const Status&)>& on_failed);
  NodeContext context_of(Part& part);
  void drain_manager(std::size_t at, std::function<void()> done);

  AsioLoop& loop_;
  std::unique_ptr<Part> center_;
  std::vector<std::unique_ptr<Part>> managers_;
};

}  // namespace baton::commands
