// TaskCopies: what a copy of an ended task is made of (retry_of).
//
// The ledger says whether the task has ended, its manager whether it still keeps it.
#pragma once

#include <functional>

#include "manager/service/center_link.h"
#include "manager/service/record_source.h"

namespace baton::manager {

class TaskCopies {
 public:
  TaskCopies(ServiceContext& context, ShardLogs& logs, CenterLink& link, RecordSource& records)
      : context_(context), logs_(logs), link_(link), records_(records) {}

  // `done` is called later, once: the task; conflict when it has not ended, not_found when there is
  // none or it is not kept any more, else unavailable, deadline_exceeded or data_loss.
  void fetch(TaskId task, Duration timeout, RecordSource::TaskDone done);

 private:
  ServiceContext& context_;
  ShardLogs& logs_;
  CenterLink& link_;
  RecordSource& records_;
};

}  // namespace baton::manager
