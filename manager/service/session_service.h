// SessionService: the frames of consumers, and what goes back to them (R9-R11, R13, R16).
//
// It checks and translates; SessionRelay decides, Courier delivers. A result or checkpoint is a
// durable record in the local shard before the ack or save that names it is forwarded.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/broker.pb.h"
#include "proto/center.pb.h"

#include "common/net/server.h"
#include "manager/core/result_watch.h"
#include "manager/core/session_relay.h"
#include "manager/service/center_link.h"
#include "manager/service/courier.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class SessionService {
 public:
  SessionService(ServiceContext& context, ShardLogs& logs, CenterLink& link, SessionRelay& relay,
                 ResultWatch& results, std::function<bool()> may_append);

  void set_courier(Courier& courier) { courier_ = &courier; }
  void set_server(Server& server) { server_ = &server; }

  // Frames of a client. Not ok: not understood (see ServerHandler::on_frame).
  Status on_attach(Peer& peer, const Frame& frame);
  Status on_demand(Peer& peer, const Frame& frame);
  Status on_end_wait(Peer& peer, const Frame& frame);
  Status on_operations(Peer& peer, const Frame& frame);
  Status on_heartbeat(Peer& peer, const Frame& frame);
  void on_closed(PeerId peer);

  // Of the channel, once registered.
  void channel_up();
  void channel_down();
  void on_grants(const v1::ChannelGrants& grants);

  // Something was told to the relay: its effects and commands leave at the end of this turn.
  void changed();

  void drain();
  [[nodiscard]] bool idle() const {
    return relay_.unanswered() == 0 && !relay_.has_effects() && writing_ == 0;
  }

 private:
  struct Request {
    PeerId peer = 0;
    std::uint64_t request = 0;
    SessionId session{};
    OpSeq answered_through{};
    std::vector<SessionOperation> operations{};
    std::vector<OperationResult> decided{};  // refused here
  };

  // A request whose records are not durable yet, or one behind it: those of a connection are passed on
  // in the order in which they came, or what follows a checkpoint would overtake it.
  struct Turn {
    Request request;
    bool durable = false;
  };

  void take_turn(Request request, Lsn last_lsn);
  void forward_durable(PeerId peer);
  void check_operation(const v1::Operation& wire, std::string_view payload, Request& request,
                       Lsn& last_lsn);
  // A sentence when the operation is wrong; empty when it may go on.
  [[nodiscard]] static OperationResult judge(const v1::Operation& operation);
  bool store_record(std::string_view bytes, const std::string& content_type,
                    SessionOperation& operation, Lsn& last_lsn);
  void forward(Request request);
  void forget_results(const std::vector<SessionOperation>& operations);

  void flush();
  void tell(TellAttached& effect);
  void tell(TellWaitEnded& effect);
  void tell(TellOperationsDone& effect);
  void tell(TellHeartbeatDone& effect);
  void tell(TellError& effect);
  void tell(TellDied& effect);
  void tell(TellLost& effect);
  void tell(TellClose& effect);
  void tell(Deliver& effect);
  void tell(Forgotten& effect);

  void send_commands();
  void on_outcomes(const std::vector<CommandId>& ids, const Status& status,
                   const v1::ChannelOutcomes& outcomes);
  void on_outcome(CommandId id, const v1::Outcome& outcome);
  void resync();

  ServiceContext& context_;
  ShardLogs& logs_;
  CenterLink& link_;
  SessionRelay& relay_;
  ResultWatch& results_;
  const std::function<bool()> may_append_;
  Courier* courier_ = nullptr;
  Server* server_ = nullptr;
  bool flush_planned_ = false;
  std::size_t writing_ = 0;  // requests that wait for their turn
  std::map<PeerId, std::deque<std::shared_ptr<Turn>>> turns_;
  std::uint64_t channel_ = 0;  // raised by every channel_up and channel_down
  // Outcomes decided here, to be merged with the ledger's.
  std::map<std::pair<PeerId, std::uint64_t>, std::vector<OperationResult>> decided_;

  v1::Operations operations_;  // reused
  v1::OperationsDone operations_done_;
  v1::ChannelCommands commands_;
};

}  // namespace baton::manager
