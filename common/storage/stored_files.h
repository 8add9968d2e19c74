// What the files that lie beside a store have in common: names with a number, and a format version.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/status.h"

namespace baton {

// "DIRECTORY/PREFIX00000000000000000042": names sort as their numbers do.
std::string numbered_path(const std::string& directory, std::string_view prefix, Lsn number);

// unsupported_version, naming `what` and both versions, unless this program knows it.
Status check_format_version(const std::string& what, std::uint8_t version, std::uint8_t known);

}  // namespace baton
