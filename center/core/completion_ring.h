// CompletionRing: which of the last million claims ended with an accepted ack (R11).
//
// Tokens count up, so the place of a claim is its token modulo the size: no search, no order to
// keep.
#pragma once

#include <cstdint>

#include "common/base/ids.h"
#include "common/base/paged_vector.h"

namespace baton::center {

class CompletionRing {
 public:
  static constexpr std::size_t kSize = std::size_t{1} << 20;

  struct Item {
    Token token;
    TaskId task;
  };

  void add(TaskId task, Token token) {
    const std::size_t at = token.value() % kSize;
    if (at >= items_.size()) items_.resize(at + 1);
    items_.edit(at) = {token, task};
  }

  // Whether this claim is known to have completed the task.
  [[nodiscard]] bool has(TaskId task, Token token) const {
    const std::size_t at = token.value() % kSize;
    return token && at < items_.size() && items_[at].token == token && items_[at].task == task;
  }

  [[nodiscard]] std::size_t slots() const { return items_.size(); }
  [[nodiscard]] const Item& item(std::size_t i) const { return items_[i]; }
  [[nodiscard]] std::size_t memory_bytes() const { return items_.memory_bytes(); }

 private:
  PagedVector<Item> items_;
};

}  // namespace baton::center
