// The format of LevelDB's table files, as far as damage to them must be told from what is right.
//
//   data blocks | metaindex block | index block | footer, 48 bytes
//   block   entries | restarts, u32 each | count of restarts u32 | type u8, 0 | masked CRC32C u32
//   entry   shared varint | unshared varint | value length varint | unshared bytes | value
//   footer  handle of the metaindex | handle of the index | zeros up to 40 bytes | magic u64
//   handle  offset varint | size varint (without type and CRC)
// A key in a block is the user's key, then a u64: sequence number << 8 | kind (1 value, 0 deleted).
// An entry of the index has, under a key that is not below the last of its block, a handle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "common/base/status.h"

namespace baton {

inline constexpr std::size_t kTableFooterBytes = 48;
inline constexpr std::size_t kBlockTrailerBytes = 5;
inline constexpr std::size_t kInternalKeyBytes = 8;  // behind the user's key

struct BlockHandle {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// Where the index of a table of `file_bytes` is, from its last 48 bytes. data_loss unless the file
// ends as a table does: then the index ends where the footer begins.
Result<BlockHandle> index_of_table(std::string_view footer, std::uint64_t file_bytes);

// Whether type and checksum fit; `block` has the trailer.
bool block_is_whole(std::string_view block);

// Hands every entry of a block with a trailer to `visit`, in order. data_loss where the structure
// makes no sense, or the keys are not in their order: LevelDB must not work with such a block,
// whatever its checksum says.
using VisitEntry = std::function<Status(std::string_view key, std::string_view value)>;
Status read_block(std::string_view block, const VisitEntry& visit);

// Whether LevelDB sorts `key` behind `before`: by the user's key, then the newest first. REQUIRES:
// both have their last 8 bytes.
bool is_behind(std::string_view before, std::string_view key);

// The handle in a value of the index.
Result<BlockHandle> decode_block_handle(std::string_view value);

// The checksum as LevelDB stores it.
std::uint32_t unmask_crc(std::uint32_t masked);

}  // namespace baton
