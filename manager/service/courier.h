// Courier: brings the payloads of grants to their clients, from the local log or from the manager
// that has them, and gives back what cannot be delivered (DeliveryTable decides).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "proto/broker.pb.h"

#include "common/net/server.h"
#include "manager/core/delivery_table.h"
#include "manager/core/session_relay.h"
#include "manager/service/peer_links.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class Courier {
 public:
  // `relay_changed`: the relay was told something and has commands to send.
  Courier(ServiceContext& context, ShardLogs& logs, PeerLinks& peers, SessionRelay& relay,
          std::size_t frame_bytes_max, std::function<void()> relay_changed);

  void set_server(Server& server) { server_ = &server; }

  void add(Deliver delivery) { table_.add(std::move(delivery)); }
  // Starts what can be started; called after a group of add(). A client that is behind with reading
  // gets no more payloads for now: its grants wait for go_on().
  void pump();
  // The client has read what it was behind with, or is gone.
  void go_on(ConnectionId connection);

  [[nodiscard]] bool idle() const {
    return table_.waiting() == 0 && table_.in_flight() == 0 && unread_.empty();
  }

 private:
  struct Parcel {
    Deliver delivery;
    std::string payload;
  };

  void start(const DeliveryTable::Fetch& fetch);
  void on_payloads(std::uint64_t fetch, bool local, std::vector<Result<std::string>> payloads);
  void deliver(ConnectionId connection, std::deque<Parcel> parcels);
  // Sends parcels until the client is behind; what is left waits in unread_.
  void hand_over(ConnectionId connection, std::deque<Parcel>& parcels);
  void send(Peer& peer, const std::vector<Parcel>& parcels);
  void give_back(const Deliver& delivery, GiveBackReason reason);

  ServiceContext& context_;
  ShardLogs& logs_;
  PeerLinks& peers_;
  SessionRelay& relay_;
  const std::size_t payload_bytes_per_frame_;
  const std::function<void()> relay_changed_;
  Server* server_ = nullptr;
  DeliveryTable table_;
  std::map<ConnectionId, std::deque<Parcel>> unread_;  // fetched for clients that read slowly
  v1::Tasks tasks_;                                    // reused
  std::vector<std::string_view> pieces_;
};

}  // namespace baton::manager
