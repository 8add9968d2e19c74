// Shell files: a program's manual pages and completion scripts as files, for `cmake --install`.
#pragma once

#include <string>

#include "common/base/status.h"
#include "common/daemon/manual_page.h"

namespace CLI {
class App;
}  // namespace CLI

namespace baton {

// Writes them below `folder` as they lie below /usr/share (man/man1, bash-completion/completions,
// ...); folders are made. unavailable: a file could not be written; others may have been.
Status write_shell_files(const CLI::App& app, const ManualFacts& facts, const std::string& folder);

// The version of this build, for ManualFacts.
std::string version_of_build();

// The hidden flag --shell-files DIR, which writes them and ends the parsing with success. It stands
// beside the flags of a whole program; `facts` is copied.
void add_shell_files_flag(CLI::App& app, const ManualFacts& facts);

}  // namespace baton
