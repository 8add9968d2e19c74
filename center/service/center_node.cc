#include "center/service/center_node.h"

#include <utility>

#include "center/service/channel_service.h"
#include "center/service/ledger_host.h"
#include "common/base/random.h"
#include "common/log/local_log.h"
#include "common/storage/data_dir.h"
#include "common/storage/durable_env.h"
#include "version.h"

namespace baton::center {
namespace {

constexpr Millis kDiskCheckInterval = std::chrono::seconds(1);  // the archive is written out, too

// Only managers connect here. Their frames carry no payloads but many commands, and what the center
// owes them may be a burst of grants: a manager that reads nothing is cut off only well beyond such
// a burst.
constexpr std::size_t kFrameBytesMax = std::size_t{4} << 20;
constexpr std::size_t kQueueBytesSoft = std::size_t{16} << 20;
constexpr std::size_t kQueueBytesHard = std::size_t{64} << 20;

class Node final : public CenterNode {
 public:
  Node(NodeContext context, CenterOptions options, std::function<void(const Status&)> on_failed)
      : context_(context),
        options_(std::move(options)),
        on_failed_(std::move(on_failed)),
        random_(context.seed),
        env_(context.env) {}
  ~Node() override { context_.loop.cancel(disk_timer_); }

  Status open();

  [[nodiscard]] Address address() const override { return channels_->address(); }
  [[nodiscard]] CenterMetrics metrics() const override;
  void drain(std::function<void()> done) override { channels_->drain(std::move(done)); }

 private:
  Status open_directory();
  Status open_ledger();
  Status listen();
  void start();
  [[nodiscard]] Status check_cluster() const;
  void check_disk();
  void set_disk_free(std::uint64_t bytes);
  void fail(const Status& status);

  NodeContext context_;
  const CenterOptions options_;
  const std::function<void(const Status&)> on_failed_;
  Random random_;
  DurableEnv env_;
  std::unique_ptr<DataDir> directory_;
  std::unique_ptr<KvStore> store_;
  std::unique_ptr<LedgerHost> host_;
  std::unique_ptr<ChannelService> channels_;
  bool failed_ = false;
  bool disk_low_ = false;
  Loop::TimerId disk_timer_ = 0;
  JobGate gate_;  // last: closes before anything above goes
};

Status Node::open() {
  BATON_RETURN_IF_ERROR(open_directory());
  BATON_RETURN_IF_ERROR(open_ledger());
  BATON_RETURN_IF_ERROR(listen());
  start();
  return Status();
}

// A cluster begins with the first start of its center: the directory says which one it is from then
// on.
Status Node::open_directory() {
  BATON_ASSIGN_OR_RETURN(directory_,
                         DataDir::open(env_, options_.data, StoreKind::kCenter, random_));
  if (!directory_->identity().cluster) {
    Identity identity = directory_->identity();
    identity.cluster = ClusterId(random_.uuid());
    BATON_RETURN_IF_ERROR(directory_->save(identity));
    context_.logger.info("new cluster", {kv("cluster", identity.cluster)});
  }
  BATON_ASSIGN_OR_RETURN(store_, directory_->open_store());
  return Status();
}

Status Node::open_ledger() {
  LocalLog::Options log_options;
  log_options.snapshot_directory = directory_->path() + "/snapshots";
  log_options.replaced_directory = directory_->path() + "/archive";
  log_options.sync_mode = options_.sync_mode;
  BATON_ASSIGN_OR_RETURN(std::unique_ptr<LocalLog> log,
                         LocalLog::open(context_.loop, context_.worker, env_, *store_, random_,
                                        std::move(log_options)));
  LedgerHost::Options options;
  options.archive.directory = directory_->path() + "/archive";
  options.archive.bytes_max = options_.archive_bytes_max;
  options.snapshot_log_bytes = options_.snapshot_log_bytes;
  options.cluster = directory_->identity().cluster;
  BATON_ASSIGN_OR_RETURN(
      host_, LedgerHost::open(context_.loop, context_.worker, env_, context_.logger, std::move(log),
                              std::move(options)));
  return check_cluster();
}

Status Node::listen() {
  ChannelService::Options options;
  options.server.listen = options_.listen;
  options.server.software = std::string("baton ") + kVersion;
  options.server.connections_max = options_.connections_max;
  options.server.frame_bytes_max = kFrameBytesMax;
  options.server.queue_bytes_soft = kQueueBytesSoft;
  options.server.queue_bytes_hard = kQueueBytesHard;
  options.cluster = directory_->identity().cluster;
  options.manager_dead_after = options_.manager_dead_after;
  BATON_ASSIGN_OR_RETURN(channels_, ChannelService::open(context_, *host_, std::move(options)));
  return Status();
}

void Node::start() {
  set_disk_free(store_->disk_free_bytes());
  check_disk();
  host_->start({
      .on_serving =
          [this] {
            if (const Status cluster = check_cluster(); !cluster.ok()) return fail(cluster);
            channels_->start();
          },
      .on_stopped =
          [this] { channels_->stop(Status(ErrorCode::kNotLeader, "this center no longer leads")); },
      .on_applied = [this](const Effects& effects) { channels_->on_applied(effects); },
      .on_failed = [this](const Status& status) { fail(status); },
  });
}

Status Node::check_cluster() const {
  const ClusterId ledger = host_->ledger().cluster();
  if (!ledger || ledger == directory_->identity().cluster) return Status();
  return Status(ErrorCode::kConflict, "data directory " + directory_->path() + " is of cluster " +
                                          to_string(directory_->identity().cluster) +
                                          ", the ledger in it of cluster " + to_string(ledger));
}

// On the worker: the file system may take its time to answer.
void Node::check_disk() {
  disk_timer_ = context_.loop.call_after(kDiskCheckInterval, gate_.on_loop([this] {
    host_->write_out_archive();
    const auto free = std::make_shared<std::uint64_t>();
    context_.worker.run(gate_.job([this, free] { *free = store_->disk_free_bytes(); }),
                        gate_.on_loop([this, free] {
                          set_disk_free(*free);
                          check_disk();
                        }));
  }));
}

void Node::set_disk_free(std::uint64_t bytes) {
  const bool low = bytes < options_.disk_free_min;
  if (low != disk_low_) {
    context_.logger.warn(low ? "disk almost full, new tasks are postponed" : "disk has room again",
                         {kv("free_bytes", bytes), kv("floor_bytes", options_.disk_free_min)});
  }
  disk_low_ = low;
  channels_->set_disk_low(low);
}

void Node::fail(const Status& status) {
  if (std::exchange(failed_, true)) return;
  channels_->stop(Status(ErrorCode::kUnavailable, "this center has failed"));
  // Posted, so that the owner may destroy the node in it.
  context_.loop.post(gate_.on_loop([this, status] {
    if (on_failed_) on_failed_(status);
  }));
}

CenterMetrics Node::metrics() const {
  CenterMetrics metrics = channels_->metrics();
  metrics.entries = host_->entries();
  metrics.snapshots = host_->snapshots();
  metrics.audit_violations = host_->auditor().violations();
  return metrics;
}

}  // namespace

Result<std::unique_ptr<CenterNode>> CenterNode::open(NodeContext context, CenterOptions options,
                                                     std::function<void(const Status&)> on_failed) {
  auto node = std::make_unique<Node>(context, std::move(options), std::move(on_failed));
  BATON_RETURN_IF_ERROR(node->open());
  return std::unique_ptr<CenterNode>(std::move(node));
}

}  // namespace baton::center
