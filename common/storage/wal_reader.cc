#include "common/storage/wal_reader.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/storage/table_format.h"

namespace baton {
namespace {

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kSectorBytes = 512;

std::size_t block_end(std::size_t at) { return (at / kBlockBytes + 1) * kBlockBytes; }

bool all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

}  // namespace

Result<std::uint64_t> WalReader::read_all(const Visit& visit, const Plausible& plausible) {
  std::string assembled;
  std::size_t record_start = 0;
  bool inside = false;  // between a FIRST and its LAST
  std::size_t at = 0;
  while (at < bytes_.size()) {
    if (block_end(at) - at < kHeaderBytes) {
      at = block_end(at);  // filler
      continue;
    }
    if (!inside) record_start = at;
    Fragment fragment{};
    if (!fragment_at(at, fragment)) {
      if (later_record(at, plausible)) return damaged(at, "is damaged in front of later records");
      if (!torn_at(at)) return damaged(at, "has a damaged last record");
      return std::uint64_t{record_start};
    }
    const bool continues = fragment.type == kMiddle || fragment.type == kLast;
    if (continues != inside) return damaged(at, "has a record without its beginning or end");
    if (!continues) assembled.clear();
    assembled.append(fragment.data);
    inside = fragment.type == kFirst || fragment.type == kMiddle;
    if (!inside) BATON_RETURN_IF_ERROR(visit(assembled, record_start));
    at = fragment.end;
  }
  // An unfinished record at the end was never synced as a whole.
  return std::uint64_t{inside ? record_start : bytes_.size()};
}

bool WalReader::fragment_at(std::size_t at, Fragment& fragment) const {
  const std::size_t limit = std::min(block_end(at), bytes_.size());
  if (limit < at + kHeaderBytes) return false;
  ByteReader header(bytes_.substr(at, kHeaderBytes));
  const std::uint32_t crc = unmask_crc(header.u32());
  const std::size_t length = header.u16();
  const std::uint8_t type = header.u8();
  if (type < kFull || type > kLast || length > limit - at - kHeaderBytes) return false;
  // The CRC covers the type and the data, which are side by side.
  if (crc32c(bytes_.substr(at + kHeaderBytes - 1, length + 1)) != crc) return false;
  fragment = {static_cast<Type>(type), bytes_.substr(at + kHeaderBytes, length),
              at + kHeaderBytes + length};
  return true;
}

// A bad fragment with nothing behind it is an unfinished write only if some of it is visibly
// missing: the file ends inside it, or one of its sectors was never written. A fragment that is all
// there but wrong was damaged.
bool WalReader::torn_at(std::size_t at) const {
  const std::size_t limit = std::min(block_end(at), bytes_.size());
  std::size_t end = limit;
  if (limit - at >= kHeaderBytes) {
    ByteReader header(bytes_.substr(at + 4, 2));
    const std::size_t claimed = at + kHeaderBytes + header.u16();
    if (claimed > limit) {
      if (length_is_wrong(at)) return false;
      if (limit == bytes_.size()) return true;
    } else {
      end = claimed;
    }
  } else {
    return true;  // not even a header
  }
  for (std::size_t part = at; part < end;) {
    const std::size_t part_end = std::min(end, (part / kSectorBytes + 1) * kSectorBytes);
    if (all_zero(bytes_.substr(part, part_end - part))) return true;
    part = part_end;
  }
  return false;
}

// True when the fragment at `at` is whole and only its length field is wrong: its CRC fits for
// another length.
bool WalReader::length_is_wrong(std::size_t at) const {
  const std::size_t limit = std::min(block_end(at), bytes_.size());
  ByteReader header(bytes_.substr(at, 4));
  const std::uint32_t wanted = unmask_crc(header.u32());
  std::uint32_t crc = 0;
  for (std::size_t i = at + kHeaderBytes - 1; i < limit; ++i) {
    crc = crc32c_extend(crc, bytes_.substr(i, 1));
    if (crc == wanted) return true;
  }
  return false;
}

// Fragments that only continue a record may belong to the torn record itself: sectors reach the
// disk in any order.
bool WalReader::later_record(std::size_t after, const Plausible& plausible) const {
  for (std::size_t at = after + 1; at + kHeaderBytes <= bytes_.size(); ++at) {
    const char type = bytes_[at + kHeaderBytes - 1];
    if (type != kFull && type != kFirst) continue;
    Fragment fragment{};
    if (fragment_at(at, fragment) && plausible(fragment.data)) return true;
  }
  return false;
}

Status WalReader::damaged(std::size_t at, const char* what) const {
  return Status(ErrorCode::kDataLoss,
                std::string(name_) + " " + what + " (at byte " + std::to_string(at) + ")");
}

}  // namespace baton
