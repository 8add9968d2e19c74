// FuzzInput: the bytes of one fuzz case, read as the choices of a story; and FUZZ_CHECK, an oracle's
// way to say no.
//
// When the bytes are used up every choice is 0, so that each prefix of an input is an input.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace baton::fuzz {

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size)
      : left_(reinterpret_cast<const char*>(data), size) {}

  [[nodiscard]] bool empty() const { return left_.empty(); }
  [[nodiscard]] std::size_t size() const { return left_.size(); }

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  // Below `bound`, from one byte. REQUIRES: 0 < bound <= 256.
  std::size_t below(std::size_t bound) { return u8() % bound; }
  bool flag() { return (u8() & 1) != 0; }

  // Mostly small, sometimes at one of the edges where arithmetic goes wrong.
  std::uint64_t odd_number() {
    const std::uint8_t kind = u8();
    if (kind < 200) return kind % 20;
    switch (kind % 8) {
      case 0:
        return u64();
      case 1:
        return UINT64_MAX - below(4);
      case 2:
        return (std::uint64_t{1} << 63) - below(2);
      case 3:
        return (std::uint64_t{1} << 32) - below(3);
      case 4:
        return (std::uint64_t{1} << 44) - below(3);
      case 5:
        return u32();
      default:
        return u16();
    }
  }

  std::string_view bytes(std::size_t count) {
    const std::string_view taken = left_.substr(0, std::min(count, left_.size()));
    left_.remove_prefix(taken.size());
    return taken;
  }
  // As many as a length in front of them says, two bytes.
  std::string_view sized() { return bytes(u16()); }
  std::string_view rest() { return bytes(left_.size()); }

 private:
  std::uint64_t number(std::size_t width) {
    const std::string_view from = bytes(width);
    std::uint64_t value = 0;
    for (std::size_t i = from.size(); i-- > 0;)
      value = value << 8 | static_cast<std::uint8_t>(from[i]);
    return value;
  }

  std::string_view left_;
};

// Ends the process the way that fuzzers and sanitizers take for a crash.
[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  std::abort();
}

}  // namespace baton::fuzz

// `what` is only computed when the condition does not hold.
#define FUZZ_CHECK(condition, what)                                    \
  do {                                                                 \
    if (!(condition)) ::baton::fuzz::fail(__FILE__, __LINE__, (what)); \
  } while (false)

// What libFuzzer calls, and the replaying main of every other build.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
