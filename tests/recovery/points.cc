#include "tests/recovery/points.h"

#include "common/base/random.h"
#include "tests/support/environment.h"

namespace baton::recovery {
namespace {

struct Range {
  std::uint64_t first;
  std::uint64_t last;
};

std::vector<std::uint64_t> only(std::uint64_t point, Range range) {
  if (point < range.first || point > range.last) return {};
  return {point};
}

std::vector<std::uint64_t> each(std::uint64_t stride, Range range, std::uint64_t seed,
                                std::string_view what) {
  std::uint64_t mixed = seed;
  for (const char c : what) mixed = mixed * 31 + static_cast<unsigned char>(c);
  std::vector<std::uint64_t> chosen;
  std::uint64_t point = range.first + Random(mixed).below(stride);
  for (; point <= range.last; point += stride) chosen.push_back(point);
  return chosen;
}

}  // namespace

PointOptions PointOptions::from_environment(PointOptions otherwise) {
  using testing::number_from_environment;
  PointOptions options = otherwise;
  options.stride = number_from_environment("BATON_RECOVERY_STRIDE", otherwise.stride);
  if (options.stride != otherwise.stride) options.nested_stride = options.stride;
  options.seed = number_from_environment("BATON_RECOVERY_SEED", otherwise.seed);
  options.point = number_from_environment("BATON_RECOVERY_POINT", otherwise.point);
  options.nested_point =
      number_from_environment("BATON_RECOVERY_NESTED_POINT", otherwise.nested_point);
  return options;
}

std::vector<std::uint64_t> PointOptions::points(std::uint64_t first, std::uint64_t last,
                                                std::string_view what) const {
  const Range range{first, last};
  return point != 0 ? only(point, range) : each(stride, range, seed, what);
}

std::vector<std::uint64_t> PointOptions::nested_points(std::uint64_t last,
                                                       std::string_view what) const {
  const Range range{1, last};
  return nested_point != 0 ? only(nested_point, range) : each(nested_stride, range, seed, what);
}

}  // namespace baton::recovery
