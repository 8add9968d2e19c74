// The options of a task inside its attribute block: one field each, only what was asked for.
//
// docs/storage-format.md has the tags. A delay is never stored: it became not_before when the task
// was taken.
#pragma once

#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/task_options.h"

namespace baton::manager {

// Priority and with_completion are fields of the block itself (record_codec.h).
inline constexpr std::uint8_t kOptionTagFirst = 6;
inline constexpr std::uint8_t kOptionTagLast = 20;
// Behind the options: CRC32C u32 of the block before it, since no record CRC covers a block.
inline constexpr std::uint8_t kBlockCrcTag = 21;

void write_options(ByteWriter& out, const TaskOptions& options);

// Reads the value of one field; the caller checks that `in` is at its end.
// REQUIRES: a tag from kOptionTagFirst to kOptionTagLast. unsupported_version for a policy of a
// newer Baton.
Status read_option(std::uint8_t tag, ByteReader& in, TaskOptions& options);

}  // namespace baton::manager
