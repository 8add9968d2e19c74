#include <algorithm>

#include "tests/model/ledger/oracle.h"

namespace baton::center::model {

void Oracle::tick(const Tick& c) {
  now += std::clamp<std::int64_t>(c.elapsed.count(), 0, 1000);
  do_due();
}

bool Oracle::is_gone(TaskId id) {
  const OracleShard& shard = shards[id.shard()];
  return shard.removed || (shard.sealed && id.offset().value() >= shard.missing_from) ||
         tasks[id].damaged;
}

// Out of claimed or delayed: ready, unless its payload is known to be gone.
void Oracle::come_back(TaskId id, TaskState from, Cause cause) {
  OracleTask& task = tasks[id];
  const OracleShard& shard = shards[id.shard()];
  const SessionId session = from == TaskState::kClaimed ? task.session : SessionId();
  if (shard.removed) {
    move(id, TaskState::kQuarantined, Cause::kRemoved, task.token, session);
  } else if (shard.sealed && id.offset().value() >= shard.missing_from) {
    move(id, TaskState::kQuarantined, Cause::kSealed, task.token, session);
  } else if (task.damaged) {
    move(id, TaskState::kQuarantined, Cause::kDamaged, task.token, session);
  } else {
    move(id, TaskState::kReady, cause, task.token, session);
  }
}

void Oracle::do_due() {
  std::map<std::pair<std::int64_t, Token>, TaskId> leases;
  std::map<std::pair<std::int64_t, Token>, TaskId> backoffs;
  for (const auto& [id, task] : tasks) {
    const bool due = task.deadline <= now;
    if (task.state == TaskState::kClaimed && due && now >= grace_until_)
      leases[{task.deadline, task.token}] = id;
    if (task.state == TaskState::kDelayed && due) backoffs[{task.deadline, task.token}] = id;
  }
  for (const auto& [key, id] : leases) {
    OracleTask& task = tasks[id];
    ++(has(Mistake::kExpiryCounts) ? task.failures : task.expiries);
    const bool too_long = task.deadline >= task.claimed_at + 3'600'000 + 1000;
    if (task.expiries >= 10) {
      move(id, TaskState::kDead, Cause::kExpiriesSpent, task.token, task.session);
      continue;
    }
    come_back(id, TaskState::kClaimed, too_long ? Cause::kAttemptTimeout : Cause::kExpired);
  }
  for (const auto& [key, id] : backoffs) come_back(id, TaskState::kDelayed, Cause::kBackoffOver);
  for (auto at = sessions.begin(); at != sessions.end();) {
    OracleSession& session = at->second;
    const bool due = session.looked_at <= now;
    const bool claims = std::any_of(tasks.begin(), tasks.end(), [&](const auto& task) {
      return task.second.state == TaskState::kClaimed && task.second.session == at->first;
    });
    const bool in_use = claims || (wants_more(at->first) && !session.lines.empty());
    if (due && session.seen + 600'000 <= now && !in_use) {
      at = sessions.erase(at);
      continue;
    }
    if (due) session.looked_at = in_use ? now + 600'000 : session.seen + 600'000;
    ++at;
  }
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
  std::vector<ShardId> opened;
  for (auto& [key, bar] : bars_) {
    if (bar.over || bar.until > now) continue;
    bar.over = true;
    opened.push_back(key.second);
  }
  std::erase_if(bars_,
                [this](const auto& b) { return b.second.over && b.second.until + 30'000 <= now; });
  std::sort(opened.begin(), opened.end());
  for (const ShardId shard : opened) {
    for (QueueId queue(1); queue.value() <= queues.size(); queue = queue.next()) {
      for (const auto& [id, task] : tasks) {
        const bool here = id.shard() == shard && task.state == TaskState::kReady;
        if (here && task.queue == queues[queue.value() - 1]) ready_.push_back(id);
      }
    }
  }
}

}  // namespace baton::center::model
