#include "common/storage/table_format.h"

#include <algorithm>
#include <limits>
#include <string>

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

namespace baton {
namespace {

constexpr std::uint64_t kTableMagic = 0xdb4775248b80fb57U;
constexpr std::uint8_t kUncompressed = 0;
constexpr std::uint8_t kNewestKind = 1;  // of a key: a value

Status damaged(const char* what) { return Status(ErrorCode::kDataLoss, what); }

BlockHandle read_handle(ByteReader& in) {
  BlockHandle handle;
  handle.offset = in.varint();
  handle.size = in.varint();
  return handle;
}

// Where the entries of a block end, or nothing when its restarts do not fit.
Result<std::size_t> end_of_entries(std::string_view contents) {
  if (contents.size() < 4) return damaged("has no restarts");
  const std::uint64_t count = ByteReader(contents.substr(contents.size() - 4)).u32();
  if (count == 0 || count > contents.size() / 4 - 1) return damaged("has restarts that do not fit");
  return contents.size() - 4 - static_cast<std::size_t>(count) * 4;
}

}  // namespace

std::uint32_t unmask_crc(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xa282ead8U;
  return (rotated >> 17) | (rotated << 15);
}

Result<BlockHandle> index_of_table(std::string_view footer, std::uint64_t file_bytes) {
  if (footer.size() != kTableFooterBytes || file_bytes < kTableFooterBytes) {
    return damaged("is too short");
  }
  if (ByteReader(footer.substr(kTableFooterBytes - 8)).u64() != kTableMagic) {
    return damaged("does not end as a table");
  }
  ByteReader in(footer.substr(0, kTableFooterBytes - 8));
  const BlockHandle metaindex = read_handle(in);
  const BlockHandle index = read_handle(in);
  const std::uint64_t end = file_bytes - kTableFooterBytes;
  const auto ends_at = [](const BlockHandle& block, std::uint64_t place) {
    // Sizes first: their sum may not fit into 64 bits.
    return block.offset <= place && block.size <= place &&
           block.offset + block.size + kBlockTrailerBytes == place;
  };
  if (!in.ok() || !ends_at(index, end) || !ends_at(metaindex, index.offset)) {
    return damaged("has a footer that does not fit");
  }
  return index;
}

bool block_is_whole(std::string_view block) {
  if (block.size() < kBlockTrailerBytes) return false;
  const std::string_view covered = block.substr(0, block.size() - 4);
  return covered.back() == kUncompressed &&
         unmask_crc(ByteReader(block.substr(covered.size())).u32()) == crc32c(covered);
}

Status read_block(std::string_view block, const VisitEntry& visit) {
  if (block.size() < kBlockTrailerBytes) return damaged("is too short");
  const std::string_view contents = block.substr(0, block.size() - kBlockTrailerBytes);
  if (block[contents.size()] != kUncompressed) return damaged("is compressed, which no store is");
  BATON_ASSIGN_OR_RETURN(const std::size_t end, end_of_entries(contents));
  ByteReader in(contents.substr(0, end));
  ByteReader restarts(contents.substr(end, contents.size() - 4 - end));
  std::size_t restart = restarts.u32();
  std::string key;
  bool first = true;
  while (in.ok() && in.remaining() > 0) {
    const std::size_t at = in.position();
    const std::uint64_t shared = in.varint_max(key.size());
    const std::uint64_t unshared = in.varint_max(std::numeric_limits<std::uint32_t>::max());
    const std::uint64_t value_bytes = in.varint_max(std::numeric_limits<std::uint32_t>::max());
    std::string next = key.substr(0, static_cast<std::size_t>(shared));
    next.append(in.bytes(unshared));
    const std::string_view value = in.bytes(value_bytes);
    if (at == restart) {
      if (shared != 0) return damaged("has a restart within a key");
      restart = restarts.remaining() > 0 ? restarts.u32() : contents.size();
    } else if (first) {
      return damaged("does not begin with a restart");
    }
    if (!in.ok() || next.size() < kInternalKeyBytes) return damaged("has an entry that is none");
    const auto kind = static_cast<std::uint8_t>(next[next.size() - kInternalKeyBytes]);
    if (kind > kNewestKind) return damaged("has a key of an unknown kind");
    if (!first && !is_behind(key, next)) return damaged("has keys out of order");
    BATON_RETURN_IF_ERROR(visit(next, value));
    key = std::move(next);
    first = false;
  }
  if (!in.ok()) return damaged("has an entry that is cut off");
  // An empty block has a single restart, at its end.
  const bool all_seen = restart == contents.size() || (first && restart == 0);
  return all_seen && restarts.remaining() == 0 ? Status() : damaged("has restarts that do not fit");
}

bool is_behind(std::string_view before, std::string_view key) {
  const std::string_view user_before = before.substr(0, before.size() - kInternalKeyBytes);
  const std::string_view user = key.substr(0, key.size() - kInternalKeyBytes);
  const int order = user_before.compare(user);
  if (order != 0) return order < 0;
  return ByteReader(before.substr(user_before.size())).u64() >
         ByteReader(key.substr(user.size())).u64();
}

Result<BlockHandle> decode_block_handle(std::string_view value) {
  ByteReader in(value);
  const BlockHandle handle = read_handle(in);
  if (!in.at_end()) return damaged("has a handle that is none");
  return handle;
}

}  // namespace baton
