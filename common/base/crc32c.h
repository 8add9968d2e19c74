// CRC32C (Castagnoli), the checksum of frames, batches, records and identity files.
//
// Uses the CPU's instruction (SSE4.2 or ARMv8 CRC) where there is one, a table otherwise; the
// result is the same. It finds damage, it does not prove who wrote the bytes.
#pragma once

#include <cstdint>
#include <string_view>

namespace baton {

// The CRC32C of what `crc` was computed over, followed by `data`. Start with 0.
std::uint32_t crc32c_extend(std::uint32_t crc, std::string_view data);

inline std::uint32_t crc32c(std::string_view data) { return crc32c_extend(0, data); }

// The table version, whatever the CPU: the reference that tests compare with.
std::uint32_t crc32c_extend_portable(std::uint32_t crc, std::string_view data);

}  // namespace baton
