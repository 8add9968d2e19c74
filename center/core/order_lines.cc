#include "center/core/order_lines.h"

#include "center/core/task_facts.h"
#include "center/core/task_moves.h"

namespace baton::center {
namespace {

// So many that have gone may stand in a line, beside as many as wait in it.
constexpr std::size_t kGoneMax = 16;

// Whether what stood at this place of the line still waits there: it may have ended, or have come
// again further back.
bool waits_for_key(const Tables& tables, std::uint32_t order_key, TaskId task,
                   TaskLine::Place place) {
  const TaskFacts facts = facts_of(tables, task);
  if (facts.state != TaskState::kBlocked || facts.order_key != order_key) return false;
  if (is_lost(tables, task, facts)) return false;
  return facts.row == kNoSlot || tables.rows[facts.row].place == place;
}

// The first in line that still waits gets the key. False: the budget ended before.
bool hand_on(Work& work, std::uint32_t order_key) {
  Tables& tables = work.tables;
  while (!tables.order_keys[order_key].line.empty()) {
    if (!work.spend()) return false;
    OrderKey& key = tables.order_keys.edit(order_key);
    const TaskId next = key.line.first();
    const TaskLine::Place place = key.line.first_place();
    key.line.pop();
    if (!waits_for_key(tables, order_key, next, place)) continue;
    key.holder = next;
    unblock(work, next, facts_of(tables, next), Cause::kUnblocked);
    return true;
  }
  return true;
}

// Forgets what waits no more in the line from a place on. False: the budget ended before the line.
bool sweep(Work& work, std::uint32_t order_key, TaskLine::Place& from) {
  TaskLine& line = work.tables.order_keys.edit(order_key).line;
  while (work.budget > 0) {
    const std::size_t looked =
        line.sweep(from, work.budget, [&](TaskId task, TaskLine::Place place) {
          return waits_for_key(work.tables, order_key, task, place);
        });
    if (looked == 0) return true;
    work.budget -= static_cast<std::uint32_t>(looked);
  }
  return false;
}

// Looks at the queue's keys from a name on. False: the budget ended before the keys.
bool release_from(Work& work, QueueId queue, std::string& name) {
  Tables& tables = work.tables;
  while (tables.queues[queue].settings.on_dead != OnDead::kHoldKey) {
    const auto at = tables.order_keys.names().lower_bound({queue, name});
    if (at.done() || at->first.first != queue) return true;
    if (!work.spend()) return false;
    name = at->first.second + '\0';
    const std::uint32_t slot = at->second;
    const TaskId holder = tables.order_keys[slot].holder;
    if (holder && facts_of(tables, holder).state == TaskState::kDead)
      release_key(work, slot, holder);
  }
  return true;
}

}  // namespace

bool enter_key(Work& work, std::uint32_t order_key, TaskId task) {
  OrderKey& key = work.tables.order_keys.edit(order_key);
  const bool free = !key.holder && key.line.empty();
  if (free || key.holder == task) {
    key.holder = task;
    return true;
  }
  const TaskLine::Place place = key.line.push(task);
  const TaskFacts facts = facts_of(work.tables, task);
  if (facts.row != kNoSlot) work.tables.rows.edit(facts.row).place = place;
  return false;
}

void release_key(Work& work, std::uint32_t order_key, TaskId holder) {
  Tables& tables = work.tables;
  if (tables.order_keys[order_key].holder != holder) return;
  tables.order_keys.edit(order_key).holder = TaskId();
  // The holder may name the key still, and others may come: also a line of none but the gone is
  // followed to its end. (A slot that is free by then, or another key's, has nothing to hand on.)
  if (!hand_on(work, order_key)) tables.jobs.free_keys.push_back(order_key);
}

void leave_key(Work& work, std::uint32_t order_key) {
  Tables& tables = work.tables;
  OrderKey& key = tables.order_keys.edit(order_key);
  if (--key.tasks == 0) {
    tables.jobs.sweep_lines.erase(order_key);
    return tables.order_keys.remove(order_key);
  }
  if (key.line.size() > 2 * key.tasks + kGoneMax)
    tables.jobs.sweep_lines.try_emplace(order_key, key.line.first_place());
}

void release_dead(Work& work, QueueId queue) { work.tables.jobs.dead_keys[queue].clear(); }

void continue_releasing(Work& work) {
  Tables& tables = work.tables;
  JobTable& jobs = tables.jobs;
  while (!jobs.free_keys.empty() && work.budget > 0) {
    const std::uint32_t slot = jobs.free_keys.front();
    const bool waits = tables.order_keys.in_use(slot) && !tables.order_keys[slot].holder;
    if (waits && !hand_on(work, slot)) return;
    jobs.free_keys.pop_front();
  }
  while (!jobs.dead_keys.empty() && work.budget > 0) {
    const auto at = jobs.dead_keys.begin();
    if (!release_from(work, at->first, at->second)) return;
    jobs.dead_keys.erase(at);
  }
  while (!jobs.sweep_lines.empty() && work.budget > 0) {
    const auto at = jobs.sweep_lines.begin();
    const bool gone = !tables.order_keys.in_use(at->first);
    if (gone || sweep(work, at->first, at->second)) jobs.sweep_lines.erase(at);
  }
}

}  // namespace baton::center
