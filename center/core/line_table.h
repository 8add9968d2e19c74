// LineTable: the waits of sessions for tasks, and the ring of each queue (R10, R12).
//
// A line is in its queue's ring exactly while its session has credit. The ring is in order of turn:
// who joins, or was served, goes to its end. A line for one task only is not in the ring but found
// by that task.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "center/core/queue_table.h"
#include "common/base/paged_vector.h"

namespace baton::center {

struct Line {
  LineId id;  // none: the slot is free
  std::uint32_t session = kNoSlot;
  QueueId queue;
  std::uint32_t lease_ms = 0;
  TaskId task;  // set: only this task
  bool waiting = false;
  // Waiting: place in the ring, lower first; tells the order after a restore.
  std::uint64_t turn = 0;
  std::uint32_t before = kNoSlot;
  std::uint32_t after = kNoSlot;
};

class LineTable {
 public:
  std::uint32_t add(Line line);
  // REQUIRES: not waiting.
  void remove(std::uint32_t slot);

  const Line& operator[](std::uint32_t slot) const { return lines_[slot]; }
  Line& edit(std::uint32_t slot) { return lines_.edit(slot); }
  [[nodiscard]] std::size_t slots() const { return lines_.size(); }

  // Joins or leaves; nothing happens when it is so already.
  void wait(QueueTable& queues, std::uint32_t slot);
  void leave(QueueTable& queues, std::uint32_t slot);
  // Goes to the end of its ring. REQUIRES: waiting.
  void served(QueueTable& queues, std::uint32_t slot);

  // Lines that wait for one task, by task, each in order of turn.
  using ByTask = std::map<TaskId, std::vector<std::uint32_t>>;
  [[nodiscard]] const ByTask& by_task() const { return by_task_; }
  // The same lines by queue, and the task that each waits for.
  using OneTaskLines = std::set<std::tuple<QueueId, TaskId, std::uint32_t>>;
  [[nodiscard]] const OneTaskLines& one_task_lines() const { return one_task_lines_; }

  [[nodiscard]] std::uint64_t last_turn() const { return last_turn_; }
  void restore(std::uint32_t slot, Line line);
  // Links the rings again, by turn.
  void finish_restore(QueueTable& queues, std::uint64_t last_turn);

  [[nodiscard]] std::size_t memory_bytes() const {
    return lines_.memory_bytes() + free_.capacity() * sizeof(std::uint32_t);
  }

 private:
  void link_last(Queue& queue, std::uint32_t slot);
  void unlink(Queue& queue, std::uint32_t slot);
  void join(QueueTable& queues, std::uint32_t slot);

  PagedVector<Line> lines_;
  std::vector<std::uint32_t> free_;
  ByTask by_task_;
  OneTaskLines one_task_lines_;
  std::uint64_t last_turn_ = 0;
};

}  // namespace baton::center
