// ChainHash: the SHA-256 that each archived entry is tied to all entries before it with (R19).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/status.h"

namespace baton::center {

// All zero before the first entry.
using ChainHash = std::array<std::uint8_t, 32>;

// SHA-256(previous, record).
ChainHash chain_hash(const ChainHash& previous, std::string_view record);

// The 32 bytes as they are stored.
inline std::string_view bytes_of(const ChainHash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}
// REQUIRES: 32 bytes.
ChainHash to_chain_hash(std::string_view bytes);

}  // namespace baton::center
