// Points: which of a scenario's operations a sweep visits.
//
// All of them, or each n-th from a phase that is drawn from the seed, for each sweep of each
// scenario anew.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace baton::recovery {

struct PointOptions {
  std::uint64_t stride = 1;         // of crashes and of I/O errors
  std::uint64_t nested_stride = 1;  // of crashes inside a recovery
  std::uint64_t seed = 1;

  // BATON_RECOVERY_STRIDE and BATON_RECOVERY_SEED; a stride of 1 is everything, nested ones too.
  static PointOptions from_environment(PointOptions otherwise);
};

// Of 1 ... last. `what` names the sweep, so that each has a phase of its own. BATON_RECOVERY_POINT:
// this one only.
std::vector<std::uint64_t> points(std::uint64_t last, std::uint64_t stride, std::uint64_t seed,
                                  std::string_view what);

}  // namespace baton::recovery
