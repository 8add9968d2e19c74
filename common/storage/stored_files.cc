#include "common/storage/stored_files.h"

#include <cstdio>

namespace baton {

std::string numbered_path(const std::string& directory, std::string_view prefix, Lsn number) {
  char digits[24];
  std::snprintf(digits, sizeof(digits), "%020llu", static_cast<unsigned long long>(number.value()));
  return directory + "/" + std::string(prefix) + digits;
}

Status check_format_version(const std::string& what, std::uint8_t version, std::uint8_t known) {
  if (version == known) return Status();
  return Status(ErrorCode::kUnsupportedVersion,
                what + " has format version " + std::to_string(version) + ", this program knows " +
                    std::to_string(known));
}

}  // namespace baton
