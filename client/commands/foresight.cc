#include "client/commands/foresight.h"

#include <algorithm>
#include <utility>

namespace baton::commands {
namespace {

using client::ExplainCode;
using client::TaskState;

// What the ledger says of a parent that is dead because of its children.
constexpr char kDeadOfChildren[] = "one of its children failed";
constexpr char kAnotherFailed[] = "a task that it waits for has failed";

Status refused(const std::string& why) { return {ErrorCode::kConflict, why}; }

bool has_failed(TaskState state) {
  return state == TaskState::kDead || state == TaskState::kCancelled ||
         state == TaskState::kQuarantined || state == TaskState::kVoid;
}

bool allowed(TaskAction action, TaskState state) {
  const bool held = state == TaskState::kHeld;
  const bool waits =
      state == TaskState::kReady || state == TaskState::kDelayed || state == TaskState::kBlocked;
  switch (action) {
    case TaskAction::kCancel:
      return held || waits || state == TaskState::kPending || state == TaskState::kClaimed ||
             state == TaskState::kCancelled;
    case TaskAction::kRedrive:
    case TaskAction::kDiscard:
      return state == TaskState::kDead;
    case TaskAction::kResume:
    case TaskAction::kComplete:
      return held;  // a blocked one depends on more
    case TaskAction::kKill:
      return held || waits || state == TaskState::kDead;
  }
  return false;
}

Foreseen by_state(TaskAction action, TaskState state) {
  if (allowed(action, state)) return {{}, state, ""};
  return {refused("the task is " + std::string(client::to_string(state))), state, ""};
}

// Its own work is done, and it waits for its children, or for a person because of them.
bool waits_for_children(const client::Explanation& why) {
  return why.because == ExplainCode::kChildren ||
         (why.because == ExplainCode::kDecision && why.task.blocked_on == 0);
}

void add_condition(std::string& all, const std::string& one) {
  all += (all.empty() ? "" : ", and ") + one;
}

}  // namespace

void Foresight::begin(std::function<void()> ready) {
  if (action_ != TaskAction::kRedrive) return query_.loop().post(std::move(ready));
  query_.admin().list_managers(
      query_.timeout(),
      [this, ready = std::move(ready)](Result<std::vector<client::ManagerInfo>> managers) {
        if (managers.ok()) managers_ = std::move(managers).value();
        ready();
      });
}

void Foresight::look(TaskId task, Done done) {
  query_.admin().task(task, query_.timeout(),
                      [this, done = std::move(done)](const Result<client::TaskInfo>& found) {
                        if (found.ok()) return on_task(found.value(), done);
                        done({found.status(), TaskState::kNone, ""});
                      });
}

void Foresight::on_task(const client::TaskInfo& task, Done done) {
  if (task.queue.empty() && task.state == TaskState::kCancelled)
    return done({refused("the task has ended, and nothing of it is kept"), task.state, ""});
  const bool decides = action_ == TaskAction::kResume || action_ == TaskAction::kComplete;
  if (task.state == TaskState::kBlocked && decides) return explain(task.task, std::move(done));
  if (task.state != TaskState::kDead || action_ != TaskAction::kRedrive)
    return done(by_state(action_, task.state));
  look_at_payload(std::make_shared<Dead>(Dead{task, "", std::move(done)}));
}

// ---- what is blocked --------------------------------------------------------------------------

void Foresight::explain(TaskId task, Done done) {
  query_.admin().explain_task(
      task, query_.timeout(),
      [this, done = std::move(done)](const Result<client::Explanation>& why) {
        if (why.ok()) return on_explained(why.value(), done);
        done({why.status(), TaskState::kBlocked, ""});
      });
}

void Foresight::on_explained(const client::Explanation& why, Done done) {
  const TaskState state = why.task.state;
  if (state != TaskState::kBlocked) return done(by_state(action_, state));
  const bool in_circle = why.because == ExplainCode::kDeadlock;
  if (action_ == TaskAction::kComplete) {
    if (in_circle && why.task.blocked_on == 0)
      return done({{}, state, "it waits for its children"});
    if (waits_for_children(why)) return done({{}, state, ""});
    return done({refused("the task is blocked, but not waiting for its children"), state, ""});
  }
  if (why.because == ExplainCode::kDecision) return done({{}, state, ""});
  const bool after = why.because == ExplainCode::kAfter || in_circle;
  if (after && why.task.blocked_on > 0 && why.other) return look_at_other(why, std::move(done));
  if (why.task.blocked_on > 0) return done({{}, state, kAnotherFailed});
  done({refused("the task is blocked, but not by one that failed"), state, ""});
}

// Of those that it runs after, the explanation names one that failed before all others.
void Foresight::look_at_other(const client::Explanation& why, Done done) {
  query_.admin().task(
      why.other, query_.timeout(), [done = std::move(done)](const Result<client::TaskInfo>& other) {
        const TaskState state = TaskState::kBlocked;
        if (!other.ok()) return done({{}, state, kAnotherFailed});
        if (has_failed(other.value().state)) return done({{}, state, ""});
        done({refused("the task is blocked, but not by one that failed"), state, ""});
      });
}

// ---- what is dead -----------------------------------------------------------------------------

// Where a store was replaced or removed, payloads are missing; elsewhere none is asked for.
bool Foresight::may_lack_payload(TaskId task) const {
  if (managers_.empty()) return false;
  const auto owner = std::ranges::find_if(managers_, [&](const client::ManagerInfo& manager) {
    return std::ranges::find(manager.shards, task.shard()) != manager.shards.end();
  });
  return owner == managers_.end() || owner->sealed;
}

void Foresight::look_at_payload(const DeadPtr& dead) {
  if (!may_lack_payload(dead->task.task)) return look_at_parent(dead);
  query_.admin().task_payload(dead->task.task, query_.timeout(),
                              [this, dead](const Result<std::string>& payload) {
                                const ErrorCode code = payload.status().code();
                                if (code == ErrorCode::kNotFound || code == ErrorCode::kDataLoss)
                                  return end(dead, {ErrorCode::kDataLoss, "its payload is gone"});
                                if (!payload.ok())
                                  add_condition(dead->only_if, "its payload is not gone");
                                look_at_parent(dead);
                              });
}

void Foresight::look_at_parent(const DeadPtr& dead) {
  const client::TaskInfo& task = dead->task;
  if (task.children_failed > 0) {
    if (task.reason == kDeadOfChildren)
      return end(dead, refused("it is dead because of its children: redrive those first"));
    add_condition(dead->only_if, "it is not dead because of its children");
  }
  if (!task.parent) return end(dead);
  query_.admin().task(
      task.parent, query_.timeout(), [this, dead](const Result<client::TaskInfo>& parent) {
        const TaskState state = parent.ok() ? parent.value().state : TaskState::kNone;
        const bool at_work = state == TaskState::kClaimed || state == TaskState::kReady ||
                             state == TaskState::kDelayed || state == TaskState::kHeld;
        if (at_work) {
          add_condition(dead->only_if,
                        "it does not come with the completion of its parent, which "
                        "is at work");
        }
        end(dead);
      });
}

void Foresight::end(const DeadPtr& dead, Status status) {
  dead->done({std::move(status), TaskState::kDead, dead->only_if});
}

}  // namespace baton::commands
