// Item: what a producer asked for, by its number; it becomes one task.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/hash64.h"
#include "common/history/event.h"

namespace baton::check {

struct Item {
  std::uint64_t producer = 0;
  std::uint64_t number = 0;

  friend bool operator==(const Item&, const Item&) = default;
};

inline Item item_of(const Event& event) { return {event.producer, event.number}; }
// "7/12"
inline std::string to_string(const Item& item) {
  return std::to_string(item.producer) + "/" + std::to_string(item.number);
}

struct ItemHash {
  std::size_t operator()(const Item& item) const {
    return hash64(item.number ^ hash64(item.producer));
  }
};

}  // namespace baton::check
