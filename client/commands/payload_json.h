// Bytes inside JSON: valid UTF-8 as a string under `key`, anything else as base64 under
// `key_base64`.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/status.h"

namespace baton::commands {

using Json = nlohmann::ordered_json;

std::string encode_base64(std::string_view bytes);
// Standard alphabet with padding; invalid_argument for anything else.
Result<std::string> decode_base64(std::string_view text);

// Adds `key` or `key_base64` to `object`.
void put_bytes(Json& object, const std::string& key, std::string_view bytes);
// What put_bytes wrote. `object` must have exactly one of the two keys, and no other key.
Result<std::string> take_bytes(const Json& object, const std::string& key);

}  // namespace baton::commands
