// Small records: the values of bookkeeping keys, each with a version and a checksum that binds it
// to its key.
//
//   version u8 | body | CRC32C of key, version and body, u32
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/status.h"

namespace baton {

std::string seal_record(std::string_view key, std::uint8_t version, std::string_view body);

// The body; points into `record`. data_loss when it is damaged or belongs to another key,
// unsupported_version when its version is above `version_max`. `what` names the record in messages.
Result<std::string_view> open_record(std::string_view key, std::string_view record,
                                     std::uint8_t version_max, std::string_view what);

}  // namespace baton
