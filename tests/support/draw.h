// Lengths of time, and choices, drawn by chance. Each takes one number of `random`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/random.h"
#include "common/base/time.h"

namespace baton::sim {

// From [min, max].
inline Duration between(Random& random, Duration min, Duration max) {
  const auto spread = static_cast<std::uint64_t>((max - min).count()) + 1;
  return min + Duration(static_cast<std::int64_t>(random.below(spread)));
}

// From [1 ns, max].
inline Duration up_to(Random& random, Duration max) { return between(random, Duration(1), max); }

// From [0, bound).
inline Duration below(Random& random, Duration bound) {
  return between(random, Duration(0), bound - Duration(1));
}

template <class T, std::size_t n>
T one_of(Random& random, const T (&choices)[n]) {
  return choices[random.below(n)];
}

}  // namespace baton::sim
