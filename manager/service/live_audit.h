// LiveAudit: compares once in a life, slowly, what the ledger calls live with what the store has
// (R17).
//
// What a collection did not drop is looked at by the store itself, whose records name every task. So
// the ledger is asked about the dropped offsets only: one that it calls live is a hole, which the
// store names as damaged and DamageReports tells.
#pragma once

#include <cstdint>
#include <functional>
#include <set>

#include "common/base/ids.h"
#include "common/base/time.h"
#include "manager/service/center_link.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class LiveAudit {
 public:
  // `collecting`: a collection may be dropping offsets just now.
  LiveAudit(ServiceContext& context, ShardLogs& logs, CenterLink& link,
            std::function<bool()> collecting)
      : context_(context), logs_(logs), link_(link), collecting_(std::move(collecting)) {}

  // Called a few times a second while registered: at most one question at a time.
  void tick();

 private:
  void ask(LogStore& log, Offset from, Offset to);
  // False: the answer proves nothing, the same is asked again.
  bool compare(LogStore& log, Offset from, Offset to, const v1::LiveAnswer& live);

  ServiceContext& context_;
  ShardLogs& logs_;
  CenterLink& link_;
  const std::function<bool()> collecting_;
  MonoTime begin_at_{};
  std::set<ShardId> done_;
  Offset next_{1};  // of the first shard that is not done
  bool asking_ = false;
};

}  // namespace baton::manager
