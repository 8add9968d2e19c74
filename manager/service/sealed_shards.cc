#include "manager/service/sealed_shards.h"

#include <utility>

namespace baton::manager {
namespace {

constexpr Duration kQueryTimeout = std::chrono::seconds(5);
constexpr Duration kAskAgain = std::chrono::seconds(1);

}  // namespace

void SealedShards::registered() {
  ++channel_;
  for (const auto& [shard, log] : logs_.all()) {
    if (log.get() != logs_.active()) ask(*log);
  }
}

void SealedShards::channel_closed() {
  ++channel_;
  for (const auto& [shard, lane] : lanes_) lane->channel_closed();
}

std::optional<Epoch> SealedShards::epoch_of(ShardId shard) const {
  const auto found = epochs_.find(shard);
  if (found == epochs_.end()) return {};
  return found->second;
}

void SealedShards::ask(LogStore& log) {
  v1::ChannelQuery query;
  query.mutable_live()->set_shard(log.shard().value());
  query.mutable_live()->set_from(1);
  query.mutable_live()->set_to(1);
  link_.query(
      query, kQueryTimeout,
      [this, &log, channel = channel_](const Status& status, const v1::ChannelAnswer& answer) {
        if (channel != channel_) return;
        if (status.ok() && answer.code() == v1::OK) {
          return on_known(log, Offset(answer.live().created_hi()), Epoch(answer.live().epoch()));
        }
        context_.call_after(kAskAgain, [this, &log, channel] {
          if (channel == channel_) ask(log);
        });
      });
}

void SealedShards::on_known(LogStore& log, Offset created_hi, Epoch epoch) {
  if (!epoch) return;  // the ledger does not know the shard
  epochs_[log.shard()] = epoch;
  if (created_hi >= log.next_offset()) return;
  context_.logger.warn(
      "reporting the rest of a sealed shard",
      {kv("shard", log.shard()), kv("from", created_hi), kv("to", log.next_offset())});
  open_lane(log, epoch).registered(created_hi);
}

CreatedLane& SealedShards::open_lane(LogStore& log, Epoch epoch) {
  std::unique_ptr<CreatedLane>& lane = lanes_[log.shard()];
  if (lane != nullptr) return *lane;
  CreatedLane::Events events;
  events.on_reported = [](ShardId, Offset, const std::vector<MovedWinner>&) {};
  // The ledger does not take them: the store that the shard was sealed for ended before.
  events.on_stuck = [this, &log] {
    give_up(log, Status(ErrorCode::kConflict, "the center does not take them"));
  };
  events.on_failed = [this, &log](const Status& status) { give_up(log, status); };
  lane = std::make_unique<CreatedLane>(context_, link_, std::move(events));
  lane->open(log, epoch);
  return *lane;
}

// Until the next registration. The shard that is appended to goes on.
void SealedShards::give_up(LogStore& log, const Status& why) {
  CreatedLane& lane = *lanes_.at(log.shard());
  context_.logger.error("confirmed tasks of a sealed shard are not reported",
                        {kv("shard", log.shard()), kv("from", lane.reporter()->created_hi()),
                         kv("to", log.next_offset()), kv("status", why)});
  lane.channel_closed();
}

}  // namespace baton::manager
