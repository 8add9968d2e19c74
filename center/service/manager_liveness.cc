#include "center/service/manager_liveness.h"

#include <algorithm>
#include <set>

namespace baton::center {

void ManagerLiveness::start(MonoTime now) {
  last_check_ = now;
  grace_until_ = now + kStartGrace;
  proposed_at_.clear();
}

void ManagerLiveness::heard(Incarnation manager, MonoTime now) { beats_[manager].heard_at = now; }

void ManagerLiveness::beat(Incarnation manager, const v1::ChannelBeat& beat, MonoTime now) {
  Beat& known = beats_[manager];
  known.heard_at = now;
  known.wall = WallTime{beat.wall_ms()};
  known.wall_at = now;
  known.sessions = beat.sessions();
  if (beat.shard() != 0) known.durable_end[ShardId(beat.shard())] = Offset(beat.durable_end());
}

std::vector<ShardOffline> ManagerLiveness::check(MonoTime now,
                                                 const std::vector<ManagerView>& managers) {
  // We slept ourselves: what was sent meanwhile is still to be read.
  const Duration asleep = now - last_check_ - kCheckInterval;
  if (asleep > kCheckInterval) {
    for (auto& [manager, beat] : beats_) beat.heard_at += asleep;
    grace_until_ = std::max(grace_until_, now + kCheckInterval);
  }
  last_check_ = now;
  forget_gone(managers);

  std::vector<ShardOffline> offline;
  if (now < grace_until_) return offline;
  for (const ManagerView& manager : managers) {
    const auto beat = beats_.find(manager.incarnation);
    if (beat != beats_.end() && now - beat->second.heard_at <= dead_after_) continue;
    for (const ShardView& shard : manager.shards) {
      if (!shard.online) continue;
      const auto [proposed, is_new] = proposed_at_.try_emplace(shard.shard, now);
      if (!is_new && now - proposed->second < dead_after_) continue;
      proposed->second = now;
      offline.push_back({shard.shard, shard.epoch, shard.life});
    }
  }
  return offline;
}

void ManagerLiveness::forget_gone(const std::vector<ManagerView>& managers) {
  std::set<Incarnation> current;
  for (const ManagerView& manager : managers) current.insert(manager.incarnation);
  std::erase_if(beats_, [&](const auto& known) { return !current.contains(known.first); });
}

const ManagerLiveness::Beat* ManagerLiveness::find(Incarnation manager) const {
  const auto beat = beats_.find(manager);
  return beat == beats_.end() ? nullptr : &beat->second;
}

std::optional<Offset> ManagerLiveness::durable_end(ShardId shard) const {
  for (const auto& [manager, beat] : beats_) {
    if (const auto end = beat.durable_end.find(shard); end != beat.durable_end.end()) {
      return end->second;
    }
  }
  return std::nullopt;
}

WallTime ManagerLiveness::median_wall(WallTime own, MonoTime now) const {
  std::vector<std::int64_t> readings{own.ms};
  for (const auto& [manager, beat] : beats_) {
    if (beat.wall.ms == 0 || now - beat.wall_at > dead_after_) continue;
    readings.push_back(beat.wall.ms +
                       std::chrono::duration_cast<Millis>(now - beat.wall_at).count());
  }
  // Of an even number the lower one: calendar time that is late only delays.
  const auto middle = readings.begin() + static_cast<std::ptrdiff_t>((readings.size() - 1) / 2);
  std::nth_element(readings.begin(), middle, readings.end());
  return WallTime{*middle};
}

}  // namespace baton::center
