// RecordSource: single records by name, from the local logs or from the manager that keeps them.
//
// For what is no delivery of a batch of payloads (that is Courier): results, checkpoints, and tasks
// that somebody looks at or copies.
#pragma once

#include <functional>

#include "manager/service/peer_links.h"
#include "manager/service/service_context.h"
#include "manager/service/shard_logs.h"

namespace baton::manager {

class RecordSource {
 public:
  RecordSource(ServiceContext& context, ShardLogs& logs, PeerLinks& peers)
      : context_(context), logs_(logs), peers_(peers) {}

  // `done` is called later, once: the record; not_found, data_loss, or unavailable while the manager
  // that keeps it does not answer.
  using TaskDone = std::function<void(Result<StoredTask>)>;
  void fetch_task(TaskId task, TaskDone done);
  using ResultDone = std::function<void(Result<ResultContent>)>;
  void fetch_result(ShardId shard, const ResultRecordId& id, ResultDone done);

 private:
  ServiceContext& context_;
  ShardLogs& logs_;
  PeerLinks& peers_;
};

}  // namespace baton::manager
