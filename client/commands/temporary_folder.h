// TemporaryFolder: a folder that is removed with everything in it when this goes.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "common/base/status.h"

namespace baton::commands {

class TemporaryFolder {
 public:
  // unavailable: none can be made.
  static Result<std::unique_ptr<TemporaryFolder>> make(const std::string& prefix);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace baton::commands
