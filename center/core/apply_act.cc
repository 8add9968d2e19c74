#include "center/core/apply_act.h"

#include <string>
#include <utility>

#include "center/core/family.h"
#include "center/core/task_moves.h"
#include "center/core/task_view.h"

namespace baton::center {
namespace {

Status conflict(const TaskFacts& facts, const char* needed) {
  return {ErrorCode::kConflict,
          "the task is " + std::string(to_string(facts.state)) + ", " + needed};
}

// Whether it waits for a decision about tasks that failed.
bool is_stuck(const Tables& tables, TaskId task, const TaskFacts& facts) {
  if (facts.state != TaskState::kBlocked) return false;
  if (is_acked(tables, facts)) {
    const Family* family = tables.families.families.find(task);
    return family != nullptr && family->failed > 0;
  }
  const OptionsRow* options = options_of(tables, facts);
  return options != nullptr && options->after_failed > 0;
}

Status act_cancel(Work& work, TaskId task, const TaskFacts& facts, const std::string& reason) {
  if (facts.state == TaskState::kCancelled) return {};
  const bool may =
      facts.waits() || facts.state == TaskState::kHeld || facts.state == TaskState::kClaimed;
  if (!may) return conflict(facts, "not one that could still be cancelled");
  cancel(work, task, facts, Cause::kCancelled, reason);
  return {};
}

Status act_redrive(Work& work, TaskId task, const TaskFacts& facts) {
  if (facts.state != TaskState::kDead) return conflict(facts, "not dead");
  const Shard& shard = work.tables.members.shard(task.shard());
  if (shard.removed || shard.is_missing(task.offset()))
    return {ErrorCode::kDataLoss, "its payload is gone"};
  const OptionsRow* options = options_of(work.tables, facts);
  if (options != nullptr && options->unborn)
    return {ErrorCode::kConflict, "it comes with the completion of its parent, which is at work"};
  const Family* family = work.tables.families.families.find(task);
  if (is_acked(work.tables, facts) && family != nullptr && family->failed > 0 &&
      policy_of_parent(work.tables, task, facts) == FailurePolicy::kFail) {
    return {ErrorCode::kConflict, "it is dead because of its children: redrive those first, or copy it"};
  }
  redrive(work, task, facts);
  return {};
}

Status act_discard(Work& work, TaskId task, const TaskFacts& facts) {
  if (facts.state != TaskState::kDead) return conflict(facts, "not dead");
  discard(work, task, facts);
  return {};
}

Status act_resume(Work& work, TaskId task, const TaskFacts& facts, const std::string& reason) {
  if (facts.state == TaskState::kHeld) {
    resume(work, task, facts, reason);
    return {};
  }
  if (!is_stuck(work.tables, task, facts))
    return conflict(facts, "neither held nor blocked by a task that failed");
  set_reason(work, task, reason);
  ignore_failed(work, task, facts);
  return {};
}

Status act_complete(Work& work, TaskId task, const TaskFacts& facts, const std::string& reason) {
  const bool may = facts.state == TaskState::kHeld ||
                   (facts.state == TaskState::kBlocked && is_acked(work.tables, facts));
  if (!may) return conflict(facts, "neither held nor waiting for its children");
  replace_reason(work, task, reason);
  finish(work, task, facts, Cause::kCompleted);
  return {};
}

Status act_kill(Work& work, TaskId task, const TaskFacts& facts, const std::string& reason) {
  if (facts.state == TaskState::kDead) return {};
  const bool may =
      facts.state == TaskState::kHeld || (facts.waits() && facts.state != TaskState::kPending);
  if (!may) return conflict(facts, "not one that waits");
  kill(work, task, facts, Cause::kKilled, reason.empty() ? "killed by an operator" : reason);
  return {};
}

Status act(Work& work, TaskId task, const TaskFacts& facts, const ActOn& command) {
  switch (command.action) {
    case TaskAction::kCancel:
      return act_cancel(work, task, facts, command.reason);
    case TaskAction::kRedrive:
      return act_redrive(work, task, facts);
    case TaskAction::kDiscard:
      return act_discard(work, task, facts);
    case TaskAction::kResume:
      return act_resume(work, task, facts, command.reason);
    case TaskAction::kComplete:
      return act_complete(work, task, facts, command.reason);
    case TaskAction::kKill:
      return act_kill(work, task, facts, command.reason);
  }
  return {ErrorCode::kInvalidArgument, "no such action"};
}

ActedItem act_on(Work& work, TaskId task, const ActOn& command) {
  Tables& tables = work.tables;
  const Shard* shard = task.valid() ? tables.members.find_shard(task.shard()) : nullptr;
  if (shard == nullptr) return {{ErrorCode::kNotFound, "no task has this id"}, TaskState::kNone};
  if (task.offset() >= shard->created_hi()) {
    return {{ErrorCode::kUnavailable, "the ledger does not know the task yet"}, TaskState::kNone};
  }
  const TaskFacts facts = facts_of(tables, task);
  if (is_lost(tables, task, facts))
    return {{ErrorCode::kConflict, "its manager was removed"}, TaskState::kQuarantined};
  // How it ended the ledger does not know any more.
  if (facts.state == TaskState::kDone && !facts.queue)
    return {{ErrorCode::kConflict, "the task has ended, and nothing of it is kept"},
            TaskState::kNone};
  Status status = act(work, task, facts, command);
  // What was discarded is not remembered, and neither is all that was cancelled.
  const bool ends = command.action == TaskAction::kDiscard || command.action == TaskAction::kCancel;
  const TaskState state = ends && status.ok() ? TaskState::kCancelled : state_of(tables, task);
  return {std::move(status), state};
}

}  // namespace

ActOutcome apply_act(Work& work, const ActOn& command) {
  ActOutcome outcome;
  outcome.items.reserve(command.tasks.size());
  for (const TaskId task : command.tasks) {
    if (outcome.items.size() >= kEntryTasksMax) {
      outcome.items.push_back({{ErrorCode::kTooLarge, "too many tasks"}, TaskState::kNone});
    } else {
      outcome.items.push_back(act_on(work, task, command));
    }
  }
  return outcome;
}

}  // namespace baton::center
