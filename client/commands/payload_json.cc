#include "client/commands/payload_json.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/utf8.h"

namespace baton::commands {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

Status not_base64() { return {ErrorCode::kInvalidArgument, "not base64"}; }

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = (group << 8) | (i < have ? byte_at(bytes, at + i) : 0U);
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= have ? kAlphabet[(group >> (18 - 6 * i)) & 0x3fU] : '=';
    }
  }
  return text;
}

Result<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return not_base64();
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const bool last = at + 4 == text.size();
    const std::size_t padding = !last ? 0 : text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t value = i < 4 - padding ? kAlphabet.find(text[at + i]) : 0;
      if (value == std::string_view::npos) return not_base64();
      group = (group << 6) | static_cast<std::uint32_t>(value);
    }
    // Bits that no byte has: whoever wrote them meant something else (RFC 4648, 3.5).
    if ((group & ((1U << (8 * padding)) - 1)) != 0) return not_base64();
    for (std::size_t i = 0; i < 3 - padding; ++i) {
      bytes += static_cast<char>((group >> (16 - 8 * i)) & 0xffU);
    }
  }
  return bytes;
}

void put_bytes(Json& object, const std::string& key, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[key] = bytes;
  } else {
    object[key + "_base64"] = encode_base64(bytes);
  }
}

Result<std::string> take_bytes(const Json& object, const std::string& key) {
  const std::string base64_key = key + "_base64";
  if (!object.is_object() || object.size() != 1 || !object.front().is_string()) {
    return Status(ErrorCode::kInvalidArgument,
                  "want an object with one string, \"" + key + "\" or \"" + base64_key + "\"");
  }
  const auto& text = object.front().get_ref<const std::string&>();
  if (object.contains(key)) return text;
  if (object.contains(base64_key)) return decode_base64(text);
  return Status(ErrorCode::kInvalidArgument, "unknown key \"" + object.begin().key() +
                                                 "\": want \"" + key + "\" or \"" + base64_key +
                                                 "\"");
}

}  // namespace baton::commands
