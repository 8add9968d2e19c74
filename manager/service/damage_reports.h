// DamageReports: tells the ledger which records were found damaged or missing, at start and in the
// background, so that they are quarantined before they are handed out.
//
// A log names each offset once; it is kept here until the ledger has answered.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/time.h"
#include "manager/service/center_link.h"
#include "manager/service/sealed_shards.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class DamageReports {
 public:
  DamageReports(ServiceContext& context, ShardLogs& logs, SealedShards& sealed, CenterLink& link)
      : context_(context), logs_(logs), sealed_(sealed), link_(link) {}

  // Called a few times a second while registered: at most one message at a time.
  void tick();

 private:
  void gather();
  // Under which epoch the ledger hears of the shard; none: not yet.
  [[nodiscard]] std::optional<Epoch> epoch_of(ShardId shard);
  void send(ShardId shard, Epoch epoch);
  void on_outcome(ShardId shard, const std::vector<Offset>& sent, const Status& status,
                  const v1::ChannelOutcomes& outcomes);

  ServiceContext& context_;
  ShardLogs& logs_;
  SealedShards& sealed_;
  CenterLink& link_;
  std::map<ShardId, std::set<Offset>> unanswered_;
  bool sending_ = false;
  MonoTime not_before_{};
};

}  // namespace baton::manager
