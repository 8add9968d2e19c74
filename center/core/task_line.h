// TaskLine: tasks that wait for one thing in the order of coming, each with a place that is never
// used again.
//
// Kept in chunks that copies share until they are edited (R26): a short line is as small as a
// vector, and one of a million tasks is not copied for a single push.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/cow.h"
#include "common/base/ids.h"

namespace baton::center {

class TaskLine {
 public:
  using Place = std::uint32_t;  // from 1 on; 0 is none. Wraps after four billion, far beyond a line

  TaskLine() = default;
  // Empty; `next` is the place of the first to come.
  explicit TaskLine(Place next) : first_(next) {}

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  // REQUIRES: i < size().
  [[nodiscard]] TaskId operator[](std::size_t i) const {
    const std::size_t at = begin_ + i;
    return (*chunks_[at / kChunk])[at % kChunk];
  }
  [[nodiscard]] Place first_place() const { return first_; }

  Place push(TaskId task) {
    if ((begin_ + size_) % kChunk == 0) chunks_.emplace_back(std::vector<TaskId>());
    chunks_.back().edit().push_back(task);
    ++size_;
    return first_ + static_cast<Place>(size_ - 1);
  }
  // Forgets the first. REQUIRES: not empty.
  void pop() {
    ++begin_;
    --size_;
    ++first_;
    if (begin_ < kChunk && size_ > 0) return;
    chunks_.erase(chunks_.begin());
    begin_ = 0;
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t bytes = chunks_.capacity() * sizeof(chunks_[0]);
    for (const auto& chunk : chunks_) bytes += chunk->capacity() * sizeof(TaskId);
    return bytes;
  }

 private:
  static constexpr std::size_t kChunk = kPageBytesMax / sizeof(TaskId);

  std::vector<Cow<std::vector<TaskId>>> chunks_;  // all but the last are full
  std::size_t begin_ = 0;                         // of the first chunk, those that have gone
  std::size_t size_ = 0;
  Place first_ = 1;
};

}  // namespace baton::center
