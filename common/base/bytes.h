// ByteWriter and ByteReader: how every binary format of Baton is written and read.
//
// Numbers are little-endian, except where `be` says big-endian (keys, so that byte order is number
// order). A varint has 7 bits a byte, lowest first, at most 10 bytes; a zigzag is a varint of
// 2n or, for a negative n, of -2n - 1, so that small numbers of either sign are short. `sized` is a
// varint length and that many bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/ids.h"

namespace baton {

// Appends to a string that outlives it.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u16(std::uint16_t value) { little(value, 2); }
  void u32(std::uint32_t value) { little(value, 4); }
  void u64(std::uint64_t value) { little(value, 8); }
  void be32(std::uint32_t value) { big(value, 4); }
  void be64(std::uint64_t value) { big(value, 8); }

  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      u8(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    u8(static_cast<std::uint8_t>(value));
  }
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }

  void bytes(std::string_view data) { out_.append(data); }
  void sized(std::string_view data) {
    varint(data.size());
    bytes(data);
  }
  void uuid(const Uuid& id) {
    u64(id.hi);
    u64(id.lo);
  }

 private:
  void little(std::uint64_t value, int width) {
    char buffer[8];
    for (int i = 0; i < width; ++i) buffer[i] = static_cast<char>(value >> (8 * i));
    out_.append(buffer, static_cast<std::size_t>(width));
  }
  void big(std::uint64_t value, int width) {
    char buffer[8];
    for (int i = 0; i < width; ++i) buffer[i] = static_cast<char>(value >> (8 * (width - 1 - i)));
    out_.append(buffer, static_cast<std::size_t>(width));
  }

  std::string& out_;
};

// Reads from bytes that outlive it and that nobody has vouched for. Reading past the end or a
// varint that is too long makes it fail for good: from then on every read gives 0 or nothing and
// ok() is false. So a caller may read a whole structure and ask once.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  [[nodiscard]] bool ok() const { return ok_; }
  // True when everything was read and nothing was wrong.
  [[nodiscard]] bool at_end() const { return ok_ && at_ == in_.size(); }
  [[nodiscard]] std::size_t remaining() const { return ok_ ? in_.size() - at_ : 0; }
  [[nodiscard]] std::size_t position() const { return at_; }
  // For a caller who finds that what was read makes no sense.
  void fail() { ok_ = false; }

  std::uint8_t u8() { return static_cast<std::uint8_t>(little(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(little(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little(4)); }
  std::uint64_t u64() { return little(8); }
  std::uint32_t be32() { return static_cast<std::uint32_t>(big(4)); }
  std::uint64_t be64() { return big(8); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint64_t byte = u8();
      // The tenth byte has room for one bit only.
      if (!ok_ || (shift == 63 && byte > 1)) break;
      value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    ok_ = false;
    return 0;
  }
  // A varint that must not exceed `max`.
  std::uint64_t varint_max(std::uint64_t max) {
    const std::uint64_t value = varint();
    if (value > max) ok_ = false;
    return ok_ ? value : 0;
  }
  std::int64_t zigzag() {
    const std::uint64_t bits = varint();
    return static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
  }

  std::string_view bytes(std::uint64_t size) {
    if (size > remaining()) {
      ok_ = false;
      return {};
    }
    const std::string_view data = in_.substr(at_, static_cast<std::size_t>(size));
    at_ += data.size();
    return data;
  }
  std::string_view sized() { return bytes(varint()); }
  Uuid uuid() {
    const std::uint64_t hi = u64();
    return Uuid{hi, u64()};
  }

 private:
  std::uint64_t little(std::size_t width) {
    const std::string_view data = bytes(width);
    std::uint64_t value = 0;
    for (std::size_t i = data.size(); i-- > 0;)
      value = value << 8 | static_cast<std::uint8_t>(data[i]);
    return value;
  }
  std::uint64_t big(std::size_t width) {
    std::uint64_t value = 0;
    for (const char c : bytes(width)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }

  std::string_view in_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace baton
