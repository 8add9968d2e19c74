#include "center/core/family.h"

#include <algorithm>
#include <string>

#include "center/core/task_moves.h"
#include "center/core/waiting.h"

namespace baton::center {
namespace {

FailurePolicy policy_of(FailurePolicy stated) {
  return stated == FailurePolicy::kDefault ? FailurePolicy::kFail : stated;
}

bool is_known(const Tables& tables, TaskId task) {
  const Shard* shard = tables.members.find_shard(task.shard());
  return shard != nullptr && task.offset() < shard->created_hi();
}

std::string name_of(TaskId task) { return "task " + to_string(task); }

// ---- ordering keys ----

// Whether a task that is next in line still waits for the key: it may have ended there.
bool waits_for_key(const Tables& tables, std::uint32_t order_key, TaskId task) {
  if (tables.members.shard(task.shard()).removed) return false;
  const TaskFacts facts = facts_of(tables, task);
  return facts.state == TaskState::kBlocked && facts.order_key == order_key;
}

// ---- tasks that run after others ----

void tell_dependent(Work& work, TaskId task, TaskId ended, Ending ending) {
  Tables& tables = work.tables;
  const TaskFacts facts = facts_of(tables, task);
  const OptionsRow* known = options_of(tables, facts);
  if (known == nullptr || known->after_open == 0 || !facts.waits()) {
    tables.families.dependents.erase({ended, task});  // it went on, or ended, without
    return;
  }
  const FailurePolicy policy = policy_of(known->on_failed);
  OptionsRow& options = tables.task_options.edit(facts.options);
  if (ending == Ending::kFailed && policy == FailurePolicy::kWait) {
    ++options.after_failed;
    return;
  }
  tables.families.dependents.erase({ended, task});
  if (ending == Ending::kFailed && policy == FailurePolicy::kFail) {
    return kill(work, task, facts, Cause::kDependencyFailed,
                "it was to run after " + name_of(ended) + ", which failed");
  }
  --options.after_open;
  // One that nobody sees yet begins with its parent's ack.
  if (options.after_open == 0 && facts.state != TaskState::kPending)
    unblock(work, task, facts, Cause::kUnblocked);
}

// One dependent; false when there are no more.
bool tell_next(Work& work, JobTable::Telling& telling) {
  Tables& tables = work.tables;
  const TaskId dependent =
      FamilyTable::next(tables.families.dependents, telling.task, telling.next);
  if (!dependent) return false;
  telling.next = TaskId(dependent.value() + 1);
  tell_dependent(work, dependent, telling.task, telling.ending);
  return true;
}

// ---- parents ----

void tell_parent(Work& work, TaskId parent, Ending ending) {
  Family* family = work.tables.families.families.edit(parent);
  if (family == nullptr) return;
  --family->open;
  if (ending == Ending::kFailed) ++family->failed;
  judge_parent(work, parent);
}

// ---- children that come with a completion ----

// The child begins its life, or never was.
void bear(Work& work, const JobTable::Birth& birth, TaskId child) {
  Tables& tables = work.tables;
  const TaskFacts facts = facts_of(tables, child);
  const OptionsRow* options = options_of(tables, facts);
  // Of a claim that came later: its own end will decide.
  if (options != nullptr && options->parent_token > birth.token) return;
  tables.families.pending.erase({birth.parent, child});
  Family* family = tables.families.families.edit(birth.parent);
  if (family != nullptr) {
    --family->pending;
    if (birth.acked && facts.state == TaskState::kPending) ++family->open;
    if (!birth.acked && family->open + family->pending + family->failed == 0)
      tables.families.families.erase(birth.parent);
  }
  if (facts.state != TaskState::kPending) return;  // it was cancelled, or its payload is gone
  if (birth.acked) {
    if (facts.order_key != kNoSlot) enter_key(work, facts.order_key, child);
    unblock(work, child, facts, Cause::kParentAcked);
  } else {
    make_void(work, child, facts, Cause::kParentGone);
  }
}

}  // namespace

void judge_parent(Work& work, TaskId parent) {
  Tables& tables = work.tables;
  const Family* family = tables.families.families.find(parent);
  const TaskFacts facts = facts_of(tables, parent);
  const bool waits = family != nullptr && facts.row != kNoSlot && tables.rows[facts.row].acked &&
                     facts.state == TaskState::kBlocked;
  if (!waits) return;
  const OptionsRow* options = options_of(tables, facts);
  FailurePolicy stated = family->policy;
  if (stated == FailurePolicy::kDefault && options != nullptr) stated = options->on_failed;
  const FailurePolicy policy = policy_of(stated);
  const bool failed = family->failed > 0;
  if (failed && policy == FailurePolicy::kFail) {
    kill(work, parent, facts, Cause::kChildFailed, "one of its children failed");
  } else if (family->open + family->pending == 0 && (!failed || policy == FailurePolicy::kIgnore)) {
    finish(work, parent, facts, Cause::kChildrenDone);
  }
}

void told_end(Work& work, TaskId task, const TaskFacts& facts, TaskState state) {
  Tables& tables = work.tables;
  const bool keeps_key =
      state == TaskState::kDead && tables.queues[facts.queue].settings.on_dead == OnDead::kHoldKey;
  if (facts.order_key != kNoSlot && !keeps_key) release_key(work, facts.order_key, task);
  if (facts.state == TaskState::kDead) return;  // they were told when it died
  const OptionsRow* options = options_of(tables, facts);
  TaskId parent = options == nullptr ? TaskId() : options->parent;
  if (facts.state == TaskState::kPending) {
    // It never began: its parent does not wait for it.
    tables.families.pending.erase({parent, task});
    if (Family* family = tables.families.families.edit(parent); family != nullptr)
      --family->pending;
    parent = TaskId();
  }
  const bool wanted = !tables.families.dependents.empty() &&
                      FamilyTable::next(tables.families.dependents, task, TaskId(1));
  if (!parent && !wanted) return;
  tables.jobs.tellings.push_back(
      {task, state == TaskState::kDone ? Ending::kDone : Ending::kFailed, parent, TaskId(1)});
}

void told_redrive(Work& work, TaskId task, const TaskFacts& facts) {
  Tables& tables = work.tables;
  const OptionsRow* options = options_of(tables, facts);
  Family* family = options == nullptr ? nullptr : tables.families.families.edit(options->parent);
  if (family != nullptr && family->failed > 0) {
    --family->failed;
    ++family->open;
  }
  // Those that run after it and have gone on, or died, are not there any more.
  for (TaskId next = FamilyTable::next(tables.families.dependents, task, TaskId(1)); next;
       next = FamilyTable::next(tables.families.dependents, task, TaskId(next.value() + 1))) {
    if (!work.spend()) return;
    const TaskFacts waiting = facts_of(tables, next);
    if (waiting.options == kNoSlot) continue;
    OptionsRow& other = tables.task_options.edit(waiting.options);
    if (other.after_failed > 0) --other.after_failed;
  }
}

void end_spawning(Work& work, TaskId parent, Token token, bool acked) {
  const Family* family = work.tables.families.families.find(parent);
  if (family == nullptr || family->pending == 0) return;
  work.tables.jobs.births.push_back({parent, token, acked, TaskId(1)});
}

bool enter_key(Work& work, std::uint32_t order_key, TaskId task) {
  OrderKey& key = work.tables.order_keys.edit(order_key);
  if (!key.holder || key.holder == task) {
    key.holder = task;
    return true;
  }
  work.tables.order_keys.push(order_key, task);
  return false;
}

void release_key(Work& work, std::uint32_t order_key, TaskId holder) {
  Tables& tables = work.tables;
  if (tables.order_keys[order_key].holder != holder) return;
  tables.order_keys.edit(order_key).holder = TaskId();
  while (tables.order_keys[order_key].begin < tables.order_keys[order_key].line.size()) {
    const TaskId next = tables.order_keys.pop(order_key);
    if (!waits_for_key(tables, order_key, next)) continue;
    tables.order_keys.edit(order_key).holder = next;
    return unblock(work, next, facts_of(tables, next), Cause::kUnblocked);
  }
}

void continue_telling(Work& work) {
  Tables& tables = work.tables;
  JobTable& jobs = tables.jobs;
  while (!jobs.births.empty() && work.budget > 0) {
    JobTable::Birth& birth = jobs.births.front();
    const TaskId child = FamilyTable::next(tables.families.pending, birth.parent, birth.next);
    if (!child) {
      const TaskId parent = birth.parent;
      jobs.births.pop_front();
      judge_parent(work, parent);
      continue;
    }
    work.spend();
    birth.next = TaskId(child.value() + 1);
    bear(work, JobTable::Birth(birth), child);
  }
  while (!jobs.tellings.empty() && work.budget > 0) {
    JobTable::Telling telling = jobs.tellings.front();
    if (telling.parent) {
      jobs.tellings.front().parent = TaskId();
      work.spend();
      tell_parent(work, telling.parent, telling.ending);
      continue;
    }
    work.spend();
    const bool more = tell_next(work, telling);
    if (more) {
      jobs.tellings.front().next = telling.next;
    } else {
      jobs.tellings.pop_front();
    }
  }
}

void ignore_failed(Work& work, TaskId task, const TaskFacts& facts) {
  Tables& tables = work.tables;
  if (Family* family = tables.families.families.edit(task); family != nullptr) {
    family->failed = 0;
    judge_parent(work, task);
    return;
  }
  const OptionsRow* options = options_of(tables, facts);
  if (options == nullptr || options->after_failed == 0) return;
  OptionsRow& edited = tables.task_options.edit(facts.options);
  edited.after_open -= std::min(edited.after_open, edited.after_failed);
  edited.after_failed = 0;
  if (edited.after_open == 0) unblock(work, task, facts, Cause::kResumed);
}

void tell_failed(Work& work, TaskId task, const TaskOptions& options) {
  for (const TaskId other : options.after) {
    if (!is_known(work.tables, other)) continue;
    const TaskState state = facts_of(work.tables, other).state;
    const bool failed = state == TaskState::kDead || state == TaskState::kCancelled ||
                        state == TaskState::kQuarantined;
    if (failed) tell_dependent(work, task, other, Ending::kFailed);
  }
}

void join_family(Work& work, TaskId task, const TaskOptions& options, OptionsRow& row) {
  Tables& tables = work.tables;
  for (const TaskId other : options.after) {
    if (is_known(tables, other) && facts_of(tables, other).state == TaskState::kDone) continue;
    ++row.after_open;
    tables.families.dependents.insert({other, task}, {});
  }
  if (!options.parent) return;
  Family& family = tables.families.families[options.parent];
  if (options.with_completion) {
    ++family.pending;
    tables.families.pending.insert({options.parent, task}, {});
  } else {
    ++family.open;
  }
}

}  // namespace baton::center
