// UTF-8, strictly: no overlong forms, surrogates or values above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace baton {

// The length in bytes of the character that `text` starts with; 0 when it is none.
// REQUIRES: not empty.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace baton
