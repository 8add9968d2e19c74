// HeldClaims: the claims of one session by token. Tokens only grow, so a new one goes to the end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "center/core/row_table.h"

namespace baton::center {

class HeldClaims {
 public:
  struct Item {
    Token token;
    std::uint32_t row = kNoSlot;  // kNoSlot: ended; it goes when enough have
  };

  [[nodiscard]] std::size_t size() const { return live_; }
  [[nodiscard]] bool empty() const { return live_ == 0; }

  // kNoSlot when the session has no such claim.
  [[nodiscard]] std::uint32_t find(Token token) const {
    const auto at = place(token);
    return at != items_.end() && at->token == token ? at->row : kNoSlot;
  }

  // REQUIRES: the token is above all before.
  void add(Token token, std::uint32_t row) {
    items_.push_back({token, row});
    ++live_;
  }

  // REQUIRES: it is there. Constant time on average: most claims end in the order they began.
  void remove(Token token) {
    items_[static_cast<std::size_t>(place(token) - items_.begin())].row = kNoSlot;
    --live_;
    if (items_.size() >= 2 * live_ + 16) {
      std::erase_if(items_, [](const Item& item) { return item.row == kNoSlot; });
    }
  }

  // The row slots, oldest token first.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Item& item : items_) {
      if (item.row != kNoSlot) visit(item.token, item.row);
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const { return items_.capacity() * sizeof(Item); }

 private:
  [[nodiscard]] std::vector<Item>::const_iterator place(Token token) const {
    return std::lower_bound(items_.begin(), items_.end(), token,
                            [](const Item& item, Token t) { return item.token < t; });
  }

  std::vector<Item> items_;
  std::size_t live_ = 0;
};

}  // namespace baton::center
