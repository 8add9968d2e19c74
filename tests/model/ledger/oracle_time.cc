// Time, and what is due (R14, R15).
#include <algorithm>
#include <limits>

#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

}  // namespace

void Oracle::tick(const Tick& c) {
  const std::int64_t elapsed = std::clamp<std::int64_t>(c.elapsed.count(), 0, 1000);
  now += elapsed;
  calendar = std::max(calendar, c.wall.ms);
  open_queues(elapsed);
  do_due();
}

// Lease time at which the task ends if it waits until then; 0: never.
std::int64_t Oracle::waiting_end(const OracleTask& task) const {
  std::int64_t end = 0;
  for (const std::int64_t at : {task.ttl_at, task.total_at, task.wait_until}) {
    if (at != 0 && (end == 0 || at < end)) end = at;
  }
  return task.waits() ? end : 0;
}

void Oracle::do_due() {
  // The first by (time, number) of those for which `time` says one that is over.
  const auto first_due = [this](std::int64_t over, auto&& time, auto&& number) {
    std::map<std::pair<std::int64_t, std::uint64_t>, TaskId> due;
    for (const TaskId id : alive_) {
      const std::int64_t at = time(tasks[id]);
      if (at != kNever && at <= over) due[{at, number(id)}] = id;
    }
    return due.empty() ? TaskId() : due.begin()->second;
  };
  const auto token = [this](TaskId id) { return tasks[id].token.value(); };
  const auto itself = [](TaskId id) { return id.value(); };
  const auto lease_end = [this](const OracleTask& task) {
    return task.state == TaskState::kClaimed && now >= grace_until_ ? task.deadline : kNever;
  };
  const auto backoff_end = [](const OracleTask& task) {
    return task.state == TaskState::kDelayed && task.backs_off ? task.deadline : kNever;
  };
  const auto delay_end = [](const OracleTask& task) {
    const bool delayed = task.state == TaskState::kDelayed && !task.backs_off;
    return delayed ? task.options.not_before.ms : kNever;
  };
  const auto wait_end = [this](const OracleTask& task) {
    const std::int64_t end = waiting_end(task);
    return end == 0 ? kNever : end;
  };
  // Mostly nothing is.
  const bool any = std::any_of(alive_.begin(), alive_.end(), [&](TaskId id) {
    const OracleTask& task = tasks[id];
    return lease_end(task) <= now || backoff_end(task) <= now || delay_end(task) <= calendar ||
           wait_end(task) <= now;
  });
  if (any) {
    while (const TaskId id = first_due(now, lease_end, token)) expire(id);
    while (const TaskId id = first_due(now, backoff_end, token))
      come_back(id, Cause::kBackoffOver, tasks[id].token, {});
    while (const TaskId id = first_due(calendar, delay_end, itself)) unblock(id, Cause::kDelayOver);
    while (const TaskId id = first_due(now, wait_end, itself)) end_wait(id);
  }
  for (auto& [name, queue] : of_queue) {
    const std::int64_t age = queue.settings.keep_age.count();
    while (!queue.finished.empty() && !has(Mistake::kKeepsLong) &&
           tasks[queue.finished.front()].deadline + age <= now)
      forget(queue.finished.front());
  }
  drop_idle_sessions();
  drop_idle_producers();
  open_bars();
}

// The attempt was cut off.
void Oracle::expire(TaskId id) {
  OracleTask& task = tasks[id];
  const QueueSettings& settings = queue_of(task).settings;
  ++(has(Mistake::kExpiryCounts) ? task.failures : task.expiries);
  const bool total = task.total_at != 0 && task.total_at <= now;
  const bool attempt = task.deadline >= attempt_end(task) + 1000;
  lose(id, total ? LostCause::kTimeout : LostCause::kLease);
  if (total) {
    task.reason.reset();
    return end(id, TaskState::kDead, Cause::kTotalTimeout, task.token, task.session);
  }
  if (settings.on_uncertain == OnUncertain::kHold && !is_gone(id) && !has(Mistake::kNeverHolds)) {
    task.reason.reset();
    return move(id, TaskState::kHeld, Cause::kUncertain, task.token, task.session);
  }
  if (task.expiries >= settings.max_expiries) {
    task.reason.reset();
    return end(id, TaskState::kDead, Cause::kExpiriesSpent, task.token, task.session);
  }
  come_back(id, attempt ? Cause::kAttemptTimeout : Cause::kExpired, task.token, task.session);
}

// It has waited for long enough.
void Oracle::end_wait(TaskId id) {
  OracleTask& task = tasks[id];
  task.reason.reset();
  if (task.total_at != 0 && task.total_at <= now) {
    end(id, TaskState::kDead, Cause::kTotalTimeout);
  } else if (task.ttl_at != 0 && task.ttl_at <= now) {
    task.result = {};
    end(id, TaskState::kCancelled, Cause::kTimeToLive);
  } else {
    end(id, TaskState::kDead, Cause::kWaitTimeout);
  }
}

void Oracle::drop_idle_sessions() {
  for (auto at = sessions.begin(); at != sessions.end();) {
    OracleSession& session = at->second;
    const bool due = session.looked_at <= now;
    const bool claims = std::any_of(claimed_.begin(), claimed_.end(),
                                    [&](TaskId id) { return tasks[id].session == at->first; });
    const bool in_use = claims || (wants_more(at->first) && !session.lines.empty());
    if (due && session.seen + 600'000 <= now && !in_use) {
      at = sessions.erase(at);
      continue;
    }
    if (due) session.looked_at = in_use ? now + 600'000 : session.seen + 600'000;
    ++at;
  }
}

void Oracle::drop_idle_producers() {
  for (auto& [id, producer] : producers) {
    if (!producer.active || producer.looked_at > now) continue;
    producer.looked_at = producer.seen + 600'000;
    if (producer.looked_at > now) continue;
    producer.active = false;
    std::erase_if(producer.numbers, [](const auto& number) { return !number.second.moved; });
    for (auto& [seq, number] : producer.numbers) {
      if (number.resolved_at == 0) linger(number);
    }
  }
  std::erase_if(producers,
                [](const auto& p) { return !p.second.active && p.second.numbers.empty(); });
}

void Oracle::open_bars() {
  std::vector<ShardId> opened;
  for (auto& [key, bar] : bars_) {
    if (bar.over || bar.until > now) continue;
    bar.over = true;
    opened.push_back(key.second);
  }
  std::erase_if(bars_,
                [this](const auto& b) { return b.second.over && b.second.until + 30'000 <= now; });
  std::sort(opened.begin(), opened.end());
  for (const ShardId shard : opened) offer_shard(shard);
}

}  // namespace baton::center::model
