// SealedShards: the shards that this store no longer appends to, and what the ledger still has to
// learn of them (R2).
//
// A store that was rolled back is sealed with the tail that it has: confirmed and durable, but
// perhaps not reported. After each registration the ledger is asked how far it knows every sealed
// shard, and the rest is reported like that of the active one, under the epoch that it names.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "common/base/ids.h"
#include "manager/service/center_link.h"
#include "manager/service/created_lane.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class SealedShards {
 public:
  SealedShards(ServiceContext& context, ShardLogs& logs, CenterLink& link)
      : context_(context), logs_(logs), link_(link) {}

  void registered();
  void channel_closed();

  // The epoch under which the ledger hears of the shard; none until the ledger has told it.
  [[nodiscard]] std::optional<Epoch> epoch_of(ShardId shard) const;

 private:
  void ask(LogStore& log);
  void on_known(LogStore& log, Offset created_hi, Epoch epoch);
  CreatedLane& open_lane(LogStore& log, Epoch epoch);
  void give_up(LogStore& log, const Status& why);

  ServiceContext& context_;
  ShardLogs& logs_;
  CenterLink& link_;
  std::map<ShardId, Epoch> epochs_;
  std::map<ShardId, std::unique_ptr<CreatedLane>>
      lanes_;                  // only of shards with something to report
  std::uint64_t channel_ = 0;  // raised by every registration and loss of the channel
};

}  // namespace baton::manager
