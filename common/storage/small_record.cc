#include "common/storage/small_record.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

namespace baton {

std::string seal_record(std::string_view key, std::uint8_t version, std::string_view body) {
  std::string record;
  record.reserve(body.size() + 5);
  ByteWriter out(record);
  out.u8(version);
  out.bytes(body);
  out.u32(crc32c_extend(crc32c(key), record));
  return record;
}

Result<std::string_view> open_record(std::string_view key, std::string_view record,
                                     std::uint8_t version_max, std::string_view what) {
  constexpr std::size_t kVersionBytes = 1;
  constexpr std::size_t kCrcBytes = 4;
  const Status damaged(ErrorCode::kDataLoss, std::string(what) + " is damaged");
  if (record.size() < kVersionBytes + kCrcBytes) return damaged;
  const std::string_view checked = record.substr(0, record.size() - kCrcBytes);
  if (ByteReader(record.substr(checked.size())).u32() != crc32c_extend(crc32c(key), checked)) {
    return damaged;
  }
  const auto version = static_cast<std::uint8_t>(checked.front());
  if (version == 0 || version > version_max) {
    return Status(ErrorCode::kUnsupportedVersion, std::string(what) +
                                                      " was written by a newer Baton (version " +
                                                      std::to_string(version) + ")");
  }
  return checked.substr(kVersionBytes);
}

}  // namespace baton
