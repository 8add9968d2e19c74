// Manual pages: what `man baton-produce` shows, in roff, from the definitions that parse.
//
// A page for the program and one for each word behind it: a verb has its own (baton-produce), a noun
// one for all its verbs (baton-task), as people look for them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/daemon/command_shape.h"

namespace baton {

// What no command line knows of itself.
struct ManualFacts {
  int section = 1;
  std::string version;
  // "0" and what it means.
  std::vector<std::pair<std::string, std::string>> exit_codes;
  // A variable and what it means. A page lists those that its text names.
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> see_also;  // "baton-center(8)"; the program's own page comes by itself
};

struct ManualPage {
  std::string name;  // "baton-produce.1"
  std::string text;
};

std::vector<ManualPage> manual_pages(const CommandShape& program, const ManualFacts& facts);

// `text` so that roff shows it as it is: '-' is the minus that people copy, and nothing is a request.
std::string roff(std::string_view text);

}  // namespace baton
