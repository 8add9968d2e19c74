// OperationOutcomes: what became of a session's operations, until the client has the answers (R11).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "center/core/effects.h"
#include "common/base/limits.h"

namespace baton::center {

// How an operation ended. Kept in snapshots: numbers are never reused.
enum class Verdict : std::uint8_t {
  kOk = 0,
  kFinishedUnknown = 1,  // ok: the task is finished, by whom is no longer known
  kSuperseded = 2,
  kNotFound = 3,
  kBadLease = 4,
  kBadOperation = 5,
  // Not outcomes: the operation may come again and is then executed.
  kUnknownYet = 6,
  kTooMany = 7,
};
inline constexpr std::uint8_t kLastStoredVerdict = 5;

OperationOutcome to_outcome(OpSeq seq, Verdict verdict);
constexpr bool is_final(Verdict verdict) {
  return static_cast<std::uint8_t>(verdict) <= kLastStoredVerdict;
}

class OperationOutcomes {
 public:
  struct Item {
    OpSeq seq;
    Verdict verdict = Verdict::kOk;
  };

  [[nodiscard]] OpSeq answered_through() const { return answered_through_; }
  [[nodiscard]] std::size_t size() const { return items_.size() - begin_; }
  [[nodiscard]] bool full() const { return size() >= kSessionOutcomesMax; }

  // Forgets what the client has; numbers up to `seq` are never executed again. Only ever rises.
  void answered(OpSeq seq) {
    if (seq <= answered_through_) return;
    answered_through_ = seq;
    while (begin_ < items_.size() && items_[begin_].seq <= seq) ++begin_;
    if (begin_ == items_.size() || begin_ > 2 * kSessionOutcomesMax) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(begin_));
      begin_ = 0;
    }
  }

  // Null when `seq` was not executed.
  [[nodiscard]] const Item* find(OpSeq seq) const {
    const auto at = place(seq);
    return at != items_.end() && at->seq == seq ? &*at : nullptr;
  }

  // REQUIRES: not there, above answered_through.
  void add(OpSeq seq, Verdict verdict) {
    items_.insert(items_.begin() + (place(seq) - items_.begin()), Item{seq, verdict});
  }

  [[nodiscard]] const Item* begin() const { return items_.data() + begin_; }
  [[nodiscard]] const Item* end() const { return items_.data() + items_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const { return items_.capacity() * sizeof(Item); }

 private:
  [[nodiscard]] std::vector<Item>::const_iterator place(OpSeq seq) const {
    if (items_.size() == begin_ || items_.back().seq < seq) return items_.end();
    return std::lower_bound(items_.begin() + static_cast<std::ptrdiff_t>(begin_), items_.end(), seq,
                            [](const Item& item, OpSeq s) { return item.seq < s; });
  }

  OpSeq answered_through_;
  std::vector<Item> items_;  // by seq, those before begin_ are forgotten
  std::size_t begin_ = 0;
};

}  // namespace baton::center
