#include "center/core/apply_time.h"

#include <algorithm>
#include <limits>

#include "center/core/apply_members.h"
#include "center/core/apply_sessions.h"
#include "center/core/grant_matching.h"
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

bool done_row_is_due(const Tables& tables) {
  const std::uint32_t oldest = tables.finished.oldest();
  return oldest != kNoSlot &&
         tables.rows[oldest].deadline_ms + FinishedTable::kKeepMs <= tables.counters.lease_ms;
}

void expire(Work& work, std::uint32_t slot) {
  const TaskRow& row = work.tables.rows[slot];
  const std::int64_t attempt_end =
      row.claimed_at_ms + work.tables.options.attempt_timeout.count() + kTickCap.count();
  return_claim(work, slot,
               row.deadline_ms >= attempt_end ? Cause::kAttemptTimeout : Cause::kExpired,
               Attempt::kCounts);
}

// Everything that is due, as far as the budget goes.
void do_due(Work& work) {
  Tables& tables = work.tables;
  while (lease_is_due(tables) && work.spend()) expire(work, tables.lease_ends.top().id);
  while (backoff_is_due(tables) && work.spend()) end_backoff(work, tables.backoff_ends.top().id);
  while (done_row_is_due(tables) && work.spend()) forget_done(work, tables.finished.oldest());
  while (work.budget > 0 && drop_idle_session(work)) work.spend();
  const auto shards = static_cast<std::uint32_t>(tables.members.shards().size());
  while (work.budget > 0 && tables.producers.drop_idle(work.now_ms(), work.index(), shards))
    work.spend();
  for (const ShardId shard : tables.bars.expire(work.now_ms())) offer_shard(work, shard);
  continue_seals(work);
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
  work.tables.counters.lease_ms += std::clamp(command.elapsed, Millis(0), kTickCap).count();
  set_calendar(work, command);
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
         done_row_is_due(tables) || (!idle.empty() && idle.top().deadline <= now) ||
         (producers != 0 && producers <= now);
}

TickPlan plan_ticks(const Tables& tables) {
  const Counters& counters = tables.counters;
  std::int64_t next = std::numeric_limits<std::int64_t>::max();
  const auto wait_for = [&](std::int64_t at) { next = std::min(next, at); };
  if (!tables.lease_ends.empty())
    wait_for(std::max(tables.lease_ends.top().deadline, counters.grace_until_ms));
  if (!tables.backoff_ends.empty()) wait_for(tables.backoff_ends.top().deadline);
  if (!tables.sessions.idle().empty()) wait_for(tables.sessions.idle().top().deadline);
  if (const std::int64_t at = tables.producers.next_idle_ms(); at != 0) wait_for(at);
  if (const auto at = tables.bars.next_ms()) wait_for(*at);
  if (const std::uint32_t oldest = tables.finished.oldest(); oldest != kNoSlot) {
    wait_for(tables.rows[oldest].deadline_ms + FinishedTable::kKeepMs);
  }
  TickPlan plan;
  plan.needed = next != std::numeric_limits<std::int64_t>::max();
  if (!plan.needed) return plan;
  plan.max_gap = tables.lease_ends.empty() ? kTickCap : kTickWhileClaimed;
  plan.next_deadline = Millis(std::max<std::int64_t>(0, next - counters.lease_ms));
  return plan;
}

}  // namespace baton::center
