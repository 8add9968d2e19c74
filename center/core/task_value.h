// TaskValue: what a shard's pages know about one task, in four bytes.
//
// A plain task (never claimed, or given back undelivered) is only its queue and priority. One that
// asks for a single thing more has that in four bytes beside it, its extra (task_pages.h); one that
// asks for several has a row of options (options_table.h); one that was claimed has a row of its
// own (row_table.h). Zero is "finished": absence costs nothing and is the answer for ever (R11).
#pragma once

#include <cstdint>

#include "common/base/ids.h"

namespace baton::center {

class TaskValue {
 public:
  enum class Kind : std::uint8_t {
    kFinished = 0,
    kReady = 1,
    kRow = 2,
    kQuarantined = 3,
    kDelayed = 4,  // extra: when it becomes ready, calendar time
    kMortal = 5,   // ready; extra: when its time to live is over, lease time
    kOrdered = 6,  // ready, and holds its ordering key; extra: the key's slot
    kQueued = 7,   // blocked by the holder of its ordering key; extra: the key's slot
    kFair = 8,     // ready; extra: the slot of its fairness key
    kOptions = 9,  // extra: the slot of its options, which say the state too
  };

  // Larger queue ids would not fit; the queue table hands out none.
  static constexpr std::uint32_t kQueueIdMax = (1U << 24) - 1;
  static constexpr std::uint32_t kRowMax = (1U << 28) - 1;

  constexpr TaskValue() = default;  // finished
  static constexpr TaskValue ready(QueueId queue, std::uint32_t priority) {
    return TaskValue(Kind::kReady, (priority << 24) | queue.value());
  }
  static constexpr TaskValue quarantined(QueueId queue, std::uint32_t priority) {
    return waiting(Kind::kQuarantined, queue, priority);
  }
  // REQUIRES: a kind that says queue and priority.
  static constexpr TaskValue waiting(Kind kind, QueueId queue, std::uint32_t priority) {
    return TaskValue(kind, (priority << 24) | queue.value());
  }
  static constexpr TaskValue row(std::uint32_t slot) { return TaskValue(Kind::kRow, slot); }
  static constexpr TaskValue from_bits(std::uint32_t bits) {
    TaskValue value;
    value.bits_ = bits;
    return value;
  }

  [[nodiscard]] constexpr Kind kind() const { return static_cast<Kind>(bits_ >> 28); }
  [[nodiscard]] constexpr bool finished() const { return bits_ == 0; }
  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
  // REQUIRES: kRow.
  [[nodiscard]] constexpr std::uint32_t row_slot() const { return bits_ & kRowMax; }
  // REQUIRES: neither kFinished nor kRow.
  [[nodiscard]] constexpr QueueId queue() const { return QueueId(bits_ & kQueueIdMax); }
  [[nodiscard]] constexpr std::uint32_t priority() const { return (bits_ >> 24) & 0xf; }

  friend constexpr bool operator==(TaskValue, TaskValue) = default;

 private:
  constexpr TaskValue(Kind kind, std::uint32_t rest)
      : bits_((static_cast<std::uint32_t>(kind) << 28) | rest) {}

  std::uint32_t bits_ = 0;
};

}  // namespace baton::center
