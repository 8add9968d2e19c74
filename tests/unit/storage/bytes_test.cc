#include "common/base/bytes.h"

#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "common/base/content_hash.h"
#include "common/base/crc32c.h"
#include "common/base/random.h"

namespace baton {
namespace {

TEST_CASE("CRC32C has the values of RFC 3720") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
}

TEST_CASE("CRC32C by instruction and by table agree for every length and can be extended") {
  Random random(1);
  std::string data;
  for (int i = 0; i < 300; ++i) {
    CHECK(crc32c(data) == crc32c_extend_portable(0, data));
    const std::size_t cut = data.empty() ? 0 : random.below(data.size());
    CHECK(crc32c_extend(crc32c(data.substr(0, cut)), data.substr(cut)) == crc32c(data));
    data.push_back(static_cast<char>(random.next()));
  }
}

TEST_CASE("the content hash tells contents and lengths apart") {
  CHECK(content_hash("a") == ((std::uint64_t{crc32c("a")} << 32) | 1));
  CHECK(content_hash("a") != content_hash("b"));
  CHECK(content_hash("") == 0);
}

TEST_CASE("what a writer wrote a reader reads") {
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(1);
  out.u16(0x0203);
  out.u32(0x04050607);
  out.u64(0x08090a0b0c0d0e0f);
  out.be32(0x04050607);
  out.be64(0x08090a0b0c0d0e0f);
  for (int shift = 0; shift < 64; ++shift) out.varint(std::uint64_t{1} << shift);
  out.varint(std::numeric_limits<std::uint64_t>::max());
  out.sized("text");
  out.uuid(Uuid{1, 2});

  ByteReader in(bytes);
  CHECK(in.u8() == 1);
  CHECK(in.u16() == 0x0203);
  CHECK(in.u32() == 0x04050607);
  CHECK(in.u64() == 0x08090a0b0c0d0e0f);
  CHECK(in.be32() == 0x04050607);
  CHECK(in.be64() == 0x08090a0b0c0d0e0f);
  for (int shift = 0; shift < 64; ++shift) CHECK(in.varint() == std::uint64_t{1} << shift);
  CHECK(in.varint() == std::numeric_limits<std::uint64_t>::max());
  CHECK(in.sized() == "text");
  CHECK(in.uuid() == Uuid{1, 2});
  CHECK(in.at_end());
}

TEST_CASE("a zigzag is short for small numbers of either sign, and holds all of them") {
  constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
  std::string bytes;
  ByteWriter out(bytes);
  for (const std::int64_t value : {0, -1, 1, -64, 63}) out.zigzag(value);
  CHECK(bytes == std::string("\x00\x01\x02\x7f\x7e", 5));
  for (const std::int64_t value : {kLowest, kHighest}) out.zigzag(value);

  ByteReader in(bytes);
  for (const std::int64_t value : {0, -1, 1, -64, 63}) CHECK(in.zigzag() == value);
  CHECK(in.zigzag() == kLowest);
  CHECK(in.zigzag() == kHighest);
  CHECK(in.at_end());
}

TEST_CASE("little-endian puts the lowest byte first, big-endian the highest") {
  std::string bytes;
  ByteWriter(bytes).u32(0x01020304);
  ByteWriter(bytes).be32(0x01020304);
  CHECK(bytes == std::string("\x04\x03\x02\x01\x01\x02\x03\x04"));
}

TEST_CASE("reading past the end fails for good and gives nothing") {
  ByteReader in("abc");
  CHECK(in.u32() == 0);
  CHECK_FALSE(in.ok());
  CHECK(in.u8() == 0);
  CHECK(in.bytes(1).empty());
  CHECK(in.remaining() == 0);
  CHECK_FALSE(in.at_end());
}

TEST_CASE("a size that is larger than what is left is refused without overflow") {
  std::string bytes;
  ByteWriter(bytes).varint(std::numeric_limits<std::uint64_t>::max());
  ByteReader in(bytes);
  CHECK(in.sized().empty());
  CHECK_FALSE(in.ok());
}

TEST_CASE("a varint of more than 64 bits is refused") {
  ByteReader eleven(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));
  CHECK(eleven.varint() == 0);
  CHECK_FALSE(eleven.ok());
  ByteReader too_large(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
  CHECK(too_large.varint() == 0);
  CHECK_FALSE(too_large.ok());
  ByteReader over(std::string_view("\x05", 1));
  CHECK(over.varint_max(4) == 0);
  CHECK_FALSE(over.ok());
}

}  // namespace
}  // namespace baton
