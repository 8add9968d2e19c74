#include "client/commands/payload_json.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace baton::commands {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

// Length of the sequence that begins with `lead`, and the smallest value it may encode; length 0:
// none begins so.
struct Sequence {
  std::size_t length;
  std::uint32_t smallest;
  std::uint32_t bits;
};
Sequence sequence_of(std::uint8_t lead) {
  if (lead < 0x80) return {1, 0, lead};
  if ((lead & 0xe0) == 0xc0) return {2, 0x80, lead & 0x1fU};
  if ((lead & 0xf0) == 0xe0) return {3, 0x800, lead & 0x0fU};
  if ((lead & 0xf8) == 0xf0) return {4, 0x10000, lead & 0x07U};
  return {0, 0, 0};
}

Status not_base64() { return {ErrorCode::kInvalidArgument, "not base64"}; }

}  // namespace

bool is_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto [length, smallest, bits] = sequence_of(byte_at(bytes, at));
    if (length == 0 || length > bytes.size() - at) return false;
    std::uint32_t value = bits;
    for (std::size_t i = 1; i < length; ++i) {
      const std::uint8_t next = byte_at(bytes, at + i);
      if ((next & 0xc0) != 0x80) return false;
      value = (value << 6) | (next & 0x3fU);
    }
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < smallest || value > 0x10ffff || surrogate) return false;
    at += length;
  }
  return true;
}

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
