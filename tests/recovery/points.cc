#include "tests/recovery/points.h"

#include <cstdlib>
#include <string>

#include "common/base/random.h"

namespace baton::recovery {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

}  // namespace

PointOptions PointOptions::from_environment(PointOptions otherwise) {
  PointOptions options = otherwise;
  options.stride = number_from_environment("BATON_RECOVERY_STRIDE", otherwise.stride);
  if (options.stride != otherwise.stride) options.nested_stride = options.stride;
  options.seed = number_from_environment("BATON_RECOVERY_SEED", otherwise.seed);
  return options;
}

std::vector<std::uint64_t> points(std::uint64_t last, std::uint64_t stride, std::uint64_t seed,
                                  std::string_view what) {
  if (const std::uint64_t only = number_from_environment("BATON_RECOVERY_POINT", 0); only != 0)
    return only <= last ? std::vector<std::uint64_t>{only} : std::vector<std::uint64_t>{};
  std::uint64_t mixed = seed;
  for (const char c : what) mixed = mixed * 31 + static_cast<unsigned char>(c);
  std::vector<std::uint64_t> chosen;
  for (std::uint64_t point = 1 + Random(mixed).below(stride); point <= last; point += stride)
    chosen.push_back(point);
  return chosen;
}

}  // namespace baton::recovery
