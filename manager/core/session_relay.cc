#include "manager/core/session_relay.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"

namespace baton::manager {
namespace {

// Numbers that one step may jump over: each is announced, so a broken center must not name 2^60 of
// them. Clients do not believe more than this either (client/number_set.h).
constexpr std::uint64_t kNumbersAheadMax = 65'536;

bool is_far_ahead(GrantNumber number, GrantNumber last) {
  return number > last && number.value() - last.value() > kNumbersAheadMax;
}

Status center_away() { return Status(ErrorCode::kUnavailable, "the center cannot be reached"); }
Status stopping() { return Status(ErrorCode::kUnavailable, "the manager is stopping"); }
Status not_attached() {
  return Status(ErrorCode::kInvalidArgument, "this connection has not attached a session");
}

}  // namespace

// ---- clients ------------------------------------------------------------------------------------

void SessionRelay::attach(ConnectionId connection, std::uint64_t request, AttachCommand attach) {
  if (connections_.contains(connection)) {
    tell(TellAttached{connection,
                      request,
                      Status(ErrorCode::kInvalidArgument, "this connection has a session already"),
                      ConnEpoch(),
                      {}});
    return;
  }
  const auto existing = sessions_.find(attach.session);
  if (existing != sessions_.end() && existing->second.conn_epoch >= attach.conn_epoch) {
    tell(TellAttached{connection,
                      request,
                      Status(ErrorCode::kConflict, "a later connection has this session"),
                      existing->second.conn_epoch,
                      {}});
    return;
  }
  if (!up_ || draining_) {
    tell(
        TellAttached{connection, request, draining_ ? stopping() : center_away(), ConnEpoch(), {}});
    return;
  }
  if (existing != sessions_.end()) {
    const ConnectionId old = existing->second.connection;
    end_session(attach.session);
    tell(TellClose{old, Status(ErrorCode::kConflict, "a later connection attached this session")});
  }
  Session& session = sessions_[attach.session];
  session.connection = connection;
  session.conn_epoch = attach.conn_epoch;
  connections_[connection] = attach.session;
  enqueue(std::move(attach), connection, request);
}

SessionId SessionRelay::session_of(ConnectionId connection) const {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? SessionId() : found->second;
}

void SessionRelay::demand(ConnectionId connection, std::uint64_t request, DemandCommand demand) {
  Session* session = find(connection);
  if (session == nullptr) return tell(TellError{connection, request, not_attached()});
  const auto found = session->lines.find(demand.line);
  if (found != session->lines.end()) {
    Line& line = found->second;
    // An older total: the maximum counts. One that was refused counts nowhere yet.
    if (demand.total <= line.demand.total && !line.refused) return;
    line.demand.total = std::max(line.demand.total, demand.total);
    line.refused = false;
    line.request = request;
    line.dirty = true;
  } else {
    if (demand.line <= session->highest_line) return;  // ended: it ignores credit
    if (draining_) return tell(TellError{connection, request, stopping()});
    if (!up_) return tell(TellError{connection, request, center_away()});
    if (session->lines.size() >= kSessionLinesMax) {
      return tell(
          TellError{connection, request,
                    Status(ErrorCode::kInvalidArgument,
                           "a session may have " + std::to_string(kSessionLinesMax) + " lines")});
    }
    session->highest_line = demand.line;
    demand.session = session_of(connection);
    demand.conn_epoch = session->conn_epoch;
    session->lines.emplace(demand.line, Line{.demand = demand, .request = request});
  }
  session->credit_total = std::max(session->credit_total, demand.total);
  mark_lines(session_of(connection), *session);
}

void SessionRelay::end_wait(ConnectionId connection, std::uint64_t request, LineId line) {
  Session* session = find(connection);
  if (session == nullptr) return tell(TellError{connection, request, not_attached()});
  const auto found = session->lines.find(line);
  if (found == session->lines.end()) {
    if (session->ending.contains(line)) return;  // answered when it has ended
    // Never opened here, or over: no grant of it will come.
    session->highest_line = std::max(session->highest_line, line);
    return tell(TellWaitEnded{connection, request, line});
  }
  const Line ended = std::move(found->second);
  session->lines.erase(found);
  // Totals are the session's: what this line's demand was to tell goes with another's.
  if (!session->lines.empty()) session->lines.begin()->second.dirty |= ended.dirty;
  mark_lines(session_of(connection), *session);
  // The ledger never heard of it: no grant of it will come.
  if (!ended.known) return tell(TellWaitEnded{connection, request, line});
  session->ending[line] = {.request = request, .undelivered = ended.undelivered};
}

void SessionRelay::operations(ConnectionId connection, std::uint64_t request,
                              OpSeq answered_through, std::vector<SessionOperation> operations) {
  Session* session = find(connection);
  if (session == nullptr) {
    tell(TellError{connection, request, not_attached()});
    return tell(Forgotten{std::move(operations)});
  }
  if (session->operations_open + operations.size() > kSessionOutcomesMax) {
    TellOperationsDone refused{connection, request, {}};
    for (const SessionOperation& operation : operations) {
      refused.outcomes.push_back(
          {operation.seq, ErrorCode::kRetryLater, "too many operations are unanswered", false});
    }
    tell(std::move(refused));
    return tell(Forgotten{std::move(operations)});
  }
  session->operations_open += operations.size();
  // In the client's order: the credit that these operations raise comes on top of what was stated
  // before them. Behind them the ledger would take the larger of the two, and one would be lost.
  if (up_ && session->lines_dirty) flush_lines();
  enqueue(OperationsCommand{session_of(connection), answered_through, std::move(operations)},
          connection, request);
}

void SessionRelay::heartbeat(ConnectionId connection, std::uint64_t request,
                             std::vector<Token> tokens) {
  if (find(connection) == nullptr) return tell(TellError{connection, request, not_attached()});
  if (!up_) return tell(TellHeartbeatDone{connection, request, center_away(), {}});
  enqueue(HeartbeatCommand{session_of(connection), std::move(tokens)}, connection, request);
}

void SessionRelay::drain() {
  draining_ = true;
  for (auto& [id, session] : sessions_) {
    session.lines.clear();
    enqueue(ClosedCommand{id, session.conn_epoch}, 0, 0);
  }
}

void SessionRelay::closed(ConnectionId connection) {
  Session* session = find(connection);
  if (session == nullptr) return;
  const ClosedCommand closed{session_of(connection), session->conn_epoch};
  end_session(closed.session);
  enqueue(closed, 0, 0);
}

// ---- the channel --------------------------------------------------------------------------------

void SessionRelay::channel_up() {
  up_ = true;
  unsent_from_ = first_id_;
  channel_from_ = end_id();
  for (auto& [id, session] : sessions_) {
    session.resyncing = session.attached;
    // Also those that were answered: a manager that was offline has lost its sessions' credit.
    for (auto& [line_id, line] : session.lines) line.dirty = true;
    for (auto& [line_id, ending] : session.ending) ending.forwarded = ending.answered;
    mark_lines(id, session);
  }
}

void SessionRelay::channel_down() {
  up_ = false;
  // Grants of the next channel may come before channel_up(): they wait as well.
  for (auto& [id, session] : sessions_) session.resyncing = session.attached;
  std::vector<SessionId> attaching;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    Pending& pending = pending_[i];
    if (!pending.open) continue;
    if (std::holds_alternative<HeartbeatCommand>(pending.command)) {
      tell(TellHeartbeatDone{pending.connection, pending.request, center_away(), {}});
      pending.open = false;
      --unanswered_;
    } else if (const auto* attach = std::get_if<AttachCommand>(&pending.command)) {
      tell(TellAttached{pending.connection, pending.request, center_away(), ConnEpoch(), {}});
      attaching.push_back(attach->session);
      pending.open = false;
      --unanswered_;
    } else if (std::holds_alternative<DemandCommand>(pending.command) ||
               std::holds_alternative<EndWaitCommand>(pending.command)) {
      pending.open = false;  // channel_up() marks its line again
      --unanswered_;
    }
  }
  for (const SessionId session : attaching) end_session(session);
}

std::vector<ResyncItem> SessionRelay::resync_items() const {
  std::vector<ResyncItem> items;
  for (const auto& [id, session] : sessions_) {
    if (!session.resyncing) continue;
    items.push_back({id, session.conn_epoch, session.credit_total, session.last_number});
  }
  return items;
}

void SessionRelay::resynced(std::vector<ResyncResult> results) {
  for (ResyncResult& result : results) {
    const auto found = sessions_.find(result.session);
    if (found == sessions_.end() || !found->second.resyncing) continue;
    Session& session = found->second;
    if (result.status.ok() && is_far_ahead(result.grants, session.last_number)) {
      result.status = Status(ErrorCode::kInternal, "the center's numbers make no sense");
    }
    if (!result.status.ok() || result.conn_epoch != session.conn_epoch) {
      const ConnectionId connection = session.connection;
      Status status = result.status.ok()
                          ? Status(ErrorCode::kConflict, "a later connection has this session")
                          : result.status;
      end_session(result.session);
      tell(TellClose{connection, std::move(status)});
      continue;
    }
    resync_session(session, result);
  }
}

// What was granted while the channel was down comes from the answer, what was granted after it from
// the stream. A number of the first kind without a claim has died, even if its grant did arrive.
void SessionRelay::resync_session(Session& session, ResyncResult& result) {
  session.resyncing = false;
  std::vector<SessionGrant> held_back = std::move(session.held_back);
  session.held_back.clear();
  std::sort(result.claims.begin(), result.claims.end(),
            [](const SessionGrant& a, const SessionGrant& b) { return a.number < b.number; });
  for (const SessionGrant& claim : result.claims) receive(session, claim);
  if (session.last_number < result.grants) {
    std::vector<GrantNumber> died;
    for (GrantNumber n = session.last_number.next(); n <= result.grants; n = n.next())
      died.push_back(n);
    session.last_number = result.grants;
    announce_died(session, std::move(died));
  }
  for (const SessionGrant& grant : held_back) receive(session, grant);
  std::vector<LineId> ending;
  for (const auto& [line, state] : session.ending) ending.push_back(line);
  for (const LineId line : ending) settle_line(session, line);
}

void SessionRelay::granted(std::span<const SessionGrant> grants) {
  for (const SessionGrant& grant : grants) {
    Session* session = find(grant.session, grant.conn_epoch);
    if (session == nullptr) {
      enqueue(GiveBackCommand{grant.task, grant.token, GiveBackReason::kUndelivered}, 0, 0);
    } else if (session->resyncing) {
      session->held_back.push_back(grant);
    } else {
      receive(*session, grant);
    }
  }
}

void SessionRelay::lost(std::span<const LostClaim> claims) {
  std::map<ConnectionId, std::vector<LostClaim>> by_connection;
  for (const LostClaim& claim : claims) {
    Session* session = find(claim.session, claim.conn_epoch);
    if (session == nullptr) continue;
    by_connection[session->connection].push_back(claim);
    for (SessionGrant& grant : session->held_back) {
      if (grant.token == claim.token) grant.token = Token();  // it died before it could be told
    }
  }
  for (auto& [connection, lost] : by_connection) tell(TellLost{connection, std::move(lost)});
}

// Numbers come in order; those jumped over have died (R10), those not above the last were seen.
void SessionRelay::receive(Session& session, const SessionGrant& grant) {
  if (grant.number <= session.last_number) return;
  if (is_far_ahead(grant.number, session.last_number)) {
    return static_cast<void>(
        enqueue(GiveBackCommand{grant.task, grant.token, GiveBackReason::kUndelivered}, 0, 0));
  }
  std::vector<GrantNumber> died;
  for (GrantNumber n = session.last_number.next(); n < grant.number; n = n.next())
    died.push_back(n);
  if (!grant.token) died.push_back(grant.number);
  announce_died(session, std::move(died));
  session.last_number = grant.number;
  if (!grant.token) return;
  if (const auto line = session.lines.find(grant.line); line != session.lines.end()) {
    ++line->second.undelivered;
  } else if (const auto ending = session.ending.find(grant.line); ending != session.ending.end()) {
    ++ending->second.undelivered;
  }
  tell(Deliver{session.connection, grant});
}

void SessionRelay::announce_died(const Session& session, std::vector<GrantNumber> numbers) {
  if (!numbers.empty()) tell(TellDied{session.connection, session.conn_epoch, std::move(numbers)});
}

// ---- commands -----------------------------------------------------------------------------------

std::vector<CommandId> SessionRelay::take_unsent() {
  if (!up_) return {};
  flush_lines();
  std::vector<CommandId> ids;
  for (CommandId id = std::max(unsent_from_, first_id_); id < end_id(); ++id) {
    if (pending_[id - first_id_].open) ids.push_back(id);
  }
  unsent_from_ = end_id();
  return ids;
}

const RelayCommand& SessionRelay::command(CommandId id) const {
  BATON_CHECK(id >= first_id_ && id < end_id());
  return pending_[id - first_id_].command;
}

void SessionRelay::mark_lines(SessionId id, Session& session) {
  if (!std::exchange(session.lines_dirty, true)) dirty_.push_back(id);
}

// A line's newest total is one command, however often it was renewed meanwhile. Ends go last: the
// ledger takes the end of a line that it does not have, and then ignores the demand of every lower
// one that it does not have either.
void SessionRelay::flush_lines() {
  for (const SessionId id : std::exchange(dirty_, {})) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) continue;
    Session& session = found->second;
    session.lines_dirty = false;
    if (!session.attached) continue;  // attach_answered() marks it again
    for (auto& [line_id, line] : session.lines) {
      if (!std::exchange(line.dirty, false)) continue;
      line.known = true;
      DemandCommand demand = line.demand;
      demand.total = session.credit_total;
      enqueue(std::move(demand), session.connection, line.request);
    }
    for (auto& [line_id, ending] : session.ending) {
      if (std::exchange(ending.forwarded, true)) continue;
      enqueue(EndWaitCommand{id, session.conn_epoch, line_id}, session.connection, ending.request);
    }
  }
}

void SessionRelay::attach_answered(CommandId id, const Status& status, ConnEpoch conn_epoch,
                                   std::vector<Token> kept) {
  Pending* pending = find_pending(id);
  if (pending == nullptr) return;
  const auto& attach = std::get<AttachCommand>(pending->command);
  if (pending->connection != 0) {
    tell(TellAttached{pending->connection, pending->request, status, conn_epoch, std::move(kept)});
    if (Session* session = find(attach.session, attach.conn_epoch); session != nullptr) {
      if (status.ok()) {
        session->attached = true;
        mark_lines(attach.session, *session);
      } else {
        end_session(attach.session);
      }
    }
  }
  finish(id);
}

void SessionRelay::operations_answered(CommandId id, std::vector<OperationResult> outcomes) {
  Pending* pending = find_pending(id);
  if (pending == nullptr) return;
  if (pending->connection != 0) {
    const auto& command = std::get<OperationsCommand>(pending->command);
    if (Session* session = find(pending->connection); session != nullptr) {
      session->operations_open -= command.operations.size();
      const bool raised = note_anticipated(*session, command.operations, outcomes);
      // Maybe executed on an earlier channel, and the raise void since then.
      if (raised && id < channel_from_ && !session->lines.empty()) {
        session->lines.begin()->second.dirty = true;
        mark_lines(command.session, *session);
      }
    }
    tell(TellOperationsDone{pending->connection, pending->request, std::move(outcomes)});
  }
  finish(id);
}

// The ledger has raised the credit itself (R10). It forgets that when it declares this manager
// offline, and the client, which states no total that is known, would not tell it again. True: the
// total has grown.
bool SessionRelay::note_anticipated(Session& session,
                                    const std::vector<SessionOperation>& operations,
                                    const std::vector<OperationResult>& outcomes) {
  const std::uint64_t before = session.credit_total;
  for (std::size_t i = 0; i < outcomes.size() && i < operations.size(); ++i) {
    const SessionOperation& operation = operations[i];
    const bool done = outcomes[i].seq == operation.seq && outcomes[i].code == ErrorCode::kOk;
    // A repeated operation counts once; one that was overtaken not at all: less is safe.
    if (!done || operation.seq <= session.raised_through) continue;
    session.raised_through = operation.seq;
    if (operation.wants_next && operation.ends_claim()) ++session.credit_total;
  }
  return session.credit_total > before;
}

void SessionRelay::heartbeat_answered(CommandId id, const Status& status, std::vector<Token> lost) {
  Pending* pending = find_pending(id);
  if (pending == nullptr) return;
  if (pending->connection != 0) {
    tell(TellHeartbeatDone{pending->connection, pending->request, status, std::move(lost)});
  }
  finish(id);
}

void SessionRelay::answered(CommandId id, const Status& status) {
  Pending* pending = find_pending(id);
  if (pending == nullptr) return;
  if (const auto* end_wait = std::get_if<EndWaitCommand>(&pending->command)) {
    if (Session* session = find(end_wait->session, end_wait->conn_epoch); session != nullptr) {
      // Refused means that the ledger has no such line: it has ended either way.
      if (const auto line = session->ending.find(end_wait->line); line != session->ending.end()) {
        line->second.answered = true;
        settle_line(*session, end_wait->line);
      }
    }
  } else if (const auto* demand = std::get_if<DemandCommand>(&pending->command)) {
    if (!status.ok()) demand_refused(*demand, pending->connection, pending->request, status);
  }
  finish(id);
}

void SessionRelay::demand_refused(const DemandCommand& demand, ConnectionId connection,
                                  std::uint64_t request, const Status& status) {
  if (Session* session = find(demand.session, demand.conn_epoch); session != nullptr) {
    const auto line = session->lines.find(demand.line);
    if (line != session->lines.end()) line->second.refused = true;
  }
  if (connection != 0) tell(TellError{connection, request, status});
}

// ---- delivery -----------------------------------------------------------------------------------

void SessionRelay::delivered(const SessionGrant& grant) {
  Session* session = find(grant.session, grant.conn_epoch);
  if (session != nullptr) delivery_over(*session, grant.line);
}

void SessionRelay::undeliverable(const SessionGrant& grant, GiveBackReason reason) {
  enqueue(GiveBackCommand{grant.task, grant.token, reason}, 0, 0);
  lost_undelivered(grant);
}

void SessionRelay::lost_undelivered(const SessionGrant& grant) {
  // Not by the connection: another session may be attached to it by now.
  Session* session = find(grant.session, grant.conn_epoch);
  if (session == nullptr) return;
  announce_died(*session, {grant.number});
  delivery_over(*session, grant.line);
}

void SessionRelay::delivery_over(Session& session, LineId line) {
  if (const auto open = session.lines.find(line); open != session.lines.end()) {
    if (open->second.undelivered > 0) --open->second.undelivered;
  } else if (const auto ending = session.ending.find(line); ending != session.ending.end()) {
    if (ending->second.undelivered > 0) --ending->second.undelivered;
    settle_line(session, line);
  }
}

// "No grant of the line follows": only when the ledger said so and the last one was handed over.
void SessionRelay::settle_line(Session& session, LineId line) {
  const auto found = session.ending.find(line);
  const EndingLine& ending = found->second;
  if (!ending.answered || ending.undelivered > 0 || session.resyncing) return;
  tell(TellWaitEnded{session.connection, ending.request, line});
  session.ending.erase(found);
}

std::vector<RelayEffect> SessionRelay::take_effects() { return std::exchange(effects_, {}); }

// ---- tables -------------------------------------------------------------------------------------

SessionRelay::Session* SessionRelay::find(ConnectionId connection) {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? nullptr : &sessions_.at(found->second);
}

SessionRelay::Session* SessionRelay::find(SessionId session, ConnEpoch conn_epoch) {
  const auto found = sessions_.find(session);
  const bool same = found != sessions_.end() && found->second.conn_epoch == conn_epoch;
  return same ? &found->second : nullptr;
}

CommandId SessionRelay::enqueue(RelayCommand command, ConnectionId connection,
                                std::uint64_t request) {
  const CommandId id = end_id();
  pending_.push_back({std::move(command), connection, request, true});
  ++unanswered_;
  return id;
}

SessionRelay::Pending* SessionRelay::find_pending(CommandId id) {
  if (id < first_id_ || id >= end_id()) return nullptr;
  Pending& pending = pending_[id - first_id_];
  return pending.open ? &pending : nullptr;
}

void SessionRelay::finish(CommandId id) {
  pending_[id - first_id_].open = false;
  --unanswered_;
  while (!pending_.empty() && !pending_.front().open) {
    pending_.pop_front();
    ++first_id_;
  }
}

// The connection is gone: nobody waits for its answers. What can only matter to it is not repeated;
// a client that comes back repeats its operations itself.
void SessionRelay::forget_requests(ConnectionId connection) {
  for (Pending& pending : pending_) {
    if (!pending.open || pending.connection != connection) continue;
    pending.connection = 0;
    if (up_) continue;
    pending.open = false;
    --unanswered_;
    if (auto* command = std::get_if<OperationsCommand>(&pending.command)) {
      tell(Forgotten{std::move(command->operations)});
    }
  }
}

void SessionRelay::end_session(SessionId session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  // Grants that waited for the resync were never delivered.
  std::vector<SessionGrant> held_back = std::move(found->second.held_back);
  const ConnectionId connection = found->second.connection;
  connections_.erase(connection);
  sessions_.erase(found);
  forget_requests(connection);
  for (const SessionGrant& grant : held_back) {
    enqueue(GiveBackCommand{grant.task, grant.token, GiveBackReason::kUndelivered}, 0, 0);
  }
}

}  // namespace baton::manager
