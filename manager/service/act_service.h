// ActService: ACT of clients, what an operator wants done with single tasks.
//
// The ledger decides each task on its own; a task that it has not heard of yet is asked for again
// until the request's time is over (R4), or its shard's manager says that it has none such.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "proto/broker.pb.h"
#include "proto/center.pb.h"

#include "common/net/server.h"
#include "manager/service/center_link.h"
#include "manager/service/peer_links.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class ActService {
 public:
  // `registered`: whether the center takes commands of this manager now.
  ActService(ServiceContext& context, ShardLogs& logs, PeerLinks& peers, CenterLink& link,
             std::function<bool()> registered)
      : context_(context),
        logs_(logs),
        peers_(peers),
        link_(link),
        registered_(std::move(registered)) {}

  void set_server(Server& server) { server_ = &server; }

  // Not ok: not understood (see ServerHandler::on_frame).
  Status on_act(Peer& peer, const Frame& frame);
  // What waits is answered as unavailable, and so is what comes.
  void drain() { draining_ = true; }

 private:
  struct Acting {
    PeerId peer = 0;
    std::uint64_t request = 0;
    v1::Act wire;
    std::vector<v1::ActedItem> items;  // outcomes, in order
    std::vector<int> open;             // indexes of those that have none yet
    bool asked_peers = false;
    std::set<TaskId> missing;  // at the managers of their shards, as these said
    std::set<TaskId> judged;   // of these, when the ledger was asked last
    MonoTime deadline{};
    Duration pause{};
  };
  using ActingPtr = std::shared_ptr<Acting>;

  [[nodiscard]] static Status check(const v1::Act& act);
  void act(const ActingPtr& acting);
  void on_outcome(const ActingPtr& acting, const Status& status,
                  const v1::ChannelOutcomes& outcomes);
  void settle_missing(Acting& acting) const;
  void ask_peers(const ActingPtr& acting);
  void fail_open(Acting& acting, ErrorCode code, const std::string& why);
  void answer(const Acting& acting);

  ServiceContext& context_;
  ShardLogs& logs_;
  PeerLinks& peers_;
  CenterLink& link_;
  const std::function<bool()> registered_;
  Server* server_ = nullptr;
  bool draining_ = false;
};

}  // namespace baton::manager
