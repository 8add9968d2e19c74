#include "center/core/apply_sessions.h"

#include <algorithm>
#include <utility>

#include "center/core/grant_matching.h"
#include "center/core/task_claims.h"
#include "center/core/void_credit.h"

namespace baton::center {
namespace {

// Queues that waiting alone may create, of the 16 M that there can be.
constexpr std::size_t kQueuesByDemandMax = std::size_t{1} << 20;

// The slot of a session that is attached through the sender by this very connection.
struct Attached {
  std::uint32_t slot = kNoSlot;
  Status status;
};
Attached find_attached(const Tables& tables, Sender sender, const SessionId& id,
                       ConnEpoch conn_epoch) {
  const std::uint32_t slot = tables.sessions.find(id);
  if (slot == kNoSlot) return {slot, {ErrorCode::kNotFound, "no such session: attach again"}};
  const Session& session = tables.sessions[slot];
  const bool same_life = session.manager == sender.manager &&
                         session.incarnation == tables.members.manager(sender.manager).incarnation;
  if (session.conn_epoch != conn_epoch || !same_life) {
    return {kNoSlot, {ErrorCode::kConflict, "the session is attached by another connection"}};
  }
  return {slot, {}};
}

// ---- attach ----

std::uint32_t find_or_add(Work& work, const AttachSession& command) {
  Tables& tables = work.tables;
  std::uint32_t slot = tables.sessions.find(command.session);
  if (slot != kNoSlot || tables.sessions.full()) return slot;
  Session session;
  session.id = command.session;
  session.serial = ++tables.counters.sessions;
  slot = tables.sessions.add(std::move(session));
  tables.sessions.idle().set(slot, work.now_ms() + kSessionIdleMax.count(),
                             tables.counters.sessions);
  return slot;
}

std::vector<Token> kept_of(const Session& session, const std::vector<Token>& held) {
  std::vector<Token> kept;
  for (const Token token : held) {
    if (session.claims.find(token) != kNoSlot) kept.push_back(token);
  }
  return kept;
}

// Claims that the client never received, or does not want, are free at once; the others keep no
// number.
void sort_out_claims(Work& work, std::uint32_t slot, std::vector<Token> held) {
  std::sort(held.begin(), held.end());
  std::vector<std::uint32_t> gone;
  work.tables.sessions[slot].claims.for_each([&](Token token, std::uint32_t row) {
    if (std::binary_search(held.begin(), held.end(), token)) {
      work.tables.rows.edit(row).number = GrantNumber();
    } else {
      gone.push_back(row);
    }
  });
  for (const std::uint32_t row : gone)
    return_claim(work, row, Cause::kUndelivered, Attempt::kTakenBack);
}

void move_to_manager(Tables& tables, Session& session, std::uint32_t manager) {
  if (session.conn_epoch) --tables.members.manager(session.manager).sessions;
  ++tables.members.manager(manager).sessions;
  session.manager = manager;
  session.incarnation = tables.members.manager(manager).incarnation;
}

Status check_attach(const Tables& tables, Sender sender, const AttachSession& command) {
  if (!command.session || !command.conn_epoch)
    return {ErrorCode::kInvalidArgument, "no session or connection number"};
  if (command.held.size() > kHeldMax)
    return {ErrorCode::kTooLarge, "more tokens than a session can hold"};
  const std::uint32_t slot = tables.sessions.find(command.session);
  if (slot == kNoSlot) return {};
  const Session& session = tables.sessions[slot];
  if (command.conn_epoch > session.conn_epoch) return {};
  const bool repeated = command.conn_epoch == session.conn_epoch &&
                        session.manager == sender.manager &&
                        session.incarnation == tables.members.manager(sender.manager).incarnation;
  if (repeated) return {};
  return {ErrorCode::kConflict, "a later connection of the session exists"};
}

// ---- demand ----

Status check_demand(const SessionDemand& command) {
  if (!command.line) return {ErrorCode::kInvalidArgument, "lines count from 1"};
  if (Status valid = validate_queue_name(command.queue); !valid.ok()) return valid;
  if (command.task && !command.task.valid()) return {ErrorCode::kInvalidArgument, "not a task id"};
  return command.lease == Millis(0) ? Status() : validate_lease(command.lease);
}

// The line's slot in the session, or kNoSlot.
std::uint32_t find_line(const Tables& tables, const Session& session, LineId id) {
  const auto at = std::lower_bound(
      session.lines.begin(), session.lines.end(), id,
      [&](std::uint32_t slot, LineId wanted) { return tables.lines[slot].id < wanted; });
  return at != session.lines.end() && tables.lines[*at].id == id ? *at : kNoSlot;
}

Status open_line(Work& work, std::uint32_t slot, const SessionDemand& command) {
  Tables& tables = work.tables;
  Session& session = tables.sessions.edit(slot);
  if (command.line <= session.last_line) return {ErrorCode::kNotFound, "the line has ended"};
  if (session.lines.size() >= kSessionLinesMax)
    return {ErrorCode::kRetryLater, "too many lines in this session"};
  // A consumer's mistyped names must not use up the ids that producers need.
  const bool room = tables.queues.size() < kQueuesByDemandMax;
  const QueueId queue =
      room ? tables.queues.intern(command.queue) : tables.queues.find(command.queue);
  if (!queue) return {ErrorCode::kRetryLater, "too many queues"};
  Line line;
  line.id = command.line;
  line.session = slot;
  line.queue = queue;
  line.task = command.task;
  session.last_line = command.line;
  session.lines.push_back(tables.lines.add(line));  // ids only rise: in order
  return {};
}

void remove_line(Tables& tables, std::uint32_t session, std::uint32_t line) {
  tables.lines.leave(tables.queues, line);
  std::erase(tables.sessions.edit(session).lines, line);
  tables.lines.remove(line);
}

}  // namespace

AttachOutcome apply_attach(Work& work, Sender sender, const AttachSession& command) {
  Tables& tables = work.tables;
  if (Status status = check_attach(tables, sender, command); !status.ok()) {
    const std::uint32_t known = tables.sessions.find(command.session);
    return {status, known == kNoSlot ? ConnEpoch() : tables.sessions[known].conn_epoch, {}};
  }
  const std::uint32_t slot = find_or_add(work, command);
  if (slot == kNoSlot) return {{ErrorCode::kRetryLater, "too many sessions"}, {}, {}};
  see_session(work, slot);
  Session& session = tables.sessions.edit(slot);
  if (command.conn_epoch > session.conn_epoch) {
    end_lines(tables, slot);
    sort_out_claims(work, slot, command.held);
    move_to_manager(tables, session, sender.manager);
    session.conn_epoch = command.conn_epoch;
    session.consumer = command.consumer.substr(0, kConsumerNameBytesMax);
    session.credit = 0;
    session.grants = 0;
    session.last_line = LineId();
    session.served_line = LineId();
    session.served_count = 0;
  }
  return {{}, session.conn_epoch, kept_of(session, command.held)};
}

SimpleOutcome apply_demand(Work& work, Sender sender, const SessionDemand& command) {
  Tables& tables = work.tables;
  if (Status status = check_demand(command); !status.ok()) return {status};
  const Attached attached = find_attached(tables, sender, command.session, command.conn_epoch);
  if (!attached.status.ok()) return {attached.status};
  see_session(work, attached.slot);
  Session& session = tables.sessions.edit(attached.slot);
  std::uint32_t line = find_line(tables, session, command.line);
  if (line == kNoSlot) {
    if (Status status = open_line(work, attached.slot, command); !status.ok()) return {status};
    line = session.lines.back();
  }
  tables.lines.edit(line).lease_ms = static_cast<std::uint32_t>(command.lease.count());
  session.credit = std::max(session.credit, command.total);
  work.eager_sessions.push_back(attached.slot);
  return {};
}

SimpleOutcome apply_end_wait(Work& work, Sender sender, const SessionEndWait& command) {
  Tables& tables = work.tables;
  const Attached attached = find_attached(tables, sender, command.session, command.conn_epoch);
  if (!attached.status.ok()) return {attached.status};
  see_session(work, attached.slot);
  const std::uint32_t line = find_line(tables, tables.sessions[attached.slot], command.line);
  if (line != kNoSlot) {
    remove_line(tables, attached.slot, line);
  } else if (Session& session = tables.sessions.edit(attached.slot);
             session.last_line < command.line) {
    session.last_line = command.line;  // its demand, should it still come, is ignored
  }
  return {};
}

SimpleOutcome apply_closed(Work& work, Sender sender, const SessionClosed& command) {
  const Attached attached = find_attached(work.tables, sender, command.session, command.conn_epoch);
  if (!attached.status.ok()) return {attached.status};
  end_lines(work.tables, attached.slot);
  return {};
}

HeartbeatOutcome apply_heartbeat(Work& work, const SessionHeartbeat& command) {
  Tables& tables = work.tables;
  const std::uint32_t slot = tables.sessions.find(command.session);
  if (slot == kNoSlot)
    return {{ErrorCode::kNotFound, "no such session: attach again"}, command.tokens};
  if (command.tokens.size() > kBatchItemsMax)
    return {{ErrorCode::kTooLarge, "more than 1,024 tokens"}, {}};
  see_session(work, slot);
  HeartbeatOutcome outcome;
  for (const Token token : command.tokens) {
    const std::uint32_t row = tables.sessions[slot].claims.find(token);
    if (row == kNoSlot) {
      outcome.lost.push_back(token);
    } else {
      renew_claim(work, row);
    }
  }
  return outcome;
}

void see_session(Work& work, std::uint32_t slot) {
  work.tables.sessions.edit(slot).seen_ms = work.now_ms();
}

bool drop_idle_session(Work& work) {
  Tables& tables = work.tables;
  DeadlineHeap& idle = tables.sessions.idle();
  if (idle.empty() || idle.top().deadline > work.now_ms()) return false;
  const std::uint32_t slot = idle.top().id;
  const Session& session = tables.sessions[slot];
  const std::int64_t at = session.seen_ms + kSessionIdleMax.count();
  // A claim keeps its session until the lease decides. A line with credit means that the session's
  // manager is up and has not seen the connection close: its consumer waits, and has nothing to
  // send meanwhile.
  const bool in_use = !session.claims.empty() || (session.wants_more() && !session.lines.empty());
  if (at <= work.now_ms() && !in_use) {
    end_lines(tables, slot);
    --tables.members.manager(tables.sessions[slot].manager).sessions;
    tables.sessions.remove(slot);
  } else {
    idle.set(slot, in_use ? work.now_ms() + kSessionIdleMax.count() : at, session.serial);
  }
  return true;
}

}  // namespace baton::center
