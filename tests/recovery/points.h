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
  // This one alone, as violations print it: "at operation 12, ... at operation 3 of the recovery".
  std::uint64_t point = 0;
  std::uint64_t nested_point = 0;

  // BATON_RECOVERY_STRIDE, _SEED, _POINT and _NESTED_POINT; a stride of 1 is everything, nested ones
  // too.
  static PointOptions from_environment(PointOptions otherwise);

  // Of first ... last. `what` names the sweep, so that each has a phase of its own.
  [[nodiscard]] std::vector<std::uint64_t> points(std::uint64_t first, std::uint64_t last,
                                                  std::string_view what) const;
  // Of the operations 1 ... last of a recovery.
  [[nodiscard]] std::vector<std::uint64_t> nested_points(std::uint64_t last,
                                                         std::string_view what) const;
};

}  // namespace baton::recovery
