// Credit: how many grants a session allows, as one absolute number (R10). Values only.
//
//   total = window - |held at attach| + operations answered since attach + grant numbers that died
//
// It counts for all lines of the session, so that one of them states it when it has grown: the
// ledger takes the maximum. When an operation says
// `wants_next`, the ledger raises it by one itself, once, and no statement is needed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace baton::client {

class Credit {
 public:
  // A new attach was composed with so many held tokens: nothing is allowed yet, nothing counted.
  void attach(std::size_t held) {
    held_ = static_cast<std::int64_t>(held);
    answered_ = died_ = known_ = stated_ = 0;
  }
  // True when it is another one than before.
  bool set_window(std::size_t window) {
    return std::exchange(window_, static_cast<std::int64_t>(window)) != window_;
  }

  // An ack, nack or release was answered. `anticipated`: the ledger has raised the total for it
  // already.
  void answered(bool anticipated) {
    ++answered_;
    if (anticipated) ++known_;
  }
  void died() { ++died_; }
  // What was stated was refused: the ledger has none of it.
  void refused() { known_ = stated_ = 0; }

  // The total to state now, if the ledger does not have it yet. The caller states it.
  [[nodiscard]] std::optional<std::uint64_t> take_statement() { return take(known_); }
  // The same, trusting no anticipation: repairs one that did not happen.
  [[nodiscard]] std::optional<std::uint64_t> take_restatement() { return take(stated_); }

  // The total for a line that is being opened, whether the ledger has it or not; none while nothing
  // is allowed. The caller states it.
  [[nodiscard]] std::optional<std::uint64_t> take_opening() {
    if (total() <= 0) return std::nullopt;
    known_ = std::max(known_, total());
    stated_ = std::max(stated_, total());
    return static_cast<std::uint64_t>(total());
  }

  [[nodiscard]] std::int64_t total() const { return window_ - held_ + answered_ + died_; }

 private:
  std::optional<std::uint64_t> take(std::int64_t known) {
    if (total() <= known || total() <= 0) return std::nullopt;
    known_ = stated_ = total();
    return static_cast<std::uint64_t>(total());
  }

  std::int64_t window_ = 0;
  std::int64_t held_ = 0;
  std::int64_t answered_ = 0;
  std::int64_t died_ = 0;
  std::int64_t known_ = 0;   // what the ledger has, as far as we know
  std::int64_t stated_ = 0;  // what we stated
};

}  // namespace baton::client
