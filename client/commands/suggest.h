// "Did you mean ...": the closest of the known words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace baton::commands {

// The word of `known` that `word` is most likely a misspelling of; empty when none is close.
std::string suggest(std::string_view word, const std::vector<std::string>& known);

}  // namespace baton::commands
