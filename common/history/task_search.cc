#include "common/history/task_search.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <vector>

#include "common/base/bytes.h"

namespace baton::check {
namespace {

class Search {
 public:
  Search(std::span<const Step> steps, const TaskRules& rules, std::uint64_t budget)
      : steps_(steps), rules_(rules), budget_(budget), placed_(steps.size(), false) {
    for (const Step& step : steps) musts_ += step.need == Step::Need::kMay ? 0 : 1;
  }

  SearchResult run() {
    if (place_rest(TaskState{})) return {};
    if (budget_ == 0) return {SearchResult::Verdict::kUndecided, {}};
    return {SearchResult::Verdict::kContradiction, why()};
  }

 private:
  bool must(std::size_t i) const { return steps_[i].need != Step::Need::kMay; }

  // The steps that may come next, those that are over first, first. Steps are sorted by begin.
  std::vector<std::size_t> candidates() const {
    std::uint64_t first_end = Step::kOpen;
    std::vector<std::size_t> found;
    for (std::size_t i = first_; i < steps_.size() && steps_[i].begin < first_end; ++i) {
      if (placed_[i]) continue;
      found.push_back(i);
      if (must(i)) first_end = std::min(first_end, steps_[i].end);
    }
    std::erase_if(found, [&](std::size_t i) { return steps_[i].begin >= first_end; });
    std::sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
      if (must(a) != must(b)) return must(a);
      return steps_[a].end != steps_[b].end ? steps_[a].end < steps_[b].end : a < b;
    });
    return found;
  }

  // True when all that must be placed are. Otherwise everything is as it was.
  bool place_rest(const TaskState& state) {
    if (musts_ == 0) return true;
    if (budget_ == 0 || dead_ends_.contains(key(state))) return false;
    --budget_;
    const std::vector<std::size_t> next = candidates();
    remember_longest(state);
    // One that changes nothing takes nothing away from the others: no need to try another first.
    for (const std::size_t i : next) {
      const auto after = must(i) ? after_step(state, steps_[i], rules_) : std::nullopt;
      if (!after || *after != state) continue;
      if (place(i, *after)) return true;
      remember_dead_end(state);
      return false;
    }
    for (const std::size_t i : next) {
      const auto after = after_step(state, steps_[i], rules_);
      if (after && *after != state && place(i, *after)) return true;
    }
    remember_dead_end(state);
    return false;
  }

  bool place(std::size_t i, const TaskState& after) {
    const std::size_t first = first_;
    placed_[i] = true;
    order_.push_back(i);
    musts_ -= must(i) ? 1 : 0;
    while (first_ < steps_.size() && placed_[first_]) ++first_;
    if (place_rest(after)) return true;
    first_ = first;
    musts_ += must(i) ? 1 : 0;
    order_.pop_back();
    placed_[i] = false;
    return false;
  }

  // What is placed and what it led to.
  std::string key(const TaskState& state) const {
    std::string bytes;
    ByteWriter out(bytes);
    out.u8(static_cast<std::uint8_t>(state.where));
    out.u8(state.maybe_dead ? 1 : 0);
    out.u64(state.token.value());
    out.u64(static_cast<std::uint64_t>(state.now.count()));
    out.u64(static_cast<std::uint64_t>(state.claim_end.count()));
    for (std::size_t i = first_; i < placed_.size(); ++i) {
      if (placed_[i]) out.varint(i);
    }
    out.varint(first_);
    return bytes;
  }

  void remember_dead_end(const TaskState& state) {
    if (budget_ > 0) dead_ends_.insert(key(state));
  }

  void remember_longest(const TaskState& state) {
    if (longest_ && order_.size() <= longest_->length) return;
    longest_ = Longest{order_.size(), state, placed_};
  }

  // Of the longest way: where it led, and those that had to be next.
  std::string why() const {
    constexpr std::size_t kNamed = 3;
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (must(i) && !longest_->placed[i]) left.push_back(i);
    }
    std::sort(left.begin(), left.end(),
              [&](std::size_t a, std::size_t b) { return steps_[a].end < steps_[b].end; });
    std::string text = "after " + std::to_string(longest_->length) + " of " +
                       std::to_string(steps_.size()) + " steps it is " +
                       to_string(longest_->state) + ", and then cannot be";
    for (std::size_t i = 0; i < left.size() && i < kNamed; ++i) {
      text += (i > 0 ? "; " : " ") + to_string(steps_[left[i]]);
    }
    return text;
  }

  struct Longest {
    std::size_t length = 0;
    TaskState state;
    std::vector<bool> placed;
  };

  const std::span<const Step> steps_;
  const TaskRules rules_;
  std::uint64_t budget_;
  std::size_t musts_ = 0;  // not placed
  std::size_t first_ = 0;  // the first that is not placed
  std::vector<bool> placed_;
  std::vector<std::size_t> order_;
  std::unordered_set<std::string> dead_ends_;
  std::optional<Longest> longest_;
};

}  // namespace

SearchResult search_order(std::span<const Step> steps, const TaskRules& rules,
                          std::uint64_t budget) {
  constexpr std::size_t kStepsMax = 2000;  // each takes a piece of the stack
  if (steps.size() > kStepsMax) return {SearchResult::Verdict::kUndecided, {}};
  return Search(steps, rules, budget).run();
}

}  // namespace baton::check
