// ManagerDaemon: what a ManagerNode is made of, and who is told what.
//
//   Server ──► ProduceService ──► ShardLogs        ──durable──► CreatedLane ──┐
//          ──► SessionService ──► SessionRelay     ─────────────────────────► CenterLink ──► center
//          ──► QueryService, ActService ──────────────────────────────────────┘  │
//          ──► PeerService    ──► ShardLogs                   Registrar ─────────┘
//   Courier: grants ──► ShardLogs or PeerLinks ──► Server
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/net/server.h"
#include "manager/core/result_watch.h"
#include "manager/core/session_relay.h"
#include "manager/service/act_service.h"
#include "manager/service/center_link.h"
#include "manager/service/courier.h"
#include "manager/service/created_lane.h"
#include "manager/service/damage_reports.h"
#include "manager/service/garbage_collector.h"
#include "manager/service/live_audit.h"
#include "manager/service/manager_metrics.h"
#include "manager/service/manager_node.h"
#include "manager/service/members.h"
#include "manager/service/peer_links.h"
#include "manager/service/peer_service.h"
#include "manager/service/produce_service.h"
#include "manager/service/query_service.h"
#include "manager/service/queue_rules.h"
#include "manager/service/record_source.h"
#include "manager/service/registrar.h"
#include "manager/service/sealed_shards.h"
#include "manager/service/service_context.h"
#include "manager/service/session_service.h"
#include "manager/service/shard_logs.h"
#include "manager/service/task_copies.h"

namespace baton::manager {

class ManagerDaemon final : public ManagerNode, private ServerHandler {
 public:
  ManagerDaemon(NodeContext context, ManagerOptions options,
                std::function<void(const Status&)> on_failed);
  ~ManagerDaemon() override;

  // Once. Every error is one clear sentence.
  Status start();

  [[nodiscard]] Address address() const override { return server_->address(); }
  void drain(std::function<void()> done) override;

  [[nodiscard]] const ManagerMetrics& metrics() const override { return metrics_; }

 private:
  // ServerHandler
  Result<v1::HelloOk> on_hello(Peer& peer, const v1::Hello& hello) override;
  Status on_frame(Peer& peer, const Frame& frame) override;
  void on_closed(Peer& peer, const Status& reason) override;
  void on_drained(Peer& peer) override;
  Status on_client_frame(Peer& peer, const Frame& frame);
  Status on_manager_frame(Peer& peer, const Frame& frame);
  Status on_producer_resolved(Peer& peer, const Frame& frame);

  Status open_server();
  Status fix_name();
  void build_parts();
  void fail(const Status& status);

  // The center.
  void on_center_open();
  void on_center_closed();
  Status on_shard_opened(LogStore& log);
  void on_registered(Incarnation incarnation, Offset created_hi);
  void register_again();
  void send_reports();
  void refresh_members();

  void tick();
  void beat();
  void drain_step();

  NodeContext node_;
  const ManagerOptions options_;
  std::function<void(const Status&)> on_failed_;

  Random random_;
  ManagerMetrics metrics_;
  std::shared_ptr<const void> alive_ = std::make_shared<int>(0);
  ServiceContext context_;

  std::unique_ptr<ShardLogs> logs_;
  SessionRelay relay_;
  ResultWatch results_;
  std::optional<Members> members_;
  std::unique_ptr<CenterLink> link_;
  std::unique_ptr<Registrar> registrar_;
  std::unique_ptr<CreatedLane> lane_;
  std::unique_ptr<SealedShards> sealed_;
  std::unique_ptr<DamageReports> damage_;
  std::unique_ptr<QueueRules> rules_;
  std::unique_ptr<PeerLinks> peer_links_;
  std::unique_ptr<RecordSource> records_;
  std::unique_ptr<TaskCopies> copies_;
  std::unique_ptr<ProduceService> produce_;
  std::unique_ptr<PeerService> peers_;
  std::unique_ptr<SessionService> sessions_;
  std::unique_ptr<Courier> courier_;
  std::unique_ptr<QueryService> queries_;
  std::unique_ptr<ActService> acts_;
  std::unique_ptr<GarbageCollector> collector_;
  std::unique_ptr<LiveAudit> audit_;
  std::unique_ptr<Server> server_;  // the last: it calls the others

  std::uint64_t ticks_ = 0;
  bool asking_members_ = false;
  std::function<void()> drained_;
  MonoTime drain_deadline_{};
};

}  // namespace baton::manager
