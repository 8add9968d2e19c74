// Asking before something that touches many tasks. Scripts are never asked: they say --yes.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

namespace baton::commands {

// Nothing: go on, because `yes` was said or the person at the terminal said so. Else the exit code to
// end with, after saying why on standard error: 1 when the person said no, 2 when nobody can be
// asked.
std::optional<int> refuse_unconfirmed(bool yes, const std::string& question);

// The same for this input, which is a terminal or not.
std::optional<int> refuse_unconfirmed(bool yes, const std::string& question, std::FILE* input,
                                      bool terminal);

}  // namespace baton::commands
