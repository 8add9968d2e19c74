// The keys of a payload log in the KvStore, beside those of its BatchLog. Numbers are big-endian,
// so that keys sort as the numbers do.
//
//   's' shard lsn                   a stretch record, under its first batch (stretch.h)
//   'd' shard lsn                   what its producers sent, under the same number (dedup_record.h)
//   'v' shard offset                a task that outlived its stretch (survivor.h)
//   'r' shard lsn task token kind   a result that outlived its stretch
#pragma once

#include <string>

#include "common/base/ids.h"
#include "manager/storage/log_store.h"

namespace baton::manager {

std::string stretch_key(ShardId shard, Lsn first);
std::string dedup_key(ShardId shard, Lsn first);
std::string survivor_key(ShardId shard, Offset offset);
std::string result_survivor_key(ShardId shard, const ResultRecordId& id);
// In front of every result survivor of batches from `lsn` on.
std::string result_survivors_from(ShardId shard, Lsn lsn);

// The number after the shard in any of these keys. REQUIRES: `key` is one of them.
std::uint64_t number_of_key(std::string_view key);

}  // namespace baton::manager
