#include "client/commands/temporary_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace baton::commands {

Result<std::unique_ptr<TemporaryFolder>> TemporaryFolder::make(const std::string& prefix) {
  std::error_code error;
  std::string path = (std::filesystem::temp_directory_path(error) / (prefix + "XXXXXX")).string();
  if (error || ::mkdtemp(path.data()) == nullptr) {
    return Status(ErrorCode::kUnavailable, "cannot make a temporary folder: " +
                                               (error ? error.message() : std::strerror(errno)));
  }
  return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(std::move(path)));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace baton::commands
