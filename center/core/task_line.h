// TaskLine: tasks that wait for one thing in the order of coming, each with a place that is never
// used again.
//
// Kept in chunks that copies share until they are edited (R26): a short line is as small as a
// vector, and one of a million tasks is not copied for a single push. A task that waits no more
// stays until it comes to the front, or is swept out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/base/cow.h"
#include "common/base/ids.h"

namespace baton::center {

class TaskLine {
 public:
  using Place = std::uint32_t;  // from 1 on; 0 is none. Wraps after four billion, far beyond a line

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  // REQUIRES: not empty.
  [[nodiscard]] TaskId first() const { return front().task(); }
  [[nodiscard]] Place first_place() const { return front().place; }
  // Of the next to come.
  [[nodiscard]] Place next_place() const { return next_; }

  Place push(TaskId task) {
    if (chunks_.empty() || chunks_.back()->size() >= kChunk) chunks_.emplace_back(Chunk());
    chunks_.back().edit().emplace_back(task, next_);
    ++size_;
    return next_++;
  }
  // Forgets the first. REQUIRES: not empty.
  void pop() {
    --size_;
    if (++begin_ < chunks_.front()->size()) return;
    chunks_.erase(chunks_.begin());
    begin_ = 0;
  }

  // Looks at `count` tasks from place `from` on, or at all that are left in one chunk, and forgets
  // those of which `stays(task, place)` says no. Moves `from` behind them. Returns how many it looked
  // at: none at the end of the line.
  template <class Stays>
  std::size_t sweep(Place& from, std::size_t count, Stays&& stays) {
    const auto [number, first] = find(from);
    if (number == chunks_.size()) return 0;
    Chunk left = *chunks_[number];
    const std::size_t last = std::min(first + count, left.size());
    from = left[last - 1].place + 1;
    const auto begin = left.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = left.begin() + static_cast<std::ptrdiff_t>(last);
    const auto kept =
        std::remove_if(begin, end, [&](const Entry& e) { return !stays(e.task(), e.place); });
    if (kept != end) {
      size_ -= static_cast<std::size_t>(end - kept);
      left.erase(kept, end);
      replace(number, std::move(left));
    }
    return last - first;
  }

  // Until `visit(task, place)` says false.
  template <class Visit>
  void for_each(Visit&& visit) const {
    if (!empty()) for_each_from(first_place(), visit);
  }
  template <class Visit>
  void for_each_from(Place from, Visit&& visit) const {
    auto [number, at] = find(from);
    for (; number < chunks_.size(); ++number, at = 0) {
      for (; at < chunks_[number]->size(); ++at) {
        if (!visit((*chunks_[number])[at].task(), (*chunks_[number])[at].place)) return;
      }
    }
  }

  // REQUIRES: places rise; the next to come is told last.
  void restore(TaskId task, Place place) {
    next_ = place;
    push(task);
  }
  void restore_next(Place next) { next_ = next; }

  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t bytes = chunks_.capacity() * sizeof(chunks_[0]);
    for (const auto& chunk : chunks_) bytes += chunk->capacity() * sizeof(Entry);
    return bytes;
  }

 private:
  // 12 bytes.
  struct Entry {
    Entry(TaskId id, Place at)
        : low(static_cast<std::uint32_t>(id.value())),
          high(static_cast<std::uint32_t>(id.value() >> 32)),
          place(at) {}
    [[nodiscard]] TaskId task() const { return TaskId(std::uint64_t{high} << 32 | low); }
    std::uint32_t low;
    std::uint32_t high;
    Place place;
  };
  using Chunk = std::vector<Entry>;
  static constexpr std::size_t kChunk = kPageBytesMax / sizeof(Entry);

  [[nodiscard]] const Entry& front() const { return (*chunks_.front())[begin_]; }
  // Whether `place` comes before `other`, also where the numbers have wrapped between them.
  [[nodiscard]] bool before(Place place, Place other) const {
    return next_ - place > next_ - other;
  }
  // Chunk and position of the first at `from` or behind it; the number of chunks: there is none.
  [[nodiscard]] std::pair<std::size_t, std::size_t> find(Place from) const {
    const auto chunk = std::partition_point(
        chunks_.begin(), chunks_.end(),
        [&](const Cow<Chunk>& tasks) { return before(tasks->back().place, from); });
    if (chunk == chunks_.end() || from == next_) return {chunks_.size(), 0};
    const auto number = static_cast<std::size_t>(chunk - chunks_.begin());
    const std::size_t begin = number == 0 ? begin_ : 0;
    const auto at = std::partition_point((*chunk)->begin() + static_cast<std::ptrdiff_t>(begin),
                                         (*chunk)->end(),
                                         [&](const Entry& e) { return before(e.place, from); });
    return {number, static_cast<std::size_t>(at - (*chunk)->begin())};
  }
  void replace(std::size_t number, Chunk left) {
    if (number == 0) {
      left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(begin_));
      begin_ = 0;
    }
    left.shrink_to_fit();
    if (left.empty()) {
      chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(number));
    } else {
      chunks_[number] = Cow<Chunk>(std::move(left));
    }
  }

  std::vector<Cow<Chunk>> chunks_;  // none is empty
  std::size_t begin_ = 0;           // of the first chunk, those that have gone
  std::size_t size_ = 0;
  Place next_ = 1;
};

}  // namespace baton::center
