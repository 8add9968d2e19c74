// RunSet: an ordered set of 44-bit numbers, kept as runs of 8 bytes each (first 44 bits, length 20
// bits).
//
// Made for a queue: numbers mostly arrive at the back and leave at the front, both O(1). Anything
// else is a binary search and a move within one page of at most 16 KiB. Copies share pages until
// they are edited.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/cow.h"

namespace baton {

class RunSet {
 public:
  struct Run {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
  };

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::uint64_t size() const { return count_; }

  // REQUIRES: not empty.
  [[nodiscard]] std::uint64_t front() const {
    return first_of(pages_.front()->runs[pages_.front()->begin]);
  }
  void pop_front();

  // REQUIRES: everything in the set is below `first`; count > 0.
  void push_back(std::uint64_t first, std::uint64_t count);

  [[nodiscard]] bool contains(std::uint64_t number) const;
  // False, and no change, when it was there already (or, for erase, was not).
  bool insert(std::uint64_t number);
  bool erase(std::uint64_t number);

  // Runs in order, neighbours possibly touching.
  template <class Visit>
  void for_each_run(Visit&& visit) const {
    for (const auto& page : pages_) {
      for (std::size_t i = page->begin; i < page->runs.size(); ++i) {
        visit(Run{first_of(page->runs[i]), count_of(page->runs[i])});
      }
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  static constexpr std::size_t kPageRuns = kPageBytesMax / sizeof(std::uint64_t);
  static constexpr std::uint64_t kRunMax = (std::uint64_t{1} << 20) - 1;

  struct Page {
    std::size_t begin = 0;  // runs before it were taken from the front
    std::vector<std::uint64_t> runs;
  };
  struct Place {
    std::size_t page;
    std::size_t run;
  };

  static std::uint64_t first_of(std::uint64_t run) { return run >> 20; }
  static std::uint64_t count_of(std::uint64_t run) { return run & kRunMax; }
  static std::uint64_t pack(std::uint64_t first, std::uint64_t count) {
    return (first << 20) | count;
  }

  // The last run whose first number is not above `number`; false when there is none.
  bool find_at_or_below(std::uint64_t number, Place& place) const;
  void insert_run(std::size_t page, std::size_t at, std::uint64_t run);
  void drop_run(std::size_t page, std::size_t at);
  void push_run(std::uint64_t first, std::uint64_t count);

  std::vector<Cow<Page>> pages_;  // none without runs, but for a single one of an empty set
  std::uint64_t count_ = 0;
};

}  // namespace baton
