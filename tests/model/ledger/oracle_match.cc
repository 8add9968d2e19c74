#include <algorithm>
#include <tuple>

#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

// Lower goes first.
std::int64_t rank(std::uint32_t aged, std::uint32_t priority) {
  return aged == priority ? -100 : -static_cast<std::int64_t>(priority);
}

}  // namespace

bool Oracle::wants_more(const SessionId& id) const {
  const OracleSession& session = sessions.at(id);
  const auto claims = std::count_if(tasks.begin(), tasks.end(), [&](const auto& task) {
    return task.second.state == TaskState::kClaimed && task.second.session == id;
  });
  return session.grants < session.credit && claims < 1024;
}

void Oracle::update_waiting(const SessionId& id) {
  const bool waits = wants_more(id);
  for (auto& [line_id, line] : sessions[id].lines) {
    if (!waits) line.turn = 0;
    if (waits && line.turn == 0) line.turn = ++turn_;
  }
}

// The lines that wait for any task of the queue (or only for this one), by turn.
Oracle::Ring Oracle::ring(const std::string& queue, TaskId only) const {
  std::map<std::uint64_t, std::pair<SessionId, LineId>> by_turn;
  for (const auto& [id, session] : sessions) {
    for (const auto& [line_id, line] : session.lines) {
      if (line.turn > 0 && line.queue == queue && line.task == only)
        by_turn[line.turn] = {id, line_id};
    }
  }
  Ring ring;
  for (const auto& [turn, line] : by_turn) ring.push_back(line);
  return ring;
}

bool Oracle::may_have(const std::string& manager, TaskId task) const {
  const auto bar = bars_.find({manager, task.shard()});
  return available(shards.at(task.shard())) && (bar == bars_.end() || bar->second.over);
}

void Oracle::settle() {
  for (const TaskId task : ready_) match_task(task);
  std::vector<std::string> order;
  for (const TaskId task : ready_) {
    const std::string& queue = tasks[task].queue;
    if (std::find(order.begin(), order.end(), queue) == order.end()) order.push_back(queue);
  }
  ready_.clear();
  for (const std::string& queue : order) match_queue(queue);
  for (const SessionId& session : std::vector<SessionId>(eager_)) match_session(session);
  eager_.clear();
}

void Oracle::grant(TaskId id, const SessionId& session_id, LineId line_id) {
  OracleSession& session = sessions[session_id];
  OracleLine& line = session.lines[line_id];
  OracleTask& task = tasks[id];
  task.token = Token((std::uint64_t{1} << 52) | ++counter_);
  task.session = session_id;
  task.number = GrantNumber(++session.grants);
  task.line = line_id;
  task.lease = line.lease;
  task.claimed_at = now;
  task.deadline = 0;
  ++task.attempt;
  extend(task, now + line.lease);
  move(id, TaskState::kClaimed, Cause::kGranted, task.token, session_id);
  Grant grant;
  grant.session = session_id;
  grant.manager = session.incarnation;
  grant.conn_epoch = session.conn_epoch;
  grant.number = task.number;
  grant.line = line_id;
  grant.task = id;
  grant.token = task.token;
  grant.attempt = task.attempt;
  grant.lease = Millis(line.lease);
  effects_.grants.push_back(grant);
  passed_[{task.queue, task.priority}] = 0;
  for (const std::uint32_t lower : ready_priorities(task.queue)) {
    if (lower < task.priority) ++passed_[{task.queue, lower}];
  }
  session.served = line_id;
  if (!wants_more(session_id)) {
    update_waiting(session_id);
  } else if (!line.task && !has(Mistake::kNoTurns)) {
    line.turn = ++turn_;
  }
}

std::set<std::uint32_t> Oracle::ready_priorities(const std::string& queue) const {
  std::set<std::uint32_t> found;
  for (const auto& [id, task] : tasks) {
    const bool ready = task.state == TaskState::kReady && !shards.at(id.shard()).removed;
    if (ready && task.queue == queue) found.insert(task.priority);
  }
  return found;
}

// The priority that gave way for long enough to go before all; 0: none.
std::uint32_t Oracle::aged(const std::string& queue) const {
  const bool any = std::any_of(passed_.begin(), passed_.end(), [&](const auto& passed) {
    return passed.first.first == queue && passed.second >= 32;
  });
  if (!any) return 0;
  const std::set<std::uint32_t> all = ready_priorities(queue);
  for (auto at = all.rbegin(); at != all.rend(); ++at) {
    const auto passed = passed_.find({queue, *at});
    const bool has_turn = *at < *all.rbegin() && passed != passed_.end() &&
                          passed->second >= 32 * (*all.rbegin() - *at);
    if (has_turn && !has(Mistake::kNoAgeing)) return *at;
  }
  return 0;
}

void Oracle::match_task(TaskId id) {
  const OracleTask& task = tasks[id];
  if (task.state != TaskState::kReady) return;
  for (const auto& [session, line] : ring(task.queue, id)) {
    if (!may_have(sessions[session].manager, id)) continue;
    grant(id, session, line);
    return;
  }
}

// The oldest ready task of the highest priority that some line may have, to the line on its own
// manager among the next 16, else the next.
void Oracle::match_queue(const std::string& queue) {
  while (true) {
    const std::uint32_t first = aged(queue);
    std::map<std::tuple<std::int64_t, std::uint64_t, ShardId, Offset>, TaskId> waiting;
    for (const auto& [id, task] : tasks) {
      if (task.state != TaskState::kReady || task.queue != queue || !available(shards[id.shard()]))
        continue;
      waiting[{rank(first, task.priority), task.order, id.shard(), id.offset()}] = id;
    }
    bool granted = false;
    for (const auto& [order, id] : waiting) {
      Ring may;
      for (const auto& line : ring(queue)) {
        if (may_have(sessions[line.first].manager, id)) may.push_back(line);
      }
      if (may.empty()) continue;
      if (may.size() > 16) may.resize(16);
      auto at = std::find_if(may.begin(), may.end(), [&](const auto& line) {
        return sessions[line.first].manager == shards[id.shard()].manager;
      });
      if (at == may.end()) at = may.begin();
      grant(id, at->first, at->second);
      granted = true;
      break;
    }
    if (!granted) return;
  }
}

std::optional<TaskId> Oracle::pick(const SessionId& session, const OracleLine& line) {
  const std::string& manager = sessions[session].manager;
  const std::uint32_t first = aged(line.queue);
  std::map<std::tuple<std::int64_t, std::uint64_t, ShardId, Offset>, TaskId> waiting;
  for (const auto& [id, task] : tasks) {
    const bool wanted = task.state == TaskState::kReady && task.queue == line.queue &&
                        (!line.task || id == line.task);
    if (!wanted || !may_have(manager, id)) continue;
    waiting[{rank(first, task.priority), task.order, id.shard(), id.offset()}] = id;
  }
  if (waiting.empty()) return std::nullopt;
  const TaskId oldest = waiting.begin()->second;
  if (line.task) return oldest;
  const std::uint32_t priority = tasks[oldest].priority;
  std::uint32_t& overtaken = overtaken_[{line.queue, priority}];
  for (const auto& [order, id] : waiting) {
    if (tasks[id].priority != priority || shards[id.shard()].manager != manager) continue;
    const bool overtakes = id.shard() != oldest.shard();
    if (!overtakes || overtaken >= 1024 || has(Mistake::kNoLocality)) break;
    ++overtaken;
    return id;
  }
  if (overtaken > 0) --overtaken;
  return oldest;
}

void Oracle::match_session(const SessionId& id) {
  if (!sessions.contains(id)) return;
  update_waiting(id);
  while (wants_more(id)) {
    OracleSession& session = sessions[id];
    std::vector<LineId> order;
    for (const auto& [line, unused] : session.lines) {
      if (line > session.served) order.push_back(line);
    }
    for (const auto& [line, unused] : session.lines) {
      if (line <= session.served) order.push_back(line);
    }
    bool granted = false;
    for (const LineId line : order) {
      const auto task = pick(id, session.lines[line]);
      if (!task) continue;
      grant(*task, id, line);
      granted = true;
      break;
    }
    if (!granted) return;
  }
}

}  // namespace baton::center::model
