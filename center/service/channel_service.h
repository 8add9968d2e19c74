// ChannelService: the managers' side of the center. Their frames become entries, what entries bring
// about becomes their answers and grants.
//
// A manager's connection is bound to one incarnation, by its register or by the first frame that
// carries one, and only if the store that said HELLO is that incarnation's. Grants go to the
// connection that is bound to the session's manager. A connection may be cut at any time without
// harm: the manager repeats what was not answered and asks again for grants it did not get (R10).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "proto/center.pb.h"

#include "center/service/center_metrics.h"
#include "center/service/command_queue.h"
#include "center/service/entry_proposer.h"
#include "center/service/ledger_host.h"
#include "center/service/manager_liveness.h"
#include "center/service/query_service.h"
#include "center/service/tick_proposer.h"
#include "common/net/node_context.h"
#include "common/net/server.h"
#include "common/storage/job_gate.h"

namespace baton::center {

class ChannelService final : public ServerHandler {
 public:
  struct Options {
    ServerOptions server;
    ClusterId cluster;  // of the data directory
    Duration manager_dead_after = kPeerDeadAfter;
  };

  // Unanswered commands of one connection; one that sends more does not wait for answers as R3
  // asks.
  static constexpr std::size_t kUnansweredBytesMax = std::size_t{64} << 20;

  // Frames of one connection that wait for the ledger to be replayed.
  static constexpr std::size_t kHeldBytesMax = std::size_t{4} << 20;

  // Listens at once; what managers ask is held until start(). What is referred to outlives the
  // service.
  static Result<std::unique_ptr<ChannelService>> open(NodeContext& context, LedgerHost& host,
                                                      Options options);
  ~ChannelService() override;

  // The ledger's events; start() and stop() as leadership begins and ends.
  void start();
  void stop(const Status& reason);
  void on_applied(const Effects& effects);

  // Below the disk floor reports of new tasks are postponed and everything else goes on, so that an
  // ack is never refused for lack of room (docs/guarantees.md, I20).
  void set_disk_low(bool low) { disk_low_ = low; }

  // Accepts nothing new, lets what is in flight be answered, closes. `done` comes within 10 s.
  void drain(std::function<void()> done);

  [[nodiscard]] Address address() const { return server_->address(); }
  [[nodiscard]] const CenterMetrics& metrics() const { return metrics_; }

  Result<v1::HelloOk> on_hello(Peer& peer, const v1::Hello& hello) override;
  void on_open(Peer& peer) override;
  Status on_frame(Peer& peer, const Frame& frame) override;
  void on_closed(Peer& peer, const Status& reason) override;

 private:
  struct ManagerChannel;

  ChannelService(NodeContext& context, LedgerHost& host, Options options);

  enum class Phase : std::uint8_t { kStarting, kServing, kStopped };

  // ---- frames ----
  Status handle(Peer& peer, const Frame& frame);
  void hold(Peer& peer, const Frame& frame);
  void release_held();
  Status on_commands(Peer& peer, const Frame& frame);
  Status on_query(Peer& peer, const Frame& frame);
  Status on_beat(Peer& peer, const Frame& frame);
  Status check_incarnation(Peer& peer, Incarnation incarnation);
  [[nodiscard]] Status admit(const ManagerChannel& channel, Incarnation incarnation,
                             const v1::Command& command);
  void bind(Peer& peer, Incarnation incarnation);
  void answer_frame(CommandFrame& frame);
  void refuse_frame(Peer& peer, std::uint64_t request_id, const Status& status);

  // ---- entries ----
  void entry_applied(const MergedEntry& merged, Lsn index, const Effects& effects);
  void answer_share(const MergedEntry::Share& share, Lsn index, const BatchEffects& effects);
  void send_pushes(Lsn index, const Effects& effects);
  void push(Incarnation manager, Lsn index, v1::ChannelGrants& frame);
  [[nodiscard]] std::vector<Command> before_register(const v1::Register& request) const;
  [[nodiscard]] std::optional<ShardOffline> end_of_old_life(const v1::Register& request) const;
  void end_life(const ShardOffline& offline, std::vector<Command>& commands) const;
  [[nodiscard]] Tick calendar_tick() const;

  // ---- time ----
  void check_liveness();
  void propose_tick(Tick tick, std::function<void()> done);
  void propose_continue_if_wanted();
  void check_drained();

  NodeContext& context_;
  LedgerHost& host_;
  const Options options_;
  const Lsn recovered_;        // where the ledger stood when this center started
  std::set<StoreId> greeted_;  // managers that were let in since
  std::unique_ptr<Server> server_;
  CenterMetrics metrics_;

  Phase phase_ = Phase::kStarting;
  EntryProposer proposer_;
  ManagerLiveness liveness_;
  TickProposer ticks_;
  QueryService queries_;
  Loop::TimerId liveness_timer_ = 0;
  bool continue_in_flight_ = false;
  bool disk_low_ = false;

  std::map<Incarnation, PeerId> bound_;
  std::function<void()> drained_;  // set while draining
  bool closing_ = false;           // draining, and nothing is in flight any more
  MonoTime drain_deadline_{};
  JobGate gate_;  // last: closes before anything above goes
};

}  // namespace baton::center
