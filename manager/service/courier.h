// Courier: brings the payloads of grants to their clients, from the local log or from the manager
// that has them, and gives back what cannot be delivered (DeliveryTable decides).
//
// When an earlier attempt saved a checkpoint, that is fetched too, from wherever it was saved, and
// follows the payload. One that is lost is told to the log, and the task delivered without it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "proto/broker.pb.h"

#include "common/net/server.h"
#include "manager/core/delivery_table.h"
#include "manager/core/session_relay.h"
#include "manager/service/peer_links.h"
#include "manager/service/record_source.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class Courier {
 public:
  // `relay_changed`: the relay was told something and has commands to send.
  Courier(ServiceContext& context, ShardLogs& logs, PeerLinks& peers, RecordSource& records,
          SessionRelay& relay, std::size_t frame_bytes_max, std::function<void()> relay_changed);

  void set_server(Server& server) { server_ = &server; }

  void add(Deliver delivery) { table_.add(std::move(delivery)); }
  // These claims have ended: what of them is not sent yet will not be.
  void lost(const std::set<Token>& tokens);
  // Starts what can be started; called after a group of add(). A client that is behind with reading
  // gets no more payloads for now: its grants wait for go_on().
  void pump();
  // The client has read what it was behind with, or is gone.
  void go_on(ConnectionId connection);

  [[nodiscard]] bool idle() const {
    return table_.waiting() == 0 && table_.in_flight() == 0 && checkpoints_ == 0 && unread_.empty();
  }

 private:
  struct Parcel {
    Deliver delivery;
    StoredTask task;
    std::string checkpoint;

    // In a frame, beside what every delivery takes.
    [[nodiscard]] std::size_t bytes() const;
  };

  void start(const DeliveryTable::Fetch& fetch);
  void on_tasks(std::uint64_t fetch, bool local, LogStore::Tasks tasks);
  void fetch_checkpoint(Parcel parcel);
  void on_checkpoint(Parcel parcel, Result<ResultContent> found);
  void deliver(ConnectionId connection, std::deque<Parcel> parcels);
  // Sends parcels until the client is behind; what is left waits in unread_.
  void hand_over(ConnectionId connection, std::deque<Parcel>& parcels);
  void send(Peer& peer, const std::vector<Parcel>& parcels);
  // True: its claim was lost, and the client was told that its number died.
  bool drop_if_lost(const Deliver& delivery);
  void give_back(const Deliver& delivery, GiveBackReason reason);

  ServiceContext& context_;
  ShardLogs& logs_;
  PeerLinks& peers_;
  RecordSource& records_;
  SessionRelay& relay_;
  const std::size_t payload_bytes_per_frame_;
  const std::function<void()> relay_changed_;
  Server* server_ = nullptr;
  DeliveryTable table_;
  std::size_t checkpoints_ = 0;  // being fetched, and their parcels:
  std::set<std::shared_ptr<Parcel>> without_checkpoint_;
  std::map<ConnectionId, std::deque<Parcel>> unread_;  // fetched for clients that read slowly
  v1::Tasks tasks_;                                    // reused
  std::vector<std::string_view> pieces_;
};

}  // namespace baton::manager
