// ManagerLiveness: which managers are heard of, and which shards must be declared offline.
//
// A manager that was silent for `dead_after` is proposed offline (R13). Silence is counted only
// while this center was awake itself: if the loop stood still, nobody else is to blame for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "proto/center.pb.h"

#include "center/core/views.h"
#include "common/base/time.h"

namespace baton::center {

class ManagerLiveness {
 public:
  // Vital signs of one incarnation, as of its last beat.
  struct Beat {
    MonoTime heard_at{};
    WallTime wall;       // its clock ...
    MonoTime wall_at{};  // ... when this was our time
    std::map<ShardId, Offset> durable_end;
    std::uint64_t sessions = 0;
  };

  static constexpr Millis kCheckInterval = std::chrono::milliseconds(50);
  // After a start managers come back with a growing delay: it is not their silence.
  static constexpr Millis kStartGrace = std::chrono::seconds(2);

  explicit ManagerLiveness(Duration dead_after) : dead_after_(dead_after) {}

  // Leadership begins: every online shard gets the grace.
  void start(MonoTime now);

  // Any frame is a sign of life.
  void heard(Incarnation manager, MonoTime now);
  void beat(Incarnation manager, const v1::ChannelBeat& beat, MonoTime now);

  // Called every kCheckInterval. What to propose; each shard is named again only after
  // `dead_after`.
  std::vector<ShardOffline> check(MonoTime now, const std::vector<ManagerView>& managers);

  [[nodiscard]] const Beat* find(Incarnation manager) const;
  // The durable end of the shard that a beat of a current incarnation told last; none if none did.
  [[nodiscard]] std::optional<Offset> durable_end(ShardId shard) const;
  // The median of our reading and those of the managers heard of within dead_after, carried on to
  // now.
  [[nodiscard]] WallTime median_wall(WallTime own, MonoTime now) const;

 private:
  void forget_gone(const std::vector<ManagerView>& managers);

  const Duration dead_after_;
  MonoTime last_check_{};
  MonoTime grace_until_{};
  std::map<Incarnation, Beat> beats_;
  std::map<ShardId, MonoTime> proposed_at_;
};

}  // namespace baton::center
