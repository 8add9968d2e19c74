#include "center/core/apply_time.h"

#include <algorithm>
#include <limits>

#include "center/core/apply_members.h"
#include "center/core/apply_queues.h"
#include "center/core/apply_sessions.h"
#include "center/core/family.h"
#include "center/core/finished_rows.h"
#include "center/core/grant_matching.h"
#include "center/core/order_lines.h"
#include "center/core/task_claims.h"
#include "center/core/task_ends.h"
#include "center/core/task_moves.h"

namespace baton::center {
namespace {

constexpr std::int64_t kCalendarJumpMs = 60'000;

bool lease_is_due(const Tables& tables) {
  const Counters& counters = tables.counters;
  return counters.lease_ms >= counters.grace_until_ms && !tables.lease_ends.empty() &&
         tables.lease_ends.top().deadline <= counters.lease_ms;
}

bool backoff_is_due(const Tables& tables) {
  return !tables.backoff_ends.empty() &&
         tables.backoff_ends.top().deadline <= tables.counters.lease_ms;
}

bool delay_is_due(const Tables& tables) {
  return !tables.delays.empty() &&
         tables.delays.begin()->first.first <= tables.counters.calendar.ms;
}

bool waiting_is_over(const Tables& tables) {
  return !tables.waiting_ends.empty() &&
         tables.waiting_ends.begin()->first.first <= tables.counters.lease_ms;
}

void end_delay(Work& work) {
  const TaskId task = work.tables.delays.begin()->first.second;
  const TaskFacts facts = facts_of(work.tables, task);
  if (is_lost(work.tables, task, facts)) return quarantine(work, task, Cause::kRemoved, "");
  unblock(work, task, facts, Cause::kDelayOver);
}

// A task that waits has waited long enough: which of its times is over decides what it becomes.
void end_waiting(Work& work) {
  Tables& tables = work.tables;
  const TaskId task = tables.waiting_ends.begin()->first.second;
  const TaskFacts facts = facts_of(tables, task);
  if (is_lost(tables, task, facts)) return quarantine(work, task, Cause::kRemoved, "");
  const OptionsRow* options = options_of(tables, facts);
  const std::int64_t now = work.now_ms();
  if (total_is_over(tables, facts))
    return kill(work, task, facts, Cause::kTotalTimeout, kTotalTimeoutReason);
  const bool mortal = options == nullptr ||
                      (options->time_to_live_at_ms != 0 && options->time_to_live_at_ms <= now);
  if (mortal) return cancel(work, task, facts, Cause::kTimeToLive, kTimeToLiveReason);
  kill(work, task, facts, Cause::kWaitTimeout, "wait timeout: it waited too long for a consumer");
}

// Everything that is due, as far as the budget goes.
void do_due(Work& work) {
  Tables& tables = work.tables;
  while (lease_is_due(tables) && work.spend()) expire_claim(work, tables.lease_ends.top().id);
  while (backoff_is_due(tables) && work.spend()) end_backoff(work, tables.backoff_ends.top().id);
  while (delay_is_due(tables) && work.spend()) end_delay(work);
  while (waiting_is_over(tables) && work.spend()) end_waiting(work);
  forget_aged(work);
  continue_forgetting(work);
  while (work.budget > 0 && drop_idle_session(work)) work.spend();
  const auto shards = static_cast<std::uint32_t>(tables.members.shards().size());
  while (work.budget > 0 && tables.producers.drop_idle(work.now_ms(), work.index(), shards))
    work.spend();
  for (const ShardId shard : tables.bars.expire(work.now_ms())) offer_shard(work, shard);
  continue_seals(work);
  continue_purges(work);
  continue_fair_limits(work);
  continue_releasing(work);
  continue_telling(work);
  continue_matches(work);
}

void set_calendar(Work& work, const Tick& command) {
  Counters& counters = work.tables.counters;
  if (counters.last_wall.ms != 0) {
    const std::int64_t moved = command.wall.ms - counters.last_wall.ms;
    // A tick at the cap may follow any idle time, and the first of a term any time at all: only a
    // clock that went back is certain to have jumped then.
    const bool measured = command.elapsed > Millis(0) && command.elapsed < kTickCap;
    const bool forward = measured && moved - command.elapsed.count() > kCalendarJumpMs;
    work.effects.calendar_jumped |= forward || moved < -kCalendarJumpMs;
  }
  counters.last_wall = command.wall;
  counters.calendar = std::max(counters.calendar, command.wall);
}

}  // namespace

SimpleOutcome apply_term_start(Work& work, const TermStart& command) {
  Counters& counters = work.tables.counters;
  if (!counters.cluster) counters.cluster = command.cluster;
  counters.term = std::max(counters.term, command.term);
  counters.grace_until_ms = counters.lease_ms + kGraceAfterTermStart.count();
  return {};
}

SimpleOutcome apply_tick(Work& work, const Tick& command) {
  const std::int64_t elapsed = std::clamp(command.elapsed, Millis(0), kTickCap).count();
  work.tables.counters.lease_ms += elapsed;
  set_calendar(work, command);
  open_queues(work, elapsed);
  do_due(work);
  return {};
}

SimpleOutcome apply_continue(Work& work) {
  do_due(work);
  return {};
}

bool has_work_left(const Tables& tables) {
  const std::int64_t now = tables.counters.lease_ms;
  const DeadlineHeap& idle = tables.sessions.idle();
  const std::int64_t producers = tables.producers.next_idle_ms();
  return !tables.jobs.empty() || lease_is_due(tables) || backoff_is_due(tables) ||
         finished_row_is_due(tables) || delay_is_due(tables) || waiting_is_over(tables) ||
         (!idle.empty() && idle.top().deadline <= now) || (producers != 0 && producers <= now);
}

namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// Lease time at which something is due.
std::int64_t next_lease_ms(const Tables& tables) {
  std::int64_t next = kNever;
  const auto wait_for = [&](std::int64_t at) { next = std::min(next, at); };
  if (!tables.lease_ends.empty())
    wait_for(std::max(tables.lease_ends.top().deadline, tables.counters.grace_until_ms));
  if (!tables.backoff_ends.empty()) wait_for(tables.backoff_ends.top().deadline);
  if (!tables.sessions.idle().empty()) wait_for(tables.sessions.idle().top().deadline);
  if (const std::int64_t at = tables.producers.next_idle_ms(); at != 0) wait_for(at);
  if (const auto at = tables.bars.next_ms()) wait_for(*at);
  if (!tables.waiting_ends.empty()) wait_for(tables.waiting_ends.begin()->first.first);
  if (!tables.kept_ends.empty()) wait_for(tables.kept_ends.begin()->first);
  const bool rated = std::any_of(tables.rated_queues.begin(), tables.rated_queues.end(),
                                 [&](QueueId id) { return waits_for_rate(tables, id); });
  if (rated) wait_for(tables.counters.lease_ms + kTickWhileClaimed.count());
  return next;
}

// The same in calendar time.
std::int64_t next_calendar_ms(const Tables& tables) {
  std::int64_t next = kNever;
  if (!tables.delays.empty()) next = tables.delays.begin()->first.first;
  if (!tables.pause_ends.empty()) next = std::min(next, tables.pause_ends.begin()->first);
  return next;
}

Millis left_until(std::int64_t at, std::int64_t now) {
  return Millis(std::max<std::int64_t>(0, at - now));
}

}  // namespace

TickPlan plan_ticks(const Tables& tables) {
  const Counters& counters = tables.counters;
  const std::int64_t lease = next_lease_ms(tables);
  const std::int64_t calendar = next_calendar_ms(tables);
  TickPlan plan;
  plan.needed = lease != kNever;
  if (plan.needed) {
    plan.max_gap = tables.lease_ends.empty() ? kTickCap : kTickWhileClaimed;
    plan.next_deadline = left_until(lease, counters.lease_ms);
  }
  if (calendar != kNever) plan.calendar_deadline = WallTime{calendar};
  return plan;
}

}  // namespace baton::center
