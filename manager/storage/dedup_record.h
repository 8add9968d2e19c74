// The dedup record of a stretch: what its producers sent, so that the table of R5 is rebuilt at
// start without reading the payloads. Only plain records; waiting ones are decided by the ledger.
//
//   producers  count varint, producer ids
//   runs       count varint, then per run:
//                producer, its place above, varint
//                first offset, since the run before, varint
//                seq of the first task varint
//                stored at, since the run before, zigzag varint
//                tasks varint, content hash u64 of each
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "manager/storage/log_store.h"

namespace baton::manager {

inline constexpr std::uint8_t kDedupVersion = 1;

// True for a run that belongs into a dedup record.
bool is_deduplicated(const TaskAttributes& attributes);

std::string encode_dedup(const std::vector<StoredRun>& runs);
// The runs with what the table needs: offsets, producer, seq, content hashes and time; not the
// queue and crc_last.
Result<std::vector<StoredRun>> decode_dedup(std::string_view body);

}  // namespace baton::manager
