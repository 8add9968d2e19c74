#include "common/base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace baton {
namespace {

using Extend = std::uint32_t (*)(std::uint32_t crc, std::string_view data);

constexpr std::array<std::uint32_t, 256> make_table() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, bits reversed
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) std::uint32_t extend_sse42(std::uint32_t crc,
                                                             std::string_view data) {
  std::uint64_t state = ~crc;
  const char* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto state32 = static_cast<std::uint32_t>(state);
  for (; left > 0; --left, ++at) state32 = _mm_crc32_u8(state32, static_cast<unsigned char>(*at));
  return ~state32;
}

Extend fastest() {
  return __builtin_cpu_supports("sse4.2") != 0 ? extend_sse42 : crc32c_extend_portable;
}

#elif defined(__aarch64__) && defined(__linux__)

__attribute__((target("crc"))) std::uint32_t extend_armv8(std::uint32_t crc,
                                                          std::string_view data) {
  std::uint32_t state = ~crc;
  const char* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    state = __crc32cd(state, word);
  }
  for (; left > 0; --left, ++at) state = __crc32cb(state, static_cast<unsigned char>(*at));
  return ~state;
}

Extend fastest() {
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0 ? extend_armv8 : crc32c_extend_portable;
}

#else

Extend fastest() { return crc32c_extend_portable; }

#endif

}  // namespace

std::uint32_t crc32c_extend_portable(std::uint32_t crc, std::string_view data) {
  std::uint32_t state = ~crc;
  for (const char c : data) {
    state = (state >> 8) ^ kTable[(state ^ static_cast<unsigned char>(c)) & 0xff];
  }
  return ~state;
}

std::uint32_t crc32c_extend(std::uint32_t crc, std::string_view data) {
  static const Extend extend = fastest();
  return extend(crc, data);
}

}  // namespace baton
