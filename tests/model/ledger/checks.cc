#include "tests/model/ledger/checks.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>

namespace baton::center::model {
namespace {

template <class... Parts>
Complaint complain(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

#define BATON_SAME(what, a, b)                                                         \
  do {                                                                                 \
    if (!((a) == (b))) return complain(what, " differs: ", text(a), " not ", text(b)); \
  } while (false)

std::string text(std::uint64_t value) { return std::to_string(value); }
std::string text(std::int64_t value) { return std::to_string(value); }
std::string text(std::uint32_t value) { return std::to_string(value); }
std::string text(bool value) { return value ? "true" : "false"; }
std::string text(ErrorCode code) { return std::string(to_string(code)); }
std::string text(TaskState state) { return std::string(to_string(state)); }
std::string text(const std::string& value) { return "'" + value + "'"; }
std::string text(RegisterResult result) { return std::to_string(static_cast<int>(result)); }
std::string text(TaskId id) {
  return std::to_string(id.shard().value()) + "." + std::to_string(id.offset().value());
}
std::string text(const Uuid& id) { return to_string(id); }
std::string text(Millis value) { return std::to_string(value.count()); }
std::string text(const ResultPlace& place) { return std::to_string(place.lsn.value()); }
template <class Tag, class Rep>
std::string text(StrongId<Tag, Rep> id) {
  return std::to_string(id.value());
}
std::string text(const std::pair<std::string, QueueId>& name) {
  return name.first + "=" + text(name.second);
}
template <class T>
std::string text(const std::vector<T>& items) {
  std::string out;
  for (const T& item : items) out += text(item) + " ";
  return out;
}

Complaint same(const SimpleOutcome& a, const SimpleOutcome& b) {
  BATON_SAME("status", a.status.code(), b.status.code());
  return {};
}
Complaint same(const EnrollOutcome& a, const EnrollOutcome& b) {
  BATON_SAME("enroll status", a.status.code(), b.status.code());
  BATON_SAME("enrolled shard", a.shard, b.shard);
  BATON_SAME("enrolled created_hi", a.created_hi, b.created_hi);
  BATON_SAME("enrolled epoch", a.epoch, b.epoch);
  return {};
}
Complaint same(const RegisterOutcome& a, const RegisterOutcome& b) {
  BATON_SAME("register result", a.result, b.result);
  BATON_SAME("register created_hi", a.created_hi, b.created_hi);
  BATON_SAME("register incarnation", a.incarnation, b.incarnation);
  BATON_SAME("register epoch", a.epoch, b.epoch);
  BATON_SAME("register life", static_cast<const Uuid&>(a.life), static_cast<const Uuid&>(b.life));
  return {};
}
Complaint same(const CreatedOutcome& a, const CreatedOutcome& b) {
  BATON_SAME("created status", a.status.code(), b.status.code());
  BATON_SAME("created_hi", a.created_hi, b.created_hi);
  BATON_SAME("winners", a.winners.size(), b.winners.size());
  for (std::size_t i = 0; i < a.winners.size(); ++i) {
    BATON_SAME("winner's offset", a.winners[i].offset, b.winners[i].offset);
    BATON_SAME("winner", a.winners[i].task, b.winners[i].task);
    BATON_SAME("winner's code", a.winners[i].code, b.winners[i].code);
    BATON_SAME("winner is a duplicate", a.winners[i].duplicate, b.winners[i].duplicate);
    BATON_SAME("winner's state", a.winners[i].state, b.winners[i].state);
  }
  BATON_SAME("queue ids", a.queues, b.queues);
  return {};
}
Complaint same(const AttachOutcome& a, const AttachOutcome& b) {
  BATON_SAME("attach status", a.status.code(), b.status.code());
  BATON_SAME("attach conn_epoch", a.conn_epoch, b.conn_epoch);
  BATON_SAME("kept", a.kept, b.kept);
  return {};
}
Complaint same(const OperationsOutcome& a, const OperationsOutcome& b) {
  BATON_SAME("operation outcomes", a.outcomes.size(), b.outcomes.size());
  for (std::size_t i = 0; i < a.outcomes.size(); ++i) {
    BATON_SAME("operation seq", a.outcomes[i].seq, b.outcomes[i].seq);
    BATON_SAME("operation code", a.outcomes[i].code, b.outcomes[i].code);
    BATON_SAME("finished_unknown", a.outcomes[i].finished_unknown, b.outcomes[i].finished_unknown);
  }
  return {};
}
Complaint same(const HeartbeatOutcome& a, const HeartbeatOutcome& b) {
  BATON_SAME("heartbeat status", a.status.code(), b.status.code());
  BATON_SAME("lost", a.lost, b.lost);
  return {};
}
Complaint same(const ActOutcome& a, const ActOutcome& b) {
  BATON_SAME("acted items", a.items.size(), b.items.size());
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    BATON_SAME("acted code", a.items[i].status.code(), b.items[i].status.code());
    BATON_SAME("acted state", a.items[i].state, b.items[i].state);
  }
  return {};
}
Complaint same(const PurgeOutcome& a, const PurgeOutcome& b) {
  BATON_SAME("purge status", a.status.code(), b.status.code());
  BATON_SAME("purged tasks", a.tasks, b.tasks);
  return {};
}
Complaint same(const BorrowOutcome& a, const BorrowOutcome& b) {
  BATON_SAME("borrow status", a.status.code(), b.status.code());
  BATON_SAME("lent tasks", a.tasks, b.tasks);
  BATON_SAME("lent bytes", a.bytes, b.bytes);
  return {};
}
Complaint same(const Outcome& a, const Outcome& b) {
  if (a.index() != b.index()) return complain("outcomes of different kinds");
  return std::visit(
      [&](const auto& outcome) {
        return same(outcome, std::get<std::decay_t<decltype(outcome)>>(b));
      },
      a);
}

Complaint same(const Grant& a, const Grant& b) {
  BATON_SAME("granted task", a.task, b.task);
  BATON_SAME("granted to", static_cast<const Uuid&>(a.session),
             static_cast<const Uuid&>(b.session));
  BATON_SAME("grant's manager", a.manager, b.manager);
  BATON_SAME("grant's conn_epoch", a.conn_epoch, b.conn_epoch);
  BATON_SAME("grant number", a.number, b.number);
  BATON_SAME("grant's line", a.line, b.line);
  BATON_SAME("token", a.token, b.token);
  BATON_SAME("attempt", a.attempt, b.attempt);
  BATON_SAME("lease", a.lease, b.lease);
  BATON_SAME("granted expiries", a.expiries, b.expiries);
  BATON_SAME("checkpoint", a.checkpoint, b.checkpoint);
  BATON_SAME("checkpoint's token", a.checkpoint_token, b.checkpoint_token);
  BATON_SAME("percent", a.percent, b.percent);
  BATON_SAME("progress", a.progress, b.progress);
  return {};
}

// In the order in which they were lost.
Complaint same_lost(const std::vector<LostClaim>& a, const std::vector<LostClaim>& b) {
  BATON_SAME("lost claims", a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    BATON_SAME("lost task", a[i].task, b[i].task);
    BATON_SAME("lost token", a[i].token, b[i].token);
    BATON_SAME("who lost", static_cast<const Uuid&>(a[i].session),
               static_cast<const Uuid&>(b[i].session));
    BATON_SAME("loser's manager", a[i].manager, b[i].manager);
    BATON_SAME("loser's conn_epoch", a[i].conn_epoch, b[i].conn_epoch);
    BATON_SAME("why it was lost", static_cast<std::uint32_t>(a[i].cause),
               static_cast<std::uint32_t>(b[i].cause));
  }
  return {};
}

Complaint same_rules(const std::vector<QueueRule>& a, const std::vector<QueueRule>& b) {
  BATON_SAME("rules", a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return complain("the rule of ", a[i].queue, " differs");
  }
  return {};
}

using Change = std::tuple<TaskId, TaskState, TaskState, Cause, Token, SessionId>;

// One per task. Refused operations are compared by their count.
std::vector<Change> changes_of(const Effects& effects) {
  std::vector<Change> changes;
  for (const Transition& t : effects.transitions) {
    if (t.cause == Cause::kSuperseded) continue;
    for (std::uint32_t i = 0; i < t.count; ++i) {
      changes.emplace_back(TaskId(t.first.value() + i), t.from, t.to, t.cause, t.token, t.session);
    }
  }
  std::sort(changes.begin(), changes.end());
  return changes;
}

std::string text(const Change& change) {
  const auto& [task, from, to, cause, token, session] = change;
  return text(task) + " " + text(from) + " -> " + text(to) + " (" + std::string(to_string(cause)) +
         ") " + text(token);
}

// Names the first that only one of them has.
Complaint same_changes(const std::vector<Change>& mine, const std::vector<Change>& theirs) {
  for (std::size_t i = 0; i < std::max(mine.size(), theirs.size()); ++i) {
    const bool same = i < mine.size() && i < theirs.size() && mine[i] == theirs[i];
    if (same) continue;
    return complain("transitions differ: ", i < mine.size() ? text(mine[i]) : "none", ", expected ",
                    i < theirs.size() ? text(theirs[i]) : "none");
  }
  return {};
}

// ---- state ----

// What it asked for, and what is said of it, while somebody may still decide about it.
Complaint same_wishes(const TaskView& view, const TaskId id, const OracleTask& task,
                      const Oracle& expected) {
  if (task.finished() || task.state == TaskState::kQuarantined) return {};
  BATON_SAME("order key", view.order_key, task.order_key.value_or(""));
  BATON_SAME("fairness key", view.fair_key, task.options.fair_key);
  BATON_SAME("parent", view.parent, task.options.parent);
  BATON_SAME("retry of", view.retry_of, task.options.retry_of);
  BATON_SAME("payload bytes", view.payload_bytes, task.bytes);
  BATON_SAME("blocked on", view.blocked_on, static_cast<std::uint32_t>(task.blocked_on()));
  const auto open = expected.children_with(id, Bond::kOpen) + expected.children_pending(id);
  BATON_SAME("open children", view.children_open, static_cast<std::uint32_t>(open));
  BATON_SAME("failed children", view.children_failed,
             static_cast<std::uint32_t>(expected.children_with(id, Bond::kFailed)));
  BATON_SAME("progress", view.progress, task.progress);
  BATON_SAME("percent", view.percent, task.percent);
  BATON_SAME("checkpoint", view.checkpoint_bytes, task.checkpoint.bytes);
  const std::int64_t end =
      task.state == TaskState::kClaimed ? task.total_at : expected.waiting_end(task);
  BATON_SAME("expires in", view.expires_in.count(),
             end == 0 ? 0 : std::max<std::int64_t>(1, end - expected.now));
  return {};
}

Complaint same_task(const TaskView& view, TaskId id, const OracleTask& task,
                    const Oracle& expected) {
  BATON_SAME("state", view.state, expected.seen(id));
  const bool gone = task.finished() && !task.kept;
  BATON_SAME("queue", view.queue, gone ? std::string() : task.queue);
  if (gone) return {};
  BATON_SAME("priority", view.priority, task.priority);
  BATON_SAME("attempt", view.attempt, task.attempt);
  BATON_SAME("failures", view.failures, task.failures);
  BATON_SAME("expiries", view.expiries, task.expiries);
  if (!task.reason && view.reason.empty()) return complain("no reason is told");
  if (task.reason && task.state != TaskState::kQuarantined)
    BATON_SAME("reason", view.reason, *task.reason);
  if (task.state == TaskState::kClaimed) {
    BATON_SAME("token", view.token, task.token);
    BATON_SAME("session", static_cast<const Uuid&>(view.session),
               static_cast<const Uuid&>(task.session));
    BATON_SAME("lease left", view.lease_left.count(),
               std::max<std::int64_t>(0, task.deadline - expected.now));
  }
  if (task.state == TaskState::kDelayed) {
    const std::int64_t left = task.backs_off ? task.deadline - expected.now
                                             : task.options.not_before.ms - expected.calendar;
    BATON_SAME("ready in", view.ready_in.count(), std::max<std::int64_t>(0, left));
  }
  if (task.kept) BATON_SAME("result", view.result, task.result);
  return same_wishes(view, id, task, expected);
}

Complaint same_detail(const QueueDetailView& view, const Oracle& expected) {
  const std::string& name = view.queue.name;
  const OracleQueue& queue = expected.of_queue.at(name);
  if (view.settings != queue.settings) return complain("its settings differ");
  BATON_SAME("fairness keys", view.fair_keys, std::uint64_t{queue.fair_keys.size()});
  BATON_SAME("finished and kept", view.finished_kept, std::uint64_t{queue.finished.size()});
  std::uint64_t bytes = 0;
  for (const TaskId id : queue.finished) bytes += expected.finished_bytes(expected.tasks.at(id));
  BATON_SAME("bytes finished and kept", view.finished_kept_bytes, bytes);
  return {};
}

Complaint same_queue(const QueueView& view, const Oracle& expected) {
  std::map<TaskState, std::uint64_t> counts;
  std::uint64_t created = 0;
  for (const auto& [id, task] : expected.tasks) {
    if (task.queue != view.name) continue;
    ++counts[task.state];
    ++created;
  }
  BATON_SAME("ready count", view.ready, counts[TaskState::kReady]);
  BATON_SAME("delayed count", view.delayed, counts[TaskState::kDelayed]);
  BATON_SAME("claimed count", view.claimed, counts[TaskState::kClaimed]);
  BATON_SAME("dead count", view.dead, counts[TaskState::kDead]);
  BATON_SAME("quarantined count", view.quarantined, counts[TaskState::kQuarantined]);
  BATON_SAME("held count", view.held, counts[TaskState::kHeld]);
  BATON_SAME("blocked or pending count", view.blocked,
             counts[TaskState::kBlocked] + counts[TaskState::kPending]);
  BATON_SAME("done count", view.done, counts[TaskState::kDone]);
  BATON_SAME("cancelled count", view.cancelled, counts[TaskState::kCancelled]);
  BATON_SAME("created count", view.created, created);
  BATON_SAME("bytes", view.bytes, expected.bytes_of(view.name));
  BATON_SAME("paused", view.paused, expected.of_queue.at(view.name).settings.paused);
  std::uint32_t waiting = 0;
  for (const auto& [id, session] : expected.sessions) {
    for (const auto& [line_id, line] : session.lines)
      waiting += line.turn > 0 && line.queue == view.name ? 1 : 0;
  }
  BATON_SAME("waiting lines", view.waiting, waiting);
  return {};
}

Complaint same_session(const Ledger& real, const SessionId& id, const OracleSession& session,
                       const Oracle& expected) {
  const SessionView view = real.resync(id, session.conn_epoch, session.incarnation, GrantNumber());
  BATON_SAME("resync status", view.status.code(), ErrorCode::kOk);
  BATON_SAME("grants since attach", view.grants.value(), session.grants);
  BATON_SAME("credit", view.credit_total, session.credit);
  std::uint64_t numbered = 0;
  for (const auto& [task_id, task] : expected.tasks) {
    numbered += task.state == TaskState::kClaimed && task.session == id && task.number ? 1 : 0;
  }
  BATON_SAME("claims to resync", view.claims.size(), numbered);
  return {};
}

bool is_live(const OracleTask& task) {
  return !task.finished() || (task.kept && task.keeps_payload);
}

Complaint same_live(const Ledger& real, ShardId id, const Oracle& expected) {
  const OracleShard& shard = expected.shards.at(id);
  const LiveOffsets live = real.live(id, Offset(1), Offset(shard.created_hi));
  BATON_SAME("created_hi", live.created_hi.value(), shard.created_hi);
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint64_t> wanted;
  for (const auto& run : live.runs) {
    for (std::uint64_t i = 0; i < run.count; ++i) offsets.push_back(run.first.value() + i);
  }
  for (const auto& [task_id, task] : expected.tasks) {
    if (task_id.shard() == id && is_live(task)) wanted.push_back(task_id.offset().value());
  }
  BATON_SAME("live offsets", offsets, wanted);
  return {};
}

Complaint prefixed(const std::string& where, const Complaint& complaint) {
  return complaint ? Complaint(where + ": " + *complaint) : complaint;
}

}  // namespace

Complaint compare_effects(const Effects& real, const Effects& expected) {
  BATON_SAME("batches", real.batches.size(), expected.batches.size());
  for (std::size_t b = 0; b < real.batches.size(); ++b) {
    const BatchEffects& mine = real.batches[b];
    const BatchEffects& theirs = expected.batches[b];
    BATON_SAME("batch status", mine.status.code(), theirs.status.code());
    BATON_SAME("outcomes", mine.outcomes.size(), theirs.outcomes.size());
    for (std::size_t i = 0; i < mine.outcomes.size(); ++i) {
      if (const Complaint c = same(mine.outcomes[i], theirs.outcomes[i])) {
        return complain("batch ", b, " command ", i, ": ", *c);
      }
    }
  }
  for (std::size_t i = 0; i < std::min(real.grants.size(), expected.grants.size()); ++i) {
    if (const Complaint c = same(real.grants[i], expected.grants[i]))
      return complain("grant ", i, ": ", *c);
  }
  BATON_SAME("grants", real.grants.size(), expected.grants.size());
  if (const Complaint c = same_changes(changes_of(real), changes_of(expected))) return c;
  if (const Complaint c = same_lost(real.lost, expected.lost)) return c;
  return same_rules(real.rules, expected.rules);
}

Complaint compare_state(const Ledger& real, const Oracle& expected) {
  for (const auto& [id, task] : expected.tasks) {
    const Result<TaskView> view = real.find(id);
    if (!view.ok())
      return complain("task ", text(id), " is not found: ", view.status().to_string());
    if (const auto c = prefixed("task " + text(id), same_task(view.value(), id, task, expected)))
      return c;
  }
  const QueuePage page = real.list_queues("", "", 1000);
  for (const QueueView& view : page.queues) {
    if (const auto c = prefixed("queue " + view.name, same_queue(view, expected))) return c;
    const Result<QueueDetailView> detail = real.find_queue(view.name);
    if (!detail.ok()) return complain("queue ", view.name, " is listed, but not found");
    if (const auto c = prefixed("queue " + view.name, same_detail(detail.value(), expected)))
      return c;
  }
  for (const auto& [id, session] : expected.sessions) {
    if (const auto c =
            prefixed("session " + to_string(id), same_session(real, id, session, expected)))
      return c;
  }
  for (const auto& [id, shard] : expected.shards) {
    if (const auto c = prefixed("shard " + text(id), same_live(real, id, expected))) return c;
  }
  const LedgerTotals totals = real.totals();
  BATON_SAME("sessions", totals.sessions, std::uint64_t{expected.sessions.size()});
  BATON_SAME("superseded", totals.superseded, expected.superseded);
  BATON_SAME("lease time", totals.lease_time.count(), expected.now);
  return {};
}

// ---- invariants ----

Complaint InvariantChecker::check(const Entry& entry, const Effects& effects) {
  for (const Transition& transition : effects.transitions) {
    if (const auto c = check_transition(transition)) return c;
  }
  for (std::size_t b = 0; b < entry.batches.size(); ++b) {
    if (!effects.batches[b].status.ok()) continue;
    for (std::size_t i = 0; i < entry.batches[b].commands.size(); ++i) {
      if (const auto c = hear(entry.batches[b].commands[i], effects.batches[b].outcomes[i]))
        return c;
    }
  }
  for (const Grant& grant : effects.grants) {
    if (const auto c = check_grant(grant)) return c;
  }
  return check_completions(entry, effects);
}

// Whoever completed a task asked for it in this entry, with that token, and held the claim.
Complaint InvariantChecker::check_completions(const Entry& entry, const Effects& effects) {
  std::set<std::tuple<SessionId, TaskId, Token>> asked;
  for (const Batch& batch : entry.batches) {
    for (const Command& command : batch.commands) {
      const auto* c = std::get_if<SessionOperations>(&command);
      if (c == nullptr) continue;
      for (const Operation& op : c->operations) {
        if (op.kind == OperationKind::kAck) asked.emplace(c->session, op.task, op.token);
      }
    }
  }
  for (const Transition& t : effects.transitions) {
    if (t.cause != Cause::kAck || asked.contains({t.session, t.first, t.token})) continue;
    return complain("I5: task ", text(t.first),
                    " was completed, but not by the holder of its claim");
  }
  return {};
}

Complaint InvariantChecker::hear(const Command& command, const Outcome& outcome) {
  if (const auto* c = std::get_if<Tick>(&command))
    now_ms_ += std::min<std::int64_t>(1000, c->elapsed.count());
  if (const auto* c = std::get_if<AttachSession>(&command))
    hear(*c, std::get<AttachOutcome>(outcome));
  if (const auto* c = std::get_if<SessionDemand>(&command))
    hear(*c, std::get<SimpleOutcome>(outcome));
  if (const auto* c = std::get_if<SessionOperations>(&command)) {
    return check_operations(*c, std::get<OperationsOutcome>(outcome));
  }
  return {};
}

void InvariantChecker::hear(const AttachSession& asked, const AttachOutcome& answered) {
  Session& session = sessions_[asked.session];
  if (!answered.status.ok()) return;
  if (std::exchange(session.unsure, false)) session.answers.clear();
  if (asked.conn_epoch == session.conn_epoch) return;
  session.conn_epoch = asked.conn_epoch;
  session.allowed = 0;
}

void InvariantChecker::hear(const SessionDemand& asked, const SimpleOutcome& answered) {
  Session& session = sessions_[asked.session];
  if (answered.status.ok()) session.allowed = std::max(session.allowed, asked.total);
}

Complaint InvariantChecker::check_transition(const Transition& t) {
  if (t.cause == Cause::kSuperseded) return {};
  for (std::uint32_t i = 0; i < t.count; ++i) {
    const TaskId id(t.first.value() + i);
    Task& task = tasks_[id];
    const bool final = task.state == TaskState::kDone || task.state == TaskState::kCancelled ||
                       task.state == TaskState::kVoid;
    if (final)
      return complain("I6: task ", text(id), " was ", text(task.state), " and is ", text(t.to));
    if (task.state != t.from) {
      return complain("I7: task ", text(id), " leaves ", text(t.from), " but is ",
                      text(task.state));
    }
    const bool of_claim = t.from == TaskState::kClaimed;
    if (of_claim && t.cause == Cause::kExpired && t.token != task.token) {
      return complain("I8: the expiry of task ", text(id), " is of an old token");
    }
    if (of_claim && (t.token != task.token || t.session != task.session)) {
      return complain("I5: the claim of task ", text(id),
                      " was changed by another token or session");
    }
    if (t.cause == Cause::kGranted) {
      if (t.from != TaskState::kReady)
        return complain("I7: task ", text(id), " was granted and not ready");
      if (t.token <= highest_)
        return complain("I3: token ", text(t.token), " is not above all before");
      highest_ = task.token = t.token;
      task.session = t.session;
    }
    task.state = t.to;
  }
  return {};
}

Complaint InvariantChecker::check_grant(const Grant& grant) {
  Task& task = tasks_[grant.task];
  if (grant.token <= task.last_token)
    return complain("I3: an old token granted for ", text(grant.task));
  task.last_token = grant.token;
  const Session& session = sessions_[grant.session];
  if (grant.conn_epoch == session.conn_epoch && grant.number.value() > session.allowed) {
    return complain("R10: grant ", text(grant.number), " where ", text(session.allowed),
                    " were allowed");
  }
  return {};
}

Complaint InvariantChecker::check_operations(const SessionOperations& asked,
                                             const OperationsOutcome& answered) {
  Session& session = sessions_[asked.session];
  // It may have been removed meanwhile: what it is answered until it attaches again is not kept.
  if (now_ms_ - session.heard_ms >= 600'000) {
    session.answers.clear();
    session.unsure = true;
  }
  session.heard_ms = now_ms_;
  if (!session.conn_epoch) return {};  // nothing is kept for a session that never attached
  for (const OperationOutcome& outcome : answered.outcomes) {
    const bool is_final = outcome.code != ErrorCode::kUnavailable &&
                          outcome.code != ErrorCode::kRetryLater &&
                          outcome.code != ErrorCode::kDenied && !outcome.finished_unknown;
    if (!is_final) continue;
    const auto [at, is_new] = session.answers.emplace(outcome.seq, outcome.code);
    if (!is_new && !session.unsure && at->second != outcome.code) {
      return complain("I11: operation ", text(outcome.seq), " was answered ", text(at->second),
                      ", now ", text(outcome.code));
    }
    const bool wants_next =
        std::any_of(asked.operations.begin(), asked.operations.end(),
                    [&](const Operation& op) { return op.seq == outcome.seq && op.wants_next; });
    if (is_new && outcome.code == ErrorCode::kOk && wants_next) ++session.allowed;
  }
  return {};
}

}  // namespace baton::center::model
