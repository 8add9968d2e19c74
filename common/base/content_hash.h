// content_hash: the 64-bit fingerprint by which a repeated task is told from another one (R5).
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/crc32c.h"

namespace baton {

// From the parts, where the CRC32C of the payload is known already.
constexpr std::uint64_t content_hash(std::uint32_t payload_crc, std::uint32_t payload_bytes) {
  return (std::uint64_t{payload_crc} << 32) | payload_bytes;
}

// The payload's length, which is a part of it.
constexpr std::uint32_t content_bytes(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash);
}

// REQUIRES: payload.size() < 2^32.
inline std::uint64_t content_hash(std::string_view payload) {
  return content_hash(crc32c(payload), static_cast<std::uint32_t>(payload.size()));
}

}  // namespace baton
