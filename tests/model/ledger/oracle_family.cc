// Who waits for whom: ordering keys, tasks after tasks, parents and children (R7, R8).
#include <algorithm>

#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

FailurePolicy or_fail(FailurePolicy policy) {
  return policy == FailurePolicy::kDefault ? FailurePolicy::kFail : policy;
}

}  // namespace

// ---- ordering keys ----

// The task holds its key, or stands at the end of the line.
bool Oracle::enter_key(TaskId id) {
  const OracleTask& task = tasks[id];
  if (!task.order_key) return true;
  OracleOrderKey& key = queue_of(task).order_keys[*task.order_key];
  if (!key.holder || key.holder == id || has(Mistake::kTwoHolders)) {
    key.holder = id;
    return true;
  }
  key.line.push_back(id);
  return false;
}

void Oracle::release_key(TaskId id) {
  const OracleTask& task = tasks[id];
  if (!task.order_key) return;
  OracleOrderKey& key = queue_of(task).order_keys[*task.order_key];
  if (key.holder != id) return;
  key.holder = TaskId();
  if (key.line.empty()) return;
  key.holder = key.line.front();
  key.line.erase(key.line.begin());
  unblock(key.holder, Cause::kUnblocked);
}

// A task that nothing keeps from it any more goes on.
void Oracle::unblock(TaskId id, Cause cause) {
  OracleTask& task = tasks[id];
  if (task.acked || shards[id.shard()].removed) return;
  const bool holds = !task.order_key || queue_of(task).order_keys[*task.order_key].holder == id;
  TaskState next = TaskState::kReady;
  if (!holds || task.blocked_on() > 0) {
    next = TaskState::kBlocked;
  } else if (!task.redriven && task.options.not_before.ms > calendar && !has(Mistake::kEarly)) {
    next = TaskState::kDelayed;
    task.backs_off = false;
  }
  if (next != task.state) move(id, next, cause, {}, {});
}

// Its idempotency key, if it has one, is its own from its birth on; false: another task has it.
bool Oracle::takes_key(TaskId id) {
  const OracleTask& task = tasks[id];
  if (!task.birth_key) return true;
  const auto& [hash, content] = *task.birth_key;
  if (find_key(task.queue, hash) != nullptr) return false;
  add_key(task.queue, hash, id, content);
  return true;
}

// Nothing of the shard from this offset on will ever be: who runs after it hears that it failed.
void Oracle::tell_lost(ShardId shard, std::uint64_t from) {
  std::set<TaskId> lost;
  for (const TaskId id : alive_) {
    for (const auto& [other, bond] : tasks[id].after) {
      if (other.shard() == shard && other.offset().value() >= from && bond != Bond::kOver)
        lost.insert(other);
    }
  }
  for (const TaskId id : lost) tellings_.push_back({id, true, false});
}

// ---- ends ----

void Oracle::told_end(TaskId id, TaskState from, TaskState to) {
  OracleTask& task = tasks[id];
  if (task.order_key) {
    OracleOrderKey& key = queue_of(task).order_keys[*task.order_key];
    std::erase(key.line, id);
    const bool holds_on = to == TaskState::kDead &&
                          queue_of(task).settings.on_dead == OnDead::kHoldKey &&
                          !has(Mistake::kDeadHoldsNothing);
    if (!holds_on) release_key(id);
  }
  task.after.clear();
  if (from == TaskState::kDead) return;  // they were told when it died
  tellings_.push_back({id, to != TaskState::kDone, task.bond.has_value()});
}

void Oracle::tell_dependent(TaskId id, TaskId ended, bool failed) {
  OracleTask& task = tasks[id];
  if (!task.waits() || task.blocked_on() == 0) return;
  const FailurePolicy policy = or_fail(task.options.on_failed);
  if (failed && policy == FailurePolicy::kWait && !has(Mistake::kFailureIsEnd)) {
    task.after[ended] = Bond::kFailed;
    return;
  }
  if (failed && policy == FailurePolicy::kFail && !has(Mistake::kFailureIsEnd)) {
    task.reason.reset();
    end(id, TaskState::kDead, Cause::kDependencyFailed);
    return;
  }
  task.after[ended] = Bond::kOver;
  if (has(Mistake::kAfterAny)) task.after.clear();
  // One that nobody sees yet begins with its parent's ack.
  if (task.blocked_on() == 0 && task.state != TaskState::kPending) unblock(id, Cause::kUnblocked);
}

// ---- parents and children ----

std::vector<TaskId> Oracle::children_of(TaskId parent) const {
  const auto found = children_.find(parent);
  return found == children_.end() ? std::vector<TaskId>() : found->second;
}

std::size_t Oracle::children_with(TaskId parent, Bond bond) const {
  std::size_t found = 0;
  for (const TaskId child : children_of(parent)) found += tasks.at(child).bond == bond ? 1 : 0;
  return found;
}

// One that ended before its birth is counted until then, too.
std::size_t Oracle::children_pending(TaskId parent) const {
  std::size_t found = 0;
  for (const TaskId child : children_of(parent)) found += tasks.at(child).unborn ? 1 : 0;
  return found;
}

FailurePolicy Oracle::policy_of(const OracleTask& parent) const {
  const bool stated = parent.policy != FailurePolicy::kDefault && !has(Mistake::kPolicyOfTask);
  return or_fail(stated ? parent.policy : parent.options.on_failed);
}

void Oracle::judge_parent(TaskId id) {
  OracleTask& task = tasks[id];
  if (!task.acked || task.state != TaskState::kBlocked) return;
  const FailurePolicy policy = policy_of(task);
  const bool failed = children_with(id, Bond::kFailed) > 0;
  const bool open = children_with(id, Bond::kOpen) + children_pending(id) > 0;
  if (failed && policy == FailurePolicy::kFail) {
    task.reason.reset();
    end(id, TaskState::kDead, Cause::kChildFailed);
  } else if (!open && (!failed || policy == FailurePolicy::kIgnore)) {
    end(id, TaskState::kDone, Cause::kChildrenDone);
  }
}

void Oracle::tell_parent(TaskId child, bool failed) {
  tasks[child].bond = failed ? Bond::kFailed : Bond::kOver;
  judge_parent(tasks[child].options.parent);
}

// What ended in this command is told: first claims to the children that were to come with their
// completion, then tasks to those that wait for them.
void Oracle::do_jobs() {
  while (!births_.empty()) {
    const Birth birth = births_.front();
    births_.pop_front();
    bool voided = false;
    std::vector<TaskId> children = children_of(birth.parent);
    std::sort(children.begin(), children.end());
    for (const TaskId child : children) {
      OracleTask& task = tasks[child];
      if (!task.unborn || task.options.parent_token != birth.token) continue;
      task.unborn = false;
      const bool lives = birth.acked || has(Mistake::kOrphansLive);
      voided = voided || !lives;
      const bool dead = task.state == TaskState::kDead;
      if (!lives && (dead || task.state == TaskState::kPending)) {
        end(child, TaskState::kVoid, Cause::kParentGone);
      } else if (dead && !takes_key(child)) {
        end(child, TaskState::kVoid, Cause::kDuplicate);
      } else if (task.state != TaskState::kPending) {
        if (lives) task.bond = Bond::kFailed;
      } else if (takes_key(child)) {
        task.bond = Bond::kOpen;
        enter_key(child);
        unblock(child, Cause::kParentAcked);
      } else {
        end(child, TaskState::kVoid, Cause::kDuplicate);
      }
    }
    const bool none = voided && children_with(birth.parent, Bond::kOpen) +
                                        children_with(birth.parent, Bond::kFailed) +
                                        children_pending(birth.parent) ==
                                    0;
    if (none) tasks[birth.parent].is_parent = false;
    judge_parent(birth.parent);
  }
  while (!tellings_.empty()) {
    const Telling telling = tellings_.front();
    tellings_.pop_front();
    if (telling.to_parent) tell_parent(telling.task, telling.failed);
    std::vector<TaskId> dependents;
    for (const TaskId id : alive_) {
      const auto bond = tasks[id].after.find(telling.task);
      if (bond != tasks[id].after.end() && bond->second != Bond::kOver) dependents.push_back(id);
    }
    for (const TaskId id : dependents) tell_dependent(id, telling.task, telling.failed);
  }
}

}  // namespace baton::center::model
