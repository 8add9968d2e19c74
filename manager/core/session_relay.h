// SessionRelay: between the sessions whose clients are connected here and the ledger (R9-R11, R13).
//
// It decides nothing about claims: it forwards what clients ask, hands out what is granted, and
// makes up for what the channel to the center loses. Every forwarded command is kept until it is
// answered and sent again, in the old order, when the channel is back; then each session's grants
// are compared with the ledger, and numbers without a claim are announced as died (R10).
//
// While the center is away heartbeats, attaches and new lines fail at once (R13); operations wait.
//
// Bounds: one session per connection, kSessionLinesMax lines and kSessionOutcomesMax unanswered
// operations per session; the number of connections is the server's.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "manager/core/relay_values.h"

namespace baton::manager {

class SessionRelay {
 public:
  // ---- clients; values are validated by the service before ----
  void attach(ConnectionId connection, std::uint64_t request, AttachCommand attach);
  // The session of an attached (or attaching) connection; the other calls fill it in themselves.
  [[nodiscard]] SessionId session_of(ConnectionId connection) const;
  // `demand.session` and `conn_epoch` are ignored, as in the calls below.
  void demand(ConnectionId connection, std::uint64_t request, DemandCommand demand);
  void end_wait(ConnectionId connection, std::uint64_t request, LineId line);
  void operations(ConnectionId connection, std::uint64_t request, OpSeq answered_through,
                  std::vector<SessionOperation> operations);
  void heartbeat(ConnectionId connection, std::uint64_t request, std::vector<Token> tokens);
  void closed(ConnectionId connection);
  // The daemon stops: no new sessions and lines; the open lines end, claims and operations go on.
  void drain();

  // ---- the channel ----
  // Registered with the center: what is unanswered is unsent again. Ask for resync_items() and
  // answer with resynced(); until then grants wait.
  void channel_up();
  void channel_down();
  [[nodiscard]] bool is_up() const { return up_; }
  // Sessions whose grants are not compared yet.
  [[nodiscard]] std::vector<ResyncItem> resync_items() const;
  void resynced(std::vector<ResyncResult> results);
  void granted(std::span<const SessionGrant> grants);
  // Told to the connections that still have these sessions, with the same conn_epoch.
  void lost(std::span<const LostClaim> claims);

  // Commands to send now, in this order; none while the channel is down. command() is valid until
  // the command is answered or the relay is called again.
  std::vector<CommandId> take_unsent();
  [[nodiscard]] const RelayCommand& command(CommandId id) const;

  // Answers, by the kind of command. Unknown ids (answered already) are ignored.
  void attach_answered(CommandId id, const Status& status, ConnEpoch conn_epoch,
                       std::vector<Token> kept);
  void operations_answered(CommandId id, std::vector<OperationResult> outcomes);
  void heartbeat_answered(CommandId id, const Status& status, std::vector<Token> lost);
  void answered(CommandId id, const Status& status);  // all others

  // ---- delivery ----
  void delivered(const SessionGrant& grant);
  // Its claim was lost before it was delivered: the client learns that the number died.
  void lost_undelivered(const SessionGrant& grant);
  // Gives the grant back; the client, if it is still there, learns that the number died.
  void undeliverable(const SessionGrant& grant, GiveBackReason reason);

  // What to tell clients, in order.
  std::vector<RelayEffect> take_effects();
  [[nodiscard]] bool has_effects() const { return !effects_.empty(); }

  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  [[nodiscard]] std::size_t unanswered() const { return unanswered_; }

 private:
  struct Line {
    DemandCommand demand;
    std::uint64_t request = 0;
    bool dirty = true;     // its newest total was not forwarded on this channel
    bool known = false;    // was forwarded at all: the ledger may have the line
    bool refused = false;  // its newest total: the client states it again, or more
    std::size_t undelivered = 0;
  };
  // A line that the client ended and whose last grants are still being delivered.
  struct EndingLine {
    std::uint64_t request = 0;
    std::size_t undelivered = 0;
    bool forwarded = false;  // its end, on this channel
    bool answered = false;
  };
  struct Session {
    ConnectionId connection = 0;
    ConnEpoch conn_epoch;
    bool attached = false;
    bool resyncing = false;
    std::map<LineId, Line> lines;
    std::map<LineId, EndingLine> ending;
    LineId highest_line;
    std::uint64_t credit_total = 0;  // stated, and raised by the ledger since: never more than
                                     // what the client allows
    OpSeq raised_through;            // operations up to here have raised it, if they were to
    GrantNumber last_number;
    bool lines_dirty = false;             // listed in dirty_
    std::vector<SessionGrant> held_back;  // arrived while resyncing
    std::size_t operations_open = 0;
  };
  struct Pending {
    RelayCommand command;
    ConnectionId connection = 0;  // 0: nobody waits for the answer
    std::uint64_t request = 0;
    bool open = true;
  };

  Session* find(ConnectionId connection);
  Session* find(SessionId session, ConnEpoch conn_epoch);
  CommandId enqueue(RelayCommand command, ConnectionId connection, std::uint64_t request);
  Pending* find_pending(CommandId id);
  void finish(CommandId id);
  void forget_requests(ConnectionId connection);
  void demand_refused(const DemandCommand& demand, ConnectionId connection, std::uint64_t request,
                      const Status& status);
  static bool note_anticipated(Session& session, const std::vector<SessionOperation>& operations,
                               const std::vector<OperationResult>& outcomes);
  void mark_lines(SessionId id, Session& session);
  void flush_lines();
  void receive(Session& session, const SessionGrant& grant);
  void resync_session(Session& session, ResyncResult& result);
  void announce_died(const Session& session, std::vector<GrantNumber> numbers);
  void settle_line(Session& session, LineId line);
  void delivery_over(Session& session, LineId line);
  void end_session(SessionId session);
  [[nodiscard]] CommandId end_id() const { return first_id_ + pending_.size(); }
  template <class T>
  void tell(T effect) {
    effects_.emplace_back(std::move(effect));
  }

  bool up_ = false;
  bool draining_ = false;
  std::map<SessionId, Session> sessions_;
  std::unordered_map<ConnectionId, SessionId> connections_;  // looked up only, never iterated

  std::deque<Pending> pending_;  // ids first_id_ ...
  CommandId first_id_ = 1;
  CommandId unsent_from_ = 1;   // commands below were sent on this channel
  CommandId channel_from_ = 1;  // commands below may have been sent on an earlier one
  std::size_t unanswered_ = 0;
  std::vector<SessionId> dirty_;  // sessions with demand or ends of lines that were not forwarded

  std::vector<RelayEffect> effects_;
};

}  // namespace baton::manager
