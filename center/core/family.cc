#include "center/core/family.h"

#include <algorithm>
#include <string>
#include <utility>

#include "center/core/order_lines.h"
#include "center/core/task_moves.h"
#include "center/core/task_view.h"
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

bool has_dependents(const Tables& tables, TaskId task) {
  return !tables.families.dependents.empty() &&
         FamilyTable::next(tables.families.dependents, task, TaskId(1));
}

// ---- tasks that run after others ----

// The failure of `ended` counts for the task, until somebody decides.
void count_failed(Work& work, TaskId task, TaskId ended, const TaskFacts& facts) {
  FamilyTable::Told* told = work.tables.families.dependents.edit({ended, task});
  if (told->failed) return;
  told->failed = true;
  ++work.tables.task_options.edit(facts.options).after_failed;
}

// `ended` keeps the task from nothing any more.
void count_finished(Work& work, TaskId task, TaskId ended, const TaskFacts& facts) {
  Tables& tables = work.tables;
  OptionsRow& options = tables.task_options.edit(facts.options);
  if (tables.families.dependents.find({ended, task})->failed) --options.after_failed;
  tables.families.undepend(task, ended);
  --options.after_open;
  // One that nobody sees yet begins with its parent's ack.
  if (options.after_open == 0 && facts.state != TaskState::kPending)
    unblock(work, task, facts, Cause::kUnblocked);
}

void count_revived(Work& work, TaskId task, TaskId revived, const TaskFacts& facts) {
  FamilyTable::Told* told = work.tables.families.dependents.edit({revived, task});
  if (!told->failed) return;
  told->failed = false;
  --work.tables.task_options.edit(facts.options).after_failed;
}

// REQUIRES: the pair exists, which only a task that still waits has.
void tell_dependent(Work& work, TaskId task, TaskId ended, Ending ending) {
  const TaskFacts facts = facts_of(work.tables, task);
  if (ending == Ending::kRevived) return count_revived(work, task, ended, facts);
  if (ending == Ending::kDone) return count_finished(work, task, ended, facts);
  switch (policy_of(options_of(work.tables, facts)->on_failed)) {
    case FailurePolicy::kIgnore:
      return count_finished(work, task, ended, facts);
    case FailurePolicy::kWait:
      return count_failed(work, task, ended, facts);
    default:
      return kill(work, task, facts, Cause::kDependencyFailed,
                  "it was to run after " + name_of(ended) + ", which failed");
  }
}

// ---- parents ----

// REQUIRES: the telling names a parent.
void tell_parent(Work& work, const JobTable::Telling& telling) {
  Tables& tables = work.tables;
  Family* family = tables.families.families.edit(telling.parent);
  if (family == nullptr) return;
  if (telling.ending == Ending::kDied) {
    // It may come back: its options remember that it was counted.
    const TaskFacts facts = facts_of(tables, telling.task);
    OptionsRow& options = tables.task_options.edit(facts.options);
    if (options.failed_in != 0) return;
    options.failed_in = family->decision;
  }
  --family->open;
  if (telling.ending != Ending::kDone) ++family->failed;
  judge_parent(work, telling.parent);
}

// ---- tellings ----

void tell_all(Work& work, TaskId task, Ending ending, TaskId parent) {
  if (!parent && !has_dependents(work.tables, task)) return;
  work.tables.jobs.tellings.push_back({task, ending, parent, TaskId(1)});
}

// A death that was taken back before it was told concerns nobody.
bool is_overtaken(const Tables& tables, const JobTable::Telling& telling) {
  return telling.ending == Ending::kDied &&
         facts_of(tables, telling.task).state != TaskState::kDead;
}

// One of those that the front telling concerns; false when there are no more.
bool tell_one(Work& work) {
  Tables& tables = work.tables;
  JobTable::Telling& front = tables.jobs.tellings.front();
  const JobTable::Telling telling = front;
  if (is_overtaken(tables, telling)) return false;
  if (telling.parent) {
    front.parent = TaskId();
    tell_parent(work, telling);
    return true;
  }
  const TaskId dependent =
      FamilyTable::next(tables.families.dependents, telling.task, telling.next);
  if (!dependent) return false;
  front.next = TaskId(dependent.value() + 1);
  tell_dependent(work, dependent, telling.task, telling.ending);
  return true;
}

// ---- children that come with a completion ----

// Its idempotency key, if it has one, is its own from now on; false: another task has it.
bool take_own_key(Work& work, TaskId child, const TaskFacts& facts, const Unborn& unborn) {
  if (!unborn.has_key) return true;
  KeyTable& keys = work.tables.keys;
  const QueueSettings& settings = work.tables.queues[facts.queue].settings;
  const KeyTable::Limits limits{settings.key_window.count(), settings.key_count};
  if (keys.find(facts.queue, unborn.key, work.now_ms(), limits).task) return false;
  keys.add(facts.queue, unborn.key, {child, unborn.content_hash}, work.now_ms(), limits);
  return true;
}

// Its life begins, or it turns out that another task has its key. True: it began.
bool begin_life(Work& work, TaskId child, const TaskFacts& facts, const Unborn& unborn) {
  if (!take_own_key(work, child, facts, unborn)) {
    make_void(work, child, facts, Cause::kDuplicate);
    return false;
  }
  if (facts.order_key != kNoSlot) enter_key(work, facts.order_key, child);
  unblock(work, child, facts, Cause::kParentAcked);
  return true;
}

// From now on its parent hears of its end.
void set_born(Tables& tables, const TaskFacts& facts) {
  if (facts.options != kNoSlot) tables.task_options.edit(facts.options).unborn = false;
}

// A child that has failed already when its parent is acked.
void count_stillborn(Work& work, Family& family, const TaskFacts& facts) {
  ++family.failed;
  if (facts.state == TaskState::kDead)
    work.tables.task_options.edit(facts.options).failed_in = family.decision;
}

void bear(Work& work, const JobTable::Birth& birth, TaskId child) {
  Tables& tables = work.tables;
  const Unborn unborn = *tables.families.pending.find({birth.parent, child});
  if (unborn.token > birth.token) return;  // of a claim that came later: its own end will decide
  tables.families.pending.erase({birth.parent, child});
  Family* family = tables.families.families.edit(birth.parent);
  if (family != nullptr) --family->pending;
  const TaskFacts facts = facts_of(tables, child);
  const bool waits = facts.state == TaskState::kPending;
  if (!birth.acked) {
    if (waits || facts.state == TaskState::kDead) make_void(work, child, facts, Cause::kParentGone);
    // One that was acked meanwhile, in a later claim, is judged when all is told.
    const bool none = family != nullptr && family->open + family->pending + family->failed == 0;
    if (none && !is_acked(tables, facts_of(tables, birth.parent)))
      tables.families.families.erase(birth.parent);
  } else if (waits && !is_lost(tables, child, facts)) {
    set_born(tables, facts);
    if (begin_life(work, child, facts, unborn) && family != nullptr) ++family->open;
  } else {
    // It died, was cancelled, or lost its payload before it could begin. Who died may come back.
    if (facts.state == TaskState::kDead && !take_own_key(work, child, facts, unborn))
      return make_void(work, child, facts, Cause::kDuplicate);
    set_born(tables, facts);
    if (family != nullptr) count_stillborn(work, *family, facts);
    if (waits) quarantine(work, child, Cause::kRemoved, "");
  }
}

bool bear_one(Work& work) {
  Tables& tables = work.tables;
  JobTable::Birth& front = tables.jobs.births.front();
  const JobTable::Birth birth = front;
  const TaskId child = FamilyTable::next(tables.families.pending, birth.parent, birth.next);
  if (!child) return false;
  front.next = TaskId(child.value() + 1);
  bear(work, birth, child);
  return true;
}

}  // namespace

// ---- a task ends, or comes back ----

void told_end(Work& work, TaskId task, const TaskFacts& facts, TaskState state) {
  Tables& tables = work.tables;
  const bool keeps_key =
      state == TaskState::kDead && tables.queues[facts.queue].settings.on_dead == OnDead::kHoldKey;
  if (facts.order_key != kNoSlot && !keeps_key) release_key(work, facts.order_key, task);
  forget_dependencies(work, task, facts);
  const OptionsRow* options = options_of(tables, facts);
  TaskId parent = options == nullptr ? TaskId() : options->parent;
  // An unborn one is counted when its parent is acked; a dead one that goes was counted, unless
  // that waits to be told, which nobody will then.
  const bool counted =
      options != nullptr && (options->unborn || facts.state == TaskState::kPending ||
                             (facts.state == TaskState::kDead && options->failed_in != 0));
  if (counted) parent = TaskId();
  const Ending ending = state == TaskState::kDone   ? Ending::kDone
                        : state == TaskState::kDead ? Ending::kDied
                                                    : Ending::kFailed;
  tell_all(work, task, ending, parent);
}

void told_redrive(Work& work, TaskId task, const TaskFacts& facts) {
  Tables& tables = work.tables;
  tell_all(work, task, Ending::kRevived, TaskId());
  if (facts.options == kNoSlot) return;
  OptionsRow& options = tables.task_options.edit(facts.options);
  const std::uint32_t failed_in = std::exchange(options.failed_in, 0);
  if (failed_in == 0) return;
  Family* family = tables.families.families.edit(options.parent);
  if (family == nullptr) return;
  if (failed_in == family->decision) --family->failed;
  ++family->open;
}

void told_void(Work& work, TaskId first, std::uint64_t count) {
  const FamilyTable::Pairs<FamilyTable::Told>& pairs = work.tables.families.dependents;
  if (pairs.empty()) return;
  const TaskId end(first.value() + count);
  for (TaskId at = first; at < end;) {
    const auto pair = pairs.lower_bound({at, TaskId()});
    if (pair.done() || pair->first.first >= end) return;
    const TaskId task = pair->first.first;
    tell_all(work, task, Ending::kFailed, TaskId());
    at = TaskId(task.value() + 1);
  }
}

bool told_lost(Work& work, ShardId shard, Offset& from) {
  const FamilyTable::Pairs<FamilyTable::Told>& pairs = work.tables.families.dependents;
  while (true) {
    const auto pair = pairs.lower_bound({TaskId(shard, from), TaskId()});
    if (pair.done() || pair->first.first.shard() != shard) return true;
    if (!work.spend()) return false;
    const TaskId task = pair->first.first;
    tell_all(work, task, Ending::kFailed, TaskId());
    from = task.offset().next();
  }
}

void continue_telling(Work& work) {
  JobTable& jobs = work.tables.jobs;
  while (!jobs.births.empty() && work.spend()) {
    if (bear_one(work)) continue;
    const TaskId parent = jobs.births.front().parent;
    jobs.births.pop_front();
    judge_parent(work, parent);
  }
  while (!jobs.tellings.empty() && work.spend()) {
    if (!tell_one(work)) jobs.tellings.pop_front();
  }
}

// ---- a task begins ----

void join_family(Work& work, TaskId task, const TaskOptions& options, OptionsRow& row) {
  Tables& tables = work.tables;
  for (const TaskId other : options.after) {
    if (is_known(tables, other) && state_of(tables, other) == TaskState::kDone) continue;
    ++row.after_open;
    tables.families.depend(task, other);
  }
  if (!options.parent) return;
  Family& family = tables.families.families[options.parent];
  if (options.with_completion) {
    ++family.pending;
    tables.families.pending.insert({options.parent, task}, {options.parent_token, {}, 0, false});
  } else {
    ++family.open;
  }
}

void tell_failed(Work& work, TaskId task, const TaskOptions& options) {
  for (const TaskId other : options.after) {
    const bool waits = work.tables.families.dependents.find({other, task}) != nullptr;
    if (!waits || !is_known(work.tables, other)) continue;
    const TaskState state = state_of(work.tables, other);
    const bool failed = state == TaskState::kDead || state == TaskState::kCancelled ||
                        state == TaskState::kQuarantined;
    if (failed) tell_dependent(work, task, other, Ending::kFailed);
  }
}

void keep_key(Work& work, TaskId child, TaskId parent, const Uuid& key,
              std::uint64_t content_hash) {
  Unborn* unborn = work.tables.families.pending.edit({parent, child});
  unborn->key = key;
  unborn->content_hash = content_hash;
  unborn->has_key = true;
}

// ---- decisions ----

void ignore_failed(Work& work, TaskId task, const TaskFacts& facts) {
  Tables& tables = work.tables;
  if (Family* family = tables.families.families.edit(task); family != nullptr) {
    family->failed = 0;
    ++family->decision;
    note(work, task, TaskState::kBlocked, TaskState::kBlocked, Cause::kResumed);
    judge_parent(work, task);
    return;
  }
  FamilyTable& families = tables.families;
  OptionsRow& options = tables.task_options.edit(facts.options);
  TaskId other = FamilyTable::next(families.dependencies, task, TaskId(1));
  for (; other; other = FamilyTable::next(families.dependencies, task, TaskId(other.value() + 1))) {
    if (!families.dependents.find({other, task})->failed) continue;
    families.undepend(task, other);
    --options.after_open;
  }
  options.after_failed = 0;
  if (options.after_open == 0) unblock(work, task, facts, Cause::kResumed);
  if (state_of(tables, task) == TaskState::kBlocked)
    note(work, task, TaskState::kBlocked, TaskState::kBlocked, Cause::kResumed);
}

void forget_dependencies(Work& work, TaskId task, const TaskFacts& facts) {
  if (facts.options == kNoSlot) return;
  OptionsRow& options = work.tables.task_options.edit(facts.options);
  if (options.after_open == 0) return;
  options.after_open = options.after_failed = 0;
  FamilyTable& families = work.tables.families;
  while (const TaskId other = FamilyTable::next(families.dependencies, task, TaskId(1)))
    families.undepend(task, other);
}

// ---- parents and children ----

void end_spawning(Work& work, TaskId parent, Token token, bool acked) {
  const Family* family = work.tables.families.families.find(parent);
  if (family == nullptr || family->pending == 0) return;
  work.tables.jobs.births.push_back({parent, token, acked, TaskId(1)});
}

FailurePolicy policy_of_parent(const Tables& tables, TaskId parent, const TaskFacts& facts) {
  const OptionsRow* options = options_of(tables, facts);
  FailurePolicy stated = tables.families.families.find(parent)->policy;
  if (stated == FailurePolicy::kDefault && options != nullptr) stated = options->on_failed;
  return policy_of(stated);
}

void judge_parent(Work& work, TaskId parent) {
  Tables& tables = work.tables;
  const Family* family = tables.families.families.find(parent);
  const TaskFacts facts = facts_of(tables, parent);
  const bool waits = family != nullptr && facts.row != kNoSlot && tables.rows[facts.row].acked &&
                     facts.state == TaskState::kBlocked;
  if (!waits) return;
  const FailurePolicy policy = policy_of_parent(tables, parent, facts);
  const bool failed = family->failed > 0;
  if (failed && policy == FailurePolicy::kFail) {
    kill(work, parent, facts, Cause::kChildFailed, "one of its children failed");
  } else if (family->open + family->pending == 0 && (!failed || policy == FailurePolicy::kIgnore)) {
    finish(work, parent, facts, Cause::kChildrenDone);
  }
}

}  // namespace baton::center
