#include "common/base/run_set.h"

#include <algorithm>

#include "common/base/check.h"

namespace baton {

void RunSet::pop_front() {
  BATON_CHECK(count_ > 0);
  --count_;
  Page& page = pages_.front().edit();
  std::uint64_t& run = page.runs[page.begin];
  if (count_of(run) > 1) {
    run = pack(first_of(run) + 1, count_of(run) - 1);
    return;
  }
  if (++page.begin < page.runs.size()) return;
  if (pages_.size() > 1) {
    pages_.erase(pages_.begin());
    return;
  }
  // The page of an emptied set is kept while it is small: a queue that is mostly empty allocates
  // nothing.
  page.begin = 0;
  page.runs.clear();
  if (page.runs.capacity() > 64) pages_.clear();
}

void RunSet::push_back(std::uint64_t first, std::uint64_t count) {
  if (count_ > 0) {
    std::uint64_t& last = pages_.back().edit().runs.back();
    BATON_CHECK(first_of(last) + count_of(last) <= first);
    if (first_of(last) + count_of(last) == first) {
      const std::uint64_t more = std::min(count, kRunMax - count_of(last));
      last += more;  // the count is in the low bits
      count_ += more;
      first += more;
      count -= more;
    }
  }
  for (; count > 0; first += kRunMax) {
    const std::uint64_t part = std::min(count, kRunMax);
    push_run(first, part);
    count -= part;
  }
}

void RunSet::push_run(std::uint64_t first, std::uint64_t count) {
  if (pages_.empty() || pages_.back()->runs.size() >= kPageRuns) pages_.emplace_back(Page{});
  pages_.back().edit().runs.push_back(pack(first, count));
  count_ += count;
}

bool RunSet::find_at_or_below(std::uint64_t number, Place& place) const {
  if (count_ == 0) return false;
  const auto page_after = std::upper_bound(
      pages_.begin(), pages_.end(), number,
      [](std::uint64_t n, const Cow<Page>& page) { return n < first_of(page->runs[page->begin]); });
  if (page_after == pages_.begin()) return false;
  const auto page = page_after - 1;
  const std::vector<std::uint64_t>& runs = (*page)->runs;
  const auto from = runs.begin() + static_cast<std::ptrdiff_t>((*page)->begin);
  const auto run_after =
      std::upper_bound(from, runs.end(), number,
                       [](std::uint64_t n, std::uint64_t run) { return n < first_of(run); });
  place = {static_cast<std::size_t>(page - pages_.begin()),
           static_cast<std::size_t>(run_after - runs.begin()) - 1};
  return true;
}

bool RunSet::contains(std::uint64_t number) const {
  Place place{};
  if (!find_at_or_below(number, place)) return false;
  const std::uint64_t run = pages_[place.page]->runs[place.run];
  return number < first_of(run) + count_of(run);
}

bool RunSet::insert(std::uint64_t number) {
  Place place{};
  if (count_ == 0) {
    push_run(number, 1);
    return true;
  }
  if (!find_at_or_below(number, place)) {  // below all: often the number just before the front
    Page& page = pages_.front().edit();
    std::uint64_t& run = page.runs[page.begin];
    if (number + 1 == first_of(run) && count_of(run) < kRunMax) {
      run = pack(number, count_of(run) + 1);
    } else if (page.begin > 0) {
      page.runs[--page.begin] = pack(number, 1);
    } else {
      insert_run(0, 0, pack(number, 1));
    }
    ++count_;
    return true;
  }
  std::vector<std::uint64_t>& runs = pages_[place.page].edit().runs;
  std::uint64_t& run = runs[place.run];
  const std::uint64_t end = first_of(run) + count_of(run);
  if (number < end) return false;
  ++count_;
  // A hole that is filled joins its neighbours: what comes in nearly the order of numbers stays few
  // runs. (Over the border of pages it does not.)
  std::uint64_t* next = place.run + 1 < runs.size() ? &runs[place.run + 1] : nullptr;
  if (next != nullptr && first_of(*next) != number + 1) next = nullptr;
  if (number == end && count_of(run) < kRunMax) {
    ++run;
    if (next != nullptr && count_of(run) + count_of(*next) <= kRunMax) {
      run += count_of(*next);
      drop_run(place.page, place.run + 1);
    }
  } else if (next != nullptr && count_of(*next) < kRunMax) {
    *next = pack(number, count_of(*next) + 1);
  } else {
    insert_run(place.page, place.run + 1, pack(number, 1));
  }
  return true;
}

bool RunSet::erase(std::uint64_t number) {
  if (!contains(number)) return false;
  if (number == front()) {
    pop_front();
    return true;
  }
  Place place{};
  BATON_CHECK(find_at_or_below(number, place));
  --count_;
  std::uint64_t& run = pages_[place.page].edit().runs[place.run];
  const std::uint64_t first = first_of(run);
  const std::uint64_t end = first + count_of(run);
  if (count_of(run) == 1) {
    drop_run(place.page, place.run);
  } else if (number == first) {
    run = pack(first + 1, end - first - 1);
  } else {
    run = pack(first, number - first);
    if (number + 1 < end) insert_run(place.page, place.run + 1, pack(number + 1, end - number - 1));
  }
  return true;
}

void RunSet::insert_run(std::size_t page, std::size_t at, std::uint64_t run) {
  if (pages_[page]->runs.size() >= kPageRuns) {
    Page& full = pages_[page].edit();
    // Room where runs were taken from the front; else two halves, neither without runs.
    if (full.begin > 0) {
      at -= full.begin;
      full.runs.erase(full.runs.begin(),
                      full.runs.begin() + static_cast<std::ptrdiff_t>(full.begin));
      full.begin = 0;
    } else {
      const std::size_t half = full.runs.size() / 2;
      const auto middle = full.runs.begin() + static_cast<std::ptrdiff_t>(half);
      Page upper;
      upper.runs.assign(middle, full.runs.end());
      full.runs.erase(middle, full.runs.end());
      pages_.emplace(pages_.begin() + static_cast<std::ptrdiff_t>(page) + 1, std::move(upper));
      if (at > half) {
        ++page;
        at -= half;
      }
    }
  }
  auto& runs = pages_[page].edit().runs;
  runs.insert(runs.begin() + static_cast<std::ptrdiff_t>(at), run);
}

void RunSet::drop_run(std::size_t page, std::size_t at) {
  Page& edited = pages_[page].edit();
  edited.runs.erase(edited.runs.begin() + static_cast<std::ptrdiff_t>(at));
  if (edited.begin == edited.runs.size())
    pages_.erase(pages_.begin() + static_cast<std::ptrdiff_t>(page));
}

std::size_t RunSet::memory_bytes() const {
  std::size_t bytes = pages_.capacity() * sizeof(Cow<Page>);
  for (const auto& page : pages_)
    bytes += sizeof(Page) + page->runs.capacity() * sizeof(std::uint64_t);
  return bytes;
}

}  // namespace baton
