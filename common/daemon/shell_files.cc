#include "common/daemon/shell_files.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <CLI/CLI.hpp>

#include "common/daemon/completion.h"
#include "version.h"

namespace baton {
namespace {

Status write_file(const std::filesystem::path& path, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) {
    return {ErrorCode::kUnavailable,
            "cannot make " + path.parent_path().string() + ": " + error.message()};
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return {};
  return {ErrorCode::kUnavailable, "cannot write " + path.string() + ": " + std::strerror(errno)};
}

}  // namespace

Status write_shell_files(const CLI::App& app, const ManualFacts& facts, const std::string& folder) {
  const std::filesystem::path root(folder);
  const CommandShape program = shape_of(app);
  for (const ManualPage& page : manual_pages(program, facts)) {
    const std::string section = "man" + std::to_string(facts.section);
    BATON_RETURN_IF_ERROR(write_file(root / "man" / section / page.name, page.text));
  }
  for (const Shell shell : kShells) {
    BATON_RETURN_IF_ERROR(write_file(root / completion_path(program.name(), shell),
                                     completion_script(program, shell)));
  }
  return {};
}

std::string version_of_build() { return kVersion; }

void add_shell_files_flag(CLI::App& app, const ManualFacts& facts) {
  app.add_option_function<std::string>(
         "--shell-files",
         [&app, facts](const std::string& folder) {
           const Status written = write_shell_files(app, facts, folder);
           if (!written.ok()) throw CLI::ValidationError("--shell-files", written.message());
           throw CLI::Success();
         })
      ->configurable(false)
      ->group("");
}

}  // namespace baton
