#include "client/commands/dev_cluster.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <leveldb/env.h>

namespace baton::commands {
namespace {

LogOptions log_options(const std::string& name, LogLevel level) {
  LogOptions options;
  options.component = name;
  options.level = level;
  return options;
}

Status named(const std::string& name, const Status& status) {
  return {status.code(), name + ": " + status.message()};
}

}  // namespace

DevCluster::Part::Part(AsioLoop& loop, const std::string& name, LogLevel level)
    : logger(log_options(name, level)), worker(loop, name), transport(loop, logger) {}

DevCluster::~DevCluster() = default;

NodeContext DevCluster::context_of(Part& part) {
  return {loop_, part.worker, part.transport, *leveldb::Env::Default(), part.logger, system_seed()};
}

Result<std::unique_ptr<DevCluster>> DevCluster::open(AsioLoop& loop, const DevOptions& options,
                                                     std::function<void(const Status&)> on_failed) {
  std::unique_ptr<DevCluster> cluster(new DevCluster(loop));
  std::error_code error;
  std::filesystem::create_directories(options.data, error);
  if (error)
    return Status(ErrorCode::kInvalidArgument,
                  "cannot make " + options.data + ": " + error.message());
  BATON_RETURN_IF_ERROR(cluster->open_center(options, on_failed));
  for (std::size_t number = 1; number <= options.managers; ++number) {
    BATON_RETURN_IF_ERROR(cluster->open_manager(options, number, on_failed));
  }
  return cluster;
}

Status DevCluster::open_center(const DevOptions& options,
                               const std::function<void(const Status&)>& on_failed) {
  center_ = std::make_unique<Part>(loop_, "center", options.log_level);
  center::CenterOptions center;
  center.listen.port = options.center_port;
  center.data = options.data + "/center";
  auto opened = center::CenterNode::open(context_of(*center_), center, on_failed);
  if (!opened.ok()) return named("center", opened.status());
  center_->center = std::move(opened).value();
  return {};
}

Status DevCluster::open_manager(const DevOptions& options, std::size_t number,
                                const std::function<void(const Status&)>& on_failed) {
  const std::string name = "manager-" + std::to_string(number);
  auto part = std::make_unique<Part>(loop_, name, options.log_level);
  manager::ManagerOptions manager;
  manager.listen.port = options.manager_port == 0
                            ? std::uint16_t{0}
                            : static_cast<std::uint16_t>(options.manager_port + number - 1);
  manager.centers = {center()};
  manager.data = options.data + "/" + name;
  // With ports that change from run to run an address would be a poor name.
  if (options.manager_port == 0) manager.name = name;
  auto opened = manager::ManagerNode::open(context_of(*part), manager, on_failed);
  if (!opened.ok()) return named(name, opened.status());
  part->manager = std::move(opened).value();
  managers_.push_back(std::move(part));
  return {};
}

std::vector<Address> DevCluster::managers() const {
  std::vector<Address> addresses;
  for (const auto& part : managers_) addresses.push_back(part->manager->address());
  return addresses;
}

void DevCluster::drain(std::function<void()> done) { drain_manager(0, std::move(done)); }

void DevCluster::drain_manager(std::size_t at, std::function<void()> done) {
  if (at == managers_.size()) {
    center_->center->drain(std::move(done));
    return;
  }
  managers_[at]->manager->drain(
      [this, at, done = std::move(done)] { drain_manager(at + 1, done); });
}

}  // namespace baton::commands
