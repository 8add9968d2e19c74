// KeyTable: which task an idempotency key names (R6).
//
// Keys are 128-bit hashes, per queue. A queue remembers each for its window of lease time, but at
// most so many, and the cluster at most kKeysMax: the oldest goes first. What is over its window is
// as good as gone, and leaves when others come: each pushes out a few at most (R21), so that a queue
// which is to remember fewer than it does comes down to that over the next ones.
//
// 44 bytes a key in the order of coming, found by an open hash table of slots: at most 56 with it
// (R27). Nothing iterates over that table, so its order shows nowhere.
#pragma once

#include <cstdint>
#include <vector>

#include "center/core/row_table.h"
#include "common/base/ids.h"
#include "common/base/paged_vector.h"

namespace baton::center {

class KeyTable {
 public:
  struct Known {
    TaskId task;
    std::uint64_t content_hash = 0;
  };
  // The keys of one queue, oldest first.
  struct Line {
    std::uint32_t first = kNoSlot;
    std::uint32_t last = kNoSlot;
    std::uint32_t size = 0;
  };
  struct Limits {
    std::int64_t window_ms = 0;
    std::uint64_t count = 0;
  };

  // No task: the key is not known, or over its window.
  [[nodiscard]] Known find(QueueId queue, const Uuid& hash, std::int64_t now_ms,
                           const Limits& limits) const;
  // Remembers the key, and pushes out a few of those that are over or too many. REQUIRES: find()
  // gave nothing.
  void add(QueueId queue, const Uuid& hash, const Known& known, std::int64_t now_ms,
           const Limits& limits);

  [[nodiscard]] Line line(QueueId queue) const;
  // How far back the keys of the queue reach: the window, or less when there were too many.
  [[nodiscard]] std::int64_t effective_window_ms(QueueId queue, std::int64_t now_ms,
                                                 const Limits& limits) const;
  [[nodiscard]] std::size_t size() const { return size_; }

  // ---- snapshots: all keys of all queues, in the order of coming within a queue ----
  struct Item {
    QueueId queue;
    Uuid hash;
    TaskId task;  // none: the key was over its window, and came again
    std::uint64_t content_hash = 0;
    std::uint32_t at_s = 0;
  };
  [[nodiscard]] std::size_t queues() const { return lines_.size(); }
  [[nodiscard]] std::uint32_t next_slot(std::uint32_t slot) const { return entries_[slot].newer; }
  [[nodiscard]] Item item(std::uint32_t slot) const;
  void restore(const Item& item);

  [[nodiscard]] std::size_t memory_bytes() const {
    return entries_.memory_bytes() + index_.memory_bytes() +
           free_.capacity() * sizeof(std::uint32_t);
  }

 private:
  // Halves of 64-bit numbers, so that 44 bytes are not padded to 48.
  struct Entry {
    std::uint32_t hash[4] = {};
    std::uint32_t content[2] = {};
    std::uint32_t task[2] = {};  // none: not in the index
    std::uint32_t at_s = 0;      // lease time in seconds, rounded up
    std::uint32_t queue = 0;     // 0: free
    std::uint32_t newer = kNoSlot;
  };
  static_assert(sizeof(Entry) == 44);

  [[nodiscard]] static std::uint64_t join(const std::uint32_t* halves) {
    return std::uint64_t{halves[0]} << 32 | halves[1];
  }
  static void cut(std::uint64_t number, std::uint32_t* halves) {
    halves[0] = static_cast<std::uint32_t>(number >> 32);
    halves[1] = static_cast<std::uint32_t>(number);
  }
  [[nodiscard]] static std::uint64_t place_of(QueueId queue, const Uuid& hash);
  [[nodiscard]] std::uint64_t place_of(std::uint32_t slot) const;
  [[nodiscard]] bool is_known(std::uint32_t slot) const { return join(entries_[slot].task) != 0; }
  [[nodiscard]] bool is(std::uint32_t slot, QueueId queue, const Uuid& hash) const;
  // Where the key is in the index; the index's size when it is not.
  [[nodiscard]] std::size_t find_index(QueueId queue, const Uuid& hash) const;
  void index(std::uint32_t slot);
  void unindex(std::uint32_t slot);
  void grow();
  void append(const Item& item);
  void forget_oldest(QueueId queue);

  PagedVector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  PagedVector<std::uint32_t> index_;  // a power of two; kNoSlot: empty
  std::vector<Line> lines_;           // by queue id
  std::size_t size_ = 0;
};

}  // namespace baton::center
