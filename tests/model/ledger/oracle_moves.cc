// Tasks go from state to state; what ends is remembered, or not.
#include <algorithm>

#include "tests/model/ledger/oracle.h"

namespace baton::center::model {

void Oracle::move(TaskId id, TaskState to, Cause cause, Token token, SessionId session) {
  OracleTask& task = tasks[id];
  const TaskState from = task.state;
  effects_.transitions.push_back({id, 1, from, to, cause, token, session});
  if (from == TaskState::kReady) leave_ready(id);
  if (from == TaskState::kClaimed) {
    claimed_.erase(id);
    if (has(Mistake::kCheckpointOfClaim)) task.checkpoint = {};
    if (has(Mistake::kProgressOfClaim)) task.progress.clear();
    count_claim(task, -1);
    births_.push_back({id, task.token, cause == Cause::kAck});
  }
  task.state = to;
  if (to == TaskState::kClaimed) {
    claimed_.insert(id);
    count_claim(task, +1);
  }
  if (task.finished()) {
    alive_.erase(id);
  } else {
    alive_.insert(id);
  }
  task.wait_until = to == TaskState::kReady && task.wait_timeout > 0 ? now + task.wait_timeout : 0;
  if (to == TaskState::kReady) {
    enter_ready(id);
    offer(id);
  }
}

bool Oracle::is_gone(TaskId id) {
  return shards[id.shard()].removed || is_missing(id) || tasks[id].damaged;
}

// Out of claimed, delayed or held: ready, unless its payload is known to be gone, or its time is
// over.
void Oracle::come_back(TaskId id, Cause cause, Token token, SessionId session) {
  OracleTask& task = tasks[id];
  if (shards[id.shard()].removed) {
    end(id, TaskState::kQuarantined, Cause::kRemoved, token, session);
  } else if (is_missing(id)) {
    end(id, TaskState::kQuarantined, Cause::kSealed, token, session);
  } else if (task.damaged) {
    end(id, TaskState::kQuarantined, Cause::kDamaged, token, session);
  } else if (task.total_at != 0 && task.total_at <= now && !has(Mistake::kComesBackTooLate)) {
    task.reason.reset();
    end(id, TaskState::kDead, Cause::kTotalTimeout, token, session);
  } else if (task.ttl_at != 0 && task.ttl_at <= now) {
    task.reason.reset();
    end(id, TaskState::kCancelled, Cause::kTimeToLive, token, session);
  } else {
    move(id, TaskState::kReady, cause, token, session);
    if (task.attempt + task.failures + task.expiries > 0) return;
    // As if it had never been claimed.
    task.token = Token();
    task.reason = "";
  }
}

void Oracle::end(TaskId id, TaskState to, Cause cause, Token token, SessionId session) {
  OracleTask& task = tasks[id];
  const TaskState from = task.state;
  move(id, to, cause, token, session);
  told_end(id, from, to);
  if (to == TaskState::kDead) return;
  if (const std::string& key = task.options.fair_key; !key.empty()) {
    auto& keys = queue_of(task).fair_keys;
    if (--keys[key].tasks == 0) keys.erase(key);
  }
  task.checkpoint = {};
  task.progress.clear();
  task.percent = 0;
  task.is_parent = false;
  if (to == TaskState::kQuarantined || to == TaskState::kVoid) return;
  remember(id, cause);
}

void Oracle::remember(TaskId id, Cause cause) {
  OracleTask& task = tasks[id];
  OracleQueue& queue = queue_of(task);
  const KeepFinished keep = queue.settings.keep;
  const bool by_choice = cause == Cause::kPurged || cause == Cause::kDiscarded;
  const bool wanted = keep == KeepFinished::kAll || (keep == KeepFinished::kResults &&
                                                     (task.result || cause == Cause::kCancelled));
  if (by_choice || !wanted) {
    task.reason = "";
    return;
  }
  task.kept = true;
  task.keeps_payload = keep == KeepFinished::kAll;
  task.deadline = now;
  queue.finished.push_back(id);
  forget_surplus(task.queue);
}

std::uint64_t Oracle::finished_bytes(const OracleTask& task) const {
  return (task.keeps_payload ? task.bytes : 0) + task.result.bytes;
}

void Oracle::forget(TaskId id) {
  OracleTask& task = tasks[id];
  task.kept = false;
  task.reason = "";
  std::erase(queue_of(task).finished, id);
}

void Oracle::forget_surplus(const std::string& name) {
  OracleQueue& queue = of_queue[name];
  const QueueSettings& settings = queue.settings;
  while (!queue.finished.empty() && !has(Mistake::kKeepsAll)) {
    std::uint64_t bytes = 0;
    for (const TaskId id : queue.finished) bytes += finished_bytes(tasks[id]);
    const bool too_large = settings.keep_bytes > 0 && bytes > settings.keep_bytes;
    if (queue.finished.size() <= settings.keep_count && !too_large) return;
    forget(queue.finished.front());
  }
}

void Oracle::cancel(TaskId id, Cause cause, const std::string& reason) {
  OracleTask& task = tasks[id];
  Token token;
  SessionId session;
  if (task.state == TaskState::kClaimed) {
    lose(id, LostCause::kCancelled);
    ++task.expiries;
    token = task.token;
    session = task.session;
  }
  task.reason = reason;
  task.result = {};
  end(id, TaskState::kCancelled, cause, token, session);
}

}  // namespace baton::center::model
