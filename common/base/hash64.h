// Hash64: a rolling 64-bit hash of a sequence of numbers; the same sequence gives the same hash
// everywhere.
//
// For comparing states and spreading numbers, not against an adversary.
#pragma once

#include <cstdint>
#include <string_view>

namespace baton {

// Both halves of the 128-bit product, folded (as in wyhash): every input bit reaches every output
// bit.
constexpr std::uint64_t mix64(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// One number, well spread. Never changes: backoff jitter of old logs depends on it.
constexpr std::uint64_t hash64(std::uint64_t value) {
  return mix64(value ^ 0x9e3779b97f4a7c15U, 0xbf58476d1ce4e5b9U ^ (value << 1));
}

class Hash64 {
 public:
  constexpr Hash64() = default;
  constexpr explicit Hash64(std::uint64_t state) : state_(state) {}

  constexpr void add(std::uint64_t value) {
    state_ = mix64(state_ ^ value ^ 0xa0761d6478bd642fU, 0xe7037ed1a0b428dbU + (state_ >> 17));
  }
  constexpr void add(std::string_view bytes) {
    add(bytes.size());
    for (const char c : bytes) add(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
  }

  [[nodiscard]] constexpr std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0x2545f4914f6cdd1dU;
};

}  // namespace baton
