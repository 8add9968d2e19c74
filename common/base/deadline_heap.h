// DeadlineHeap: what is due first, of things that have small numbers as names. Removal from
// anywhere is O(log n), as every entry's place is known.
//
// Equal deadlines come out in order of `tie`, so that the order does not depend on how the heap was
// filled. A copy shares its pages until they are edited (R26).
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/check.h"
#include "common/base/paged_vector.h"

namespace baton {

class DeadlineHeap {
 public:
  struct Entry {
    std::int64_t deadline = 0;
    std::uint64_t tie = 0;
    std::uint32_t id = 0;
  };

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  [[nodiscard]] bool contains(std::uint32_t id) const {
    return id < place_.size() && place_[id] != kNowhere;
  }

  // REQUIRES: not empty.
  [[nodiscard]] const Entry& top() const { return heap_[0]; }

  // REQUIRES: contains(id).
  [[nodiscard]] std::int64_t deadline(std::uint32_t id) const { return heap_[place_[id]].deadline; }

  // Adds `id`, or moves it to a new deadline.
  void set(std::uint32_t id, std::int64_t deadline, std::uint64_t tie) {
    while (id >= place_.size()) place_.push_back(kNowhere);
    std::size_t at = place_[id];
    if (at == kNowhere) {
      at = heap_.size();
      heap_.push_back({});
    }
    put(at, Entry{deadline, tie, id});
    down(up(at));
  }

  // Nothing happens when `id` is not in the heap.
  void erase(std::uint32_t id) {
    if (!contains(id)) return;
    const std::size_t at = place_[id];
    place_.edit(id) = kNowhere;
    const Entry last = heap_[heap_.size() - 1];
    heap_.resize(heap_.size() - 1);
    if (at == heap_.size()) return;
    put(at, last);
    down(up(at));
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    return heap_.memory_bytes() + place_.memory_bytes();
  }

 private:
  static constexpr std::uint32_t kNowhere = 0xffffffffU;

  static bool before(const Entry& a, const Entry& b) {
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.tie < b.tie;
  }
  void put(std::size_t at, const Entry& entry) {
    heap_.edit(at) = entry;
    place_.edit(entry.id) = static_cast<std::uint32_t>(at);
  }
  std::size_t up(std::size_t at) {
    const Entry entry = heap_[at];
    while (at > 0 && before(entry, heap_[(at - 1) / 2])) {
      put(at, heap_[(at - 1) / 2]);
      at = (at - 1) / 2;
    }
    put(at, entry);
    return at;
  }
  void down(std::size_t at) {
    const Entry entry = heap_[at];
    for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], entry)) break;
      put(at, heap_[child]);
      at = child;
    }
    put(at, entry);
  }

  PagedVector<Entry> heap_;
  PagedVector<std::uint32_t> place_;  // by id
};

}  // namespace baton
