#include "center/core/apply_queues.h"

#include <algorithm>
#include <utility>

#include "center/core/family.h"
#include "center/core/finished_rows.h"
#include "center/core/order_lines.h"
#include "center/core/task_moves.h"
#include "center/core/waiting.h"

namespace baton::center {
namespace {

// How much a queue may save up: a tenth of a second, or one claim. Ticks are no further apart while
// claims exist, so that the rate is reached; and in no time are more begun than it allows and this.
std::int64_t rate_credit_max(const QueueSettings& settings) {
  return std::max<std::int64_t>(Queue::kClaimCredit,
                                std::int64_t{settings.max_rate} * Queue::kClaimCredit / 10);
}

void keep_indexes(Work& work, Queue& queue, const QueueSettings& before) {
  Tables& tables = work.tables;
  const QueueSettings& now = queue.settings;
  if (before.paused && before.paused_until.ms != 0)
    tables.pause_ends.erase({before.paused_until.ms, queue.id});
  if (now.paused && now.paused_until.ms != 0)
    tables.pause_ends.insert({now.paused_until.ms, queue.id});
  if (now.max_rate == 0) tables.rated_queues.erase(queue.id);
  if (now.max_rate != 0) {
    tables.rated_queues.insert(queue.id);
    if (before.max_rate == 0) queue.rate_credit = rate_credit_max(now);
    queue.rate_credit = std::min(queue.rate_credit, rate_credit_max(now));
  }
  if (now.max_tasks == 0 && now.max_bytes == 0) tables.lent.forget_queue(queue.id);
  if (now.keep_age != before.keep_age) update_kept_end(tables, queue.id);
  if (now.on_dead != before.on_dead && now.on_dead != OnDead::kHoldKey)
    release_dead(work, queue.id);
  if (now.max_per_fair_key == before.max_per_fair_key) return;
  queue.changing_turns = true;
  tables.jobs.fair_limits[queue.id].clear();
}

// Looks at the queue's fairness keys from a name on. False: the budget ended before the keys.
bool update_turns_from(Work& work, QueueId id, std::string& name) {
  Tables& tables = work.tables;
  Queue& queue = tables.queues.edit(id);
  while (true) {
    const auto at = tables.fair_keys.names().lower_bound({id, name});
    if (at.done() || at->first.first != id) return true;
    if (!work.spend()) return false;
    queue.update_turns(at->second, tables.fair_keys[at->second]);
    name = at->first.second + '\0';
  }
}

bool is_waiting_here(const Tables& tables, TaskId task, QueueId queue, TaskFacts& facts) {
  facts = facts_of(tables, task);
  return facts.queue == queue && !is_acked(tables, facts) &&
         (facts.state == TaskState::kReady || facts.state == TaskState::kDelayed ||
          facts.state == TaskState::kBlocked);
}

// Looks at the tasks of one shard; true when it has come to the mark.
bool purge_shard(Work& work, QueueId queue, JobTable::Purge& purge, const Shard& shard,
                 Offset end) {
  if (shard.removed) return true;
  Offset at = shard.tasks.next_live(purge.next.offset());
  while (at < end) {
    purge.next = TaskId(shard.id, at);
    if (!work.spend()) return false;
    TaskFacts facts;
    if (is_waiting_here(work.tables, purge.next, queue, facts)) {
      cancel(work, purge.next, facts, Cause::kPurged, "");
      at = shard.tasks.next_live(at.next());
    } else {
      // A page of tasks that are all alike is passed at once.
      at = shard.tasks.next_live(shard.tasks.same_until(at));
    }
  }
  return true;
}

// False when the budget ended before the work.
bool go_on(Work& work, QueueId queue, JobTable::Purge& purge) {
  while (!purge.ends.empty()) {
    const auto [id, end] = *purge.ends.begin();
    if (purge.next.shard() != id) purge.next = TaskId(id, Offset(1));
    if (!purge_shard(work, queue, purge, work.tables.members.shard(id), end)) return false;
    purge.ends.erase(purge.ends.begin());
  }
  return true;
}

}  // namespace

QueueRule rule_of(const Queue& queue) {
  return {queue.name, queue.settings.ordered, queue.settings.max_tasks > 0,
          queue.settings.max_bytes};
}

SimpleOutcome apply_set_queue(Work& work, const SetQueue& command) {
  Tables& tables = work.tables;
  if (Status valid = validate_queue_name(command.queue); !valid.ok()) return {valid};
  const QueueId known = tables.queues.find(command.queue);
  QueueSettings wanted =
      changed(known ? tables.queues[known].settings : QueueSettings(), command.change);
  if (Status valid = validate_queue_settings(wanted); !valid.ok()) return {valid};
  // Resuming ends what a pause until then wanted.
  if (!wanted.paused) wanted.paused_until = WallTime();
  const QueueId id = tables.queues.intern(command.queue);
  if (!id) return {{ErrorCode::kRetryLater, "too many queues"}};
  Queue& queue = tables.queues.edit(id);
  const QueueRule rule = rule_of(queue);
  const QueueSettings before = std::exchange(queue.settings, wanted);
  queue.is_set = true;
  keep_indexes(work, queue, before);
  if (rule_of(queue) != rule) work.effects.rules.push_back(rule_of(queue));
  forget_surplus(work, id);
  continue_releasing(work);
  continue_fair_limits(work);
  if (queue.ready > 0) reopen_queue(work, id);
  return {};
}

PurgeOutcome apply_purge(Work& work, const Purge& command) {
  Tables& tables = work.tables;
  const QueueId id = tables.queues.find(command.queue);
  if (!id) return {{ErrorCode::kNotFound, "no queue '" + command.queue + "'"}, 0};
  Queue& queue = tables.queues.edit(id);
  // One that is at work already takes what has come since into its marks.
  JobTable::Purge& purge = tables.jobs.purges[id];
  purge.ends.clear();
  for (const Shard& shard : tables.members.shards()) {
    if (!shard.removed && shard.created_hi() > Offset(1)) purge.ends[shard.id] = shard.created_hi();
  }
  purge.next = TaskId();
  queue.purging = true;
  const std::uint64_t tasks = queue.ready + queue.delayed + queue.blocked - queue.acked;
  continue_purges(work);
  return {{}, tasks};
}

void continue_purges(Work& work) {
  Tables& tables = work.tables;
  while (!tables.jobs.purges.empty() && work.budget > 0) {
    auto& [id, purge] = *tables.jobs.purges.begin();
    const QueueId queue = id;
    if (!go_on(work, queue, purge)) return;
    tables.jobs.purges.erase(queue);
    tables.queues.edit(queue).purging = false;
    if (tables.queues[queue].ready > 0) reopen_queue(work, queue);
  }
}

void continue_fair_limits(Work& work) {
  Tables& tables = work.tables;
  while (!tables.jobs.fair_limits.empty() && work.budget > 0) {
    const auto at = tables.jobs.fair_limits.begin();
    const QueueId id = at->first;
    if (!update_turns_from(work, id, at->second)) return;
    tables.jobs.fair_limits.erase(at);
    tables.queues.edit(id).changing_turns = false;
    if (tables.queues[id].ready > 0) reopen_queue(work, id);
  }
}

BorrowOutcome apply_borrow(Work& work, Sender sender, const Borrow& command) {
  Tables& tables = work.tables;
  const QueueId id = tables.queues.intern(command.queue);
  if (!id) return {{ErrorCode::kRetryLater, "too many queues"}, 0, 0, {}};
  const Queue& queue = tables.queues[id];
  const QueueSettings& settings = queue.settings;
  const LentTable::Lent all = tables.lent.total(id);
  const LentTable::Lent own = tables.lent.find(id, sender.manager);
  // What it has cannot be taken back; more it gets while there is room for it beside all others.
  const auto lend = [](std::uint64_t limit, std::uint64_t taken, std::uint64_t others,
                       std::uint64_t have, std::uint64_t want) {
    if (limit == 0) return std::uint64_t{0};
    const std::uint64_t used = taken + others + have;
    const std::uint64_t room = limit > used ? limit - used : 0;
    return want <= have ? want : have + std::min(want - have, room);
  };
  LentTable::Lent lent;
  lent.tasks = lend(settings.max_tasks, queue.unfinished(), all.tasks - own.tasks,
                    command.have_tasks, command.want_tasks);
  lent.bytes = lend(settings.max_bytes, queue.bytes, all.bytes - own.bytes, command.have_bytes,
                    command.want_bytes);
  tables.lent.set(id, sender.manager, lent);
  return {{}, lent.tasks, lent.bytes, rule_of(queue)};
}

bool waits_for_rate(const Tables& tables, QueueId id) {
  const Queue& queue = tables.queues[id];
  return queue.ready > 0 && queue.waiting > 0 && queue.rate_credit < Queue::kClaimCredit;
}

void open_queues(Work& work, std::int64_t elapsed_ms) {
  Tables& tables = work.tables;
  while (!tables.pause_ends.empty() &&
         tables.pause_ends.begin()->first <= tables.counters.calendar.ms) {
    const QueueId id = tables.pause_ends.begin()->second;
    tables.pause_ends.erase(tables.pause_ends.begin());
    Queue& queue = tables.queues.edit(id);
    queue.settings.paused = false;
    queue.settings.paused_until = WallTime();
    if (queue.ready > 0) reopen_queue(work, id);
  }
  for (const QueueId id : tables.rated_queues) {
    Queue& queue = tables.queues.edit(id);
    const bool waited = waits_for_rate(tables, id);
    queue.rate_credit = std::min(rate_credit_max(queue.settings),
                                 queue.rate_credit + elapsed_ms * queue.settings.max_rate);
    if (waited && !waits_for_rate(tables, id)) reopen_queue(work, id);
  }
}

}  // namespace baton::center
