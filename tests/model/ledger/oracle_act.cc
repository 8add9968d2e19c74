// What operators do with tasks from outside (R11).
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

Status conflict() { return {ErrorCode::kConflict, ""}; }

}  // namespace

ActOutcome Oracle::act_on(const ActOn& c) {
  ActOutcome outcome;
  for (const TaskId id : c.tasks) {
    if (!id.valid() || !shards.contains(id.shard())) {
      outcome.items.push_back({{ErrorCode::kNotFound, ""}, TaskState::kNone});
    } else if (!tasks.contains(id)) {
      outcome.items.push_back({{ErrorCode::kUnavailable, ""}, TaskState::kNone});
    } else if (tasks[id].finished() && !tasks[id].kept) {
      outcome.items.push_back({conflict(), TaskState::kNone});
    } else {
      const Status status = act(id, c);
      const bool ends = c.action == TaskAction::kCancel || c.action == TaskAction::kDiscard;
      outcome.items.push_back({status, ends && status.ok() ? TaskState::kCancelled : seen(id)});
    }
  }
  return outcome;
}

Status Oracle::act(TaskId id, const ActOn& c) {
  OracleTask& task = tasks[id];
  const bool held = task.state == TaskState::kHeld;
  switch (c.action) {
    case TaskAction::kCancel: {
      if (task.state == TaskState::kCancelled) return {};
      const bool claimed = task.state == TaskState::kClaimed && !has(Mistake::kCancelLeavesClaim);
      if (!task.waits() && !held && !claimed) return conflict();
      cancel(id, Cause::kCancelled, c.reason);
      return {};
    }
    case TaskAction::kRedrive:
      return redrive(id);
    case TaskAction::kDiscard:
      if (task.state != TaskState::kDead) return conflict();
      task.result = {};
      end(id, TaskState::kCancelled, Cause::kDiscarded);
      return {};
    case TaskAction::kResume:
      return resume(id, c.reason);
    case TaskAction::kComplete:
      if (!held && !(task.acked && task.state == TaskState::kBlocked)) return conflict();
      task.reason = c.reason;
      end(id, TaskState::kDone, Cause::kCompleted);
      return {};
    case TaskAction::kKill:
      if (task.state == TaskState::kDead) return {};
      if (!held && (!task.waits() || task.state == TaskState::kPending)) return conflict();
      task.reason = c.reason;
      if (c.reason.empty()) task.reason.reset();
      end(id, TaskState::kDead, Cause::kKilled);
      return {};
  }
  return {ErrorCode::kInvalidArgument, ""};
}

Status Oracle::redrive(TaskId id) {
  OracleTask& task = tasks[id];
  if (task.state != TaskState::kDead) return conflict();
  if (shards[id.shard()].removed || is_missing(id)) return {ErrorCode::kDataLoss, ""};
  if (task.unborn) return conflict();
  if (task.acked && children_with(id, Bond::kFailed) > 0 && policy_of(task) == FailurePolicy::kFail)
    return conflict();
  if (!has(Mistake::kRedriveRemembers)) task.attempt = 0;
  task.expiries = 0;
  task.failures = 0;
  task.reason = "";
  task.redriven = true;
  task.after.clear();
  task.ttl_at = task.total_at = 0;
  if (task.bond) task.bond = Bond::kOpen;  // also when somebody had decided about it
  for (const TaskId other : alive_) {
    const auto bond = tasks[other].after.find(id);
    if (bond != tasks[other].after.end() && bond->second == Bond::kFailed)
      bond->second = Bond::kOpen;
  }
  const bool goes_on = !task.acked && enter_key(id);
  move(id, goes_on ? TaskState::kReady : TaskState::kBlocked, Cause::kRedriven, task.token, {});
  judge_parent(id);
  return {};
}

Status Oracle::resume(TaskId id, const std::string& reason) {
  OracleTask& task = tasks[id];
  if (task.state == TaskState::kHeld) {
    task.reason = reason;
    come_back(id, Cause::kResumed, task.token, {});
    return {};
  }
  if (task.state != TaskState::kBlocked) return conflict();
  if (task.acked) {
    if (children_with(id, Bond::kFailed) == 0) return conflict();
    for (const TaskId child : children_of(id)) {
      if (tasks[child].bond == Bond::kFailed) tasks[child].bond = Bond::kOver;
    }
    if (!reason.empty()) task.reason = reason;
    note_resumed(id);
    judge_parent(id);
    return {};
  }
  if (task.after_with(Bond::kFailed) == 0) return conflict();
  for (auto& [other, bond] : task.after) {
    if (bond == Bond::kFailed) bond = Bond::kOver;
  }
  if (!reason.empty()) task.reason = reason;
  if (task.blocked_on() == 0) unblock(id, Cause::kResumed);
  if (tasks[id].state == TaskState::kBlocked) note_resumed(id);
  return {};
}

// It was decided, and the task waits on.
void Oracle::note_resumed(TaskId id) {
  effects_.transitions.push_back(
      {id, 1, TaskState::kBlocked, TaskState::kBlocked, Cause::kResumed, Token(), SessionId()});
}

}  // namespace baton::center::model
