// Completion scripts: what a shell needs to finish words of a program's command line.
//
// They know verbs, flags, the words that a flag or positional takes, and where a file, a directory or
// a program is wanted; elsewhere they offer nothing. They ask nobody, so that a cluster that is down
// costs no time.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/daemon/command_shape.h"

namespace baton {

enum class Shell { kBash, kZsh, kFish };
inline constexpr std::array<Shell, 3> kShells{Shell::kBash, Shell::kZsh, Shell::kFish};

std::string_view to_string(Shell shell);  // "bash"
// invalid_argument: no shell of that name.
Result<Shell> parse_shell(std::string_view text);

// The script for `program`, a whole command line. It works without the package bash-completion, and
// whether the shell sources it or loads it by its name.
std::string completion_script(const CommandShape& program, Shell shell);

// Where a shell looks for it below /usr/share: "zsh/site-functions/_baton".
std::string completion_path(const std::string& program, Shell shell);

}  // namespace baton
