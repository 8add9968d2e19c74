// LatencyHistogram: counts of durations, exact to about 1.6 %, in constant memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/base/time.h"

namespace baton::commands {

class LatencyHistogram {
 public:
  void add(Duration latency) {
    const auto micros =
        static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count() / 1000, 0));
    ++counts_[bucket_of(micros)];
    ++total_;
    max_micros_ = std::max(max_micros_, micros);
  }

  [[nodiscard]] std::uint64_t count() const { return total_; }
  [[nodiscard]] double max_ms() const { return static_cast<double>(max_micros_) / 1000.0; }

  // The smallest value that `share` of all are not above, in milliseconds; 0 of none.
  [[nodiscard]] double percentile_ms(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen > wanted || (seen == total_ && total_ > 0)) {
        return static_cast<double>(std::min(upper_end(bucket), max_micros_)) / 1000.0;
      }
    }
    return 0;
  }

 private:
  // 64 buckets for each power of two: below 64 one value each.
  static constexpr unsigned kBits = 6;
  static constexpr std::size_t kStep = std::size_t{1} << kBits;

  static std::size_t bucket_of(std::uint64_t micros) {
    if (micros < kStep) return static_cast<std::size_t>(micros);
    const unsigned shift = static_cast<unsigned>(std::bit_width(micros)) - kBits - 1;
    return (shift + 1) * kStep + static_cast<std::size_t>((micros >> shift) - kStep);
  }
  static std::uint64_t upper_end(std::size_t bucket) {
    if (bucket < kStep) return bucket;
    const std::size_t shift = bucket / kStep - 1;
    return ((std::uint64_t{bucket % kStep} + kStep + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - kBits + 1) * kStep> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_micros_ = 0;
};

}  // namespace baton::commands
