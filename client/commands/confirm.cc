#include "client/commands/confirm.h"

#include <array>
#include <string_view>

#include <unistd.h>

namespace baton::commands {

std::optional<int> refuse_unconfirmed(bool yes, const std::string& question) {
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
  return refuse_unconfirmed(yes, question, stdin, terminal);
}

std::optional<int> refuse_unconfirmed(bool yes, const std::string& question, std::FILE* input,
                                      bool terminal) {
  if (yes) return std::nullopt;
  if (!terminal) {
    std::fprintf(stderr,
                 "error: %s There is nobody to ask here: --yes says so, --dry-run shows what would "
                 "be done\n",
                 question.c_str());
    return 2;
  }
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::array<char, 16> answer{};
  const char* line = std::fgets(answer.data(), static_cast<int>(answer.size()), input);
  const std::string_view said = line == nullptr ? "" : line;
  if (said == "y\n" || said == "Y\n" || said == "yes\n") return std::nullopt;
  std::fprintf(stderr, "nothing was done\n");
  return 1;
}

}  // namespace baton::commands
