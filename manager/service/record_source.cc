#include "manager/service/record_source.h"

#include <utility>

namespace baton::manager {
namespace {

// "Not here, ask again" of a peer: for who waits for one record the manager that has it is away.
template <class Record>
Result<Record> final_word(Result<Record> record) {
  if (record.ok() || record.status().code() != ErrorCode::kRetryLater) return record;
  return Status(ErrorCode::kUnavailable, "the manager that keeps it is away");
}

}  // namespace

void RecordSource::fetch_task(TaskId task, TaskDone done) {
  const auto hand_on = [done = std::move(done)](LogStore::Tasks tasks) {
    done(final_word(std::move(tasks.front())));
  };
  if (LogStore* log = logs_.find(task.shard()); log != nullptr) {
    return log->read_tasks({task.offset()}, 1, context_.guarded(hand_on));
  }
  peers_.fetch_tasks(task.shard(), {task}, hand_on);
}

void RecordSource::fetch_result(ShardId shard, const ResultRecordId& id, ResultDone done) {
  const auto hand_on = [done = std::move(done)](Result<ResultContent> record) {
    done(final_word(std::move(record)));
  };
  if (LogStore* log = logs_.find(shard); log != nullptr) {
    return log->read_record(id, context_.guarded(hand_on));
  }
  peers_.fetch_result(shard, id, hand_on);
}

}  // namespace baton::manager
