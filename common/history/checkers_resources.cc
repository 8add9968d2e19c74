#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "common/history/checkers.h"

namespace baton::check {
namespace {

constexpr std::size_t kSamplesToJudge = 16;
constexpr std::uint64_t kGrowthAllowed = 2;

std::string name(const ResourceSample& sample) {
  return sample.what + " of process " + std::to_string(sample.process);
}

// The most that each is above its cap: one violation, however many samples are.
void check_cap(std::span<const ResourceSample* const> series, std::vector<Violation>& found) {
  const ResourceSample* worst = nullptr;
  for (const ResourceSample* sample : series) {
    if (sample->cap == 0 || sample->value <= sample->cap) continue;
    if (worst == nullptr || sample->value - sample->cap > worst->value - worst->cap) worst = sample;
  }
  if (worst == nullptr) return;
  found.push_back({"C9",
                   name(*worst) + " was " + std::to_string(worst->value) + ", above its cap of " +
                       std::to_string(worst->cap),
                   {}});
}

void check_growth(std::span<const ResourceSample* const> series, std::vector<Violation>& found) {
  const bool capped = std::any_of(series.begin(), series.end(),
                                  [](const ResourceSample* sample) { return sample->cap != 0; });
  if (capped || series.size() < kSamplesToJudge) return;
  const auto less = [](const ResourceSample* a, const ResourceSample* b) {
    return a->value < b->value;
  };
  const auto early = series.first(series.size() / 2);
  const auto late = series.last(series.size() / 4);
  const std::uint64_t most = (*std::max_element(early.begin(), early.end(), less))->value;
  const std::uint64_t least = (*std::min_element(late.begin(), late.end(), less))->value;
  if (least <= kGrowthAllowed * most) return;
  found.push_back({"C9",
                   name(*series.front()) + " grows: at most " + std::to_string(most) +
                       " in the first half, at least " + std::to_string(least) +
                       " in the last quarter",
                   {}});
}

}  // namespace

std::vector<Violation> check_resources(const History& history) {
  std::map<std::pair<std::uint64_t, std::string>, std::vector<const ResourceSample*>> all;
  for (const ResourceSample& sample : history.samples()) {
    all[{sample.process, sample.what}].push_back(&sample);
  }
  std::vector<Violation> found;
  for (const auto& [key, series] : all) {
    check_cap(series, found);
    check_growth(series, found);
  }
  return found;
}

}  // namespace baton::check
