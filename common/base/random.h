// A seeded source of random numbers (SplitMix64, Steele/Lea/Flood 2014): same seed, same numbers.
//
// Not for secrets. Real daemons take their seed from the system once, at start.
#pragma once

#include <cstdint>

#include "common/base/ids.h"

namespace baton {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  // A number in [0, bound). REQUIRES: bound > 0. The bias is below bound / 2^64.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

  // True with probability 1 / denominator.
  bool one_in(std::uint64_t denominator) { return below(denominator) == 0; }

  Uuid uuid() {
    const std::uint64_t hi = next();
    return Uuid{hi, next()};
  }

  // A generator for a part of the program that must not disturb this one's sequence.
  Random fork() { return Random(next()); }

 private:
  std::uint64_t state_;
};

}  // namespace baton
