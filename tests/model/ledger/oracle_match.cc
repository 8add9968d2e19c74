// Tasks and lines find each other (R10, R12).
#include <algorithm>
#include <tuple>

#include "tests/model/ledger/oracle.h"

namespace baton::center::model {

bool Oracle::wants_more(const SessionId& id) const {
  const OracleSession& session = sessions.at(id);
  const auto claims = std::count_if(claimed_.begin(), claimed_.end(),
                                    [&](TaskId task) { return tasks.at(task).session == id; });
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

void Oracle::offer(TaskId id) {
  wanted_.push_back(id);
  offered_.push_back(tasks[id].queue);
}

void Oracle::settle() {
  for (const TaskId task : wanted_) match_task(task);
  for (const std::string& queue : offered_) match_queue(queue);
  for (const SessionId& session : std::vector<SessionId>(eager_)) match_session(session);
  wanted_.clear();
  offered_.clear();
  eager_.clear();
}

void Oracle::grant(TaskId id, const SessionId& session_id, LineId line_id) {
  OracleSession& session = sessions[session_id];
  OracleLine& line = session.lines[line_id];
  OracleTask& task = tasks[id];
  std::int64_t lease = line.lease == 0 ? queue_of(task).settings.lease.count() : line.lease;
  const std::int64_t attempt = task.options.attempt_timeout.count();
  if (attempt != 0) lease = std::min(lease, std::max<std::int64_t>(3000, attempt));
  if (task.total_at != 0)
    lease = std::min(lease, std::max<std::int64_t>(3000, task.total_at - now));
  had_turn(task);
  task.token = Token((std::uint64_t{1} << 52) | ++counter_);
  task.session = session_id;
  task.number = GrantNumber(++session.grants);
  task.line = line_id;
  task.lease = lease;
  task.claimed_at = now;
  task.deadline = 0;
  ++task.attempt;
  extend(task, now + lease);
  move(id, TaskState::kClaimed, Cause::kGranted, task.token, session_id);
  pass_levels(task);
  Grant grant;
  grant.session = session_id;
  grant.manager = session.incarnation;
  grant.conn_epoch = session.conn_epoch;
  grant.number = task.number;
  grant.line = line_id;
  grant.task = id;
  grant.token = task.token;
  grant.attempt = task.attempt;
  grant.lease = Millis(lease);
  grant.expiries = task.expiries;
  grant.percent = task.percent;
  grant.progress = task.progress;
  if (task.checkpoint) {
    grant.checkpoint = task.checkpoint;
    grant.checkpoint_token = task.checkpoint_token;
  }
  effects_.grants.push_back(grant);
  session.served_in_a_row = session.served == line_id ? session.served_in_a_row + 1 : 1;
  session.served = line_id;
  if (!wants_more(session_id)) {
    update_waiting(session_id);
  } else if (!line.task && !has(Mistake::kNoTurns)) {
    line.turn = ++turn_;
  }
}

// ---- tasks look for lines ----

void Oracle::match_task(TaskId id) {
  const OracleTask& task = tasks[id];
  if (task.state != TaskState::kReady) return;
  if ((!is_open(task.queue) && !has(Mistake::kPauseLeaks)) || key_is_full(task)) return;
  for (const auto& [session, line] : ring(task.queue, id)) {
    if (!may_have(sessions[session].manager, id)) continue;
    grant(id, session, line);
    return;
  }
}

std::vector<TaskId> Oracle::oldest_first(const std::set<TaskId>& ready) const {
  std::map<std::tuple<std::uint64_t, TaskId>, TaskId> sorted;
  for (const TaskId id : ready) sorted[{tasks.at(id).order, id}] = id;
  std::vector<TaskId> order;
  for (const auto& [place, id] : sorted) order.push_back(id);
  return order;
}

void Oracle::match_queue(const std::string& queue) {
  const auto match_one = [&] {
    if (!is_open(queue) || ring(queue).empty()) return false;
    for (OracleLevel* level : levels_in_order(queue)) {
      for (const OracleLane* lane : lanes_in_order(queue, *level)) {
        if (match_lane(queue, *lane)) return true;
      }
    }
    return false;
  };
  while (match_one()) {
  }
}

// The lane's oldest task that some line may have, to the line on its own manager among the next 16,
// else to the next.
bool Oracle::match_lane(const std::string& queue, const OracleLane& lane) {
  for (const TaskId id : oldest_first(lane.tasks)) {
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
    return true;
  }
  return false;
}

// ---- lines look for tasks ----

std::optional<TaskId> Oracle::pick(const SessionId& session, const OracleLine& line) {
  const std::string& manager = sessions[session].manager;
  if (line.task) {
    const auto task = tasks.find(line.task);
    const bool ready = task != tasks.end() && task->second.state == TaskState::kReady &&
                       task->second.queue == line.queue && !key_is_full(task->second);
    const bool open = is_open(line.queue) || has(Mistake::kPauseLeaks);
    return ready && open && may_have(manager, line.task) ? std::optional(line.task) : std::nullopt;
  }
  if (!is_open(line.queue)) return std::nullopt;
  for (OracleLevel* level : levels_in_order(line.queue)) {
    for (OracleLane* lane : lanes_in_order(line.queue, *level)) {
      if (const auto task = pick_from(*lane, manager)) return task;
    }
  }
  return std::nullopt;
}

// The oldest that the manager may have, or its own oldest while such overtakings are few.
std::optional<TaskId> Oracle::pick_from(OracleLane& lane, const std::string& manager) {
  std::vector<TaskId> waiting = oldest_first(lane.tasks);
  std::erase_if(waiting, [&](TaskId id) { return !may_have(manager, id); });
  if (waiting.empty()) return std::nullopt;
  const TaskId oldest = waiting.front();
  const auto own = std::find_if(waiting.begin(), waiting.end(),
                                [&](TaskId id) { return shards[id.shard()].manager == manager; });
  const bool overtakes = own != waiting.end() && own->shard() != oldest.shard();
  if (overtakes && lane.overtaken < 1024 && !has(Mistake::kNoLocality)) {
    ++lane.overtaken;
    return *own;
  }
  if (lane.overtaken > 0) --lane.overtaken;
  return oldest;
}

// The session's lines, the one whose turn it is first.
std::vector<LineId> Oracle::turns_of(const OracleSession& session) const {
  std::vector<LineId> before;
  std::vector<LineId> after;
  for (const auto& [id, line] : session.lines) {
    const auto queue = of_queue.find(line.queue);
    const std::uint32_t weight = queue == of_queue.end() || has(Mistake::kNoShareOfLines)
                                     ? 1
                                     : queue->second.settings.weight;
    const bool again = id == session.served && session.served_in_a_row < weight;
    (id > session.served || again ? after : before).push_back(id);
  }
  after.insert(after.end(), before.begin(), before.end());
  return after;
}

void Oracle::match_session(const SessionId& id) {
  if (!sessions.contains(id)) return;
  update_waiting(id);
  while (wants_more(id)) {
    OracleSession& session = sessions[id];
    bool granted = false;
    for (const LineId line : turns_of(session)) {
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
