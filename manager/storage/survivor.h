// Survivors: records copied out of a stretch that was collected, each under its own key, with the
// header of the batch it came from and its own checksum unchanged (R17).
#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"
#include "manager/storage/log_store.h"
#include "manager/storage/record_codec.h"
#include "manager/storage/task_batch.h"

namespace baton::manager {

// The value under survivor_key(shard, offset).
Result<std::string> encode_survivor(ShardId shard, Offset offset, const TaskBatch& batch);
struct Survivor {
  RecordHeader header;
  std::string payload;
  std::string attributes;  // the block of its run
};
// data_loss unless it is the whole, undamaged record of this task.
Result<Survivor> decode_survivor(ShardId shard, Offset offset, std::string_view value);

// The value under result_survivor_key(shard, id).
Result<std::string> encode_result_survivor(ShardId shard, const ResultRecordId& id,
                                           const TaskBatch& batch);
Result<ResultContent> decode_result_survivor(ShardId shard, const ResultRecordId& id,
                                             std::string_view value);

}  // namespace baton::manager
