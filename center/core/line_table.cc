#include "center/core/line_table.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace baton::center {

std::uint32_t LineTable::add(Line line) {
  if (free_.empty()) {
    lines_.push_back(line);
    return static_cast<std::uint32_t>(lines_.size() - 1);
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  lines_.edit(slot) = line;
  return slot;
}

void LineTable::remove(std::uint32_t slot) {
  BATON_CHECK(!lines_[slot].waiting);
  lines_.edit(slot) = Line{};
  free_.push_back(slot);
}

void LineTable::wait(QueueTable& queues, std::uint32_t slot) {
  if (lines_[slot].waiting) return;
  Line& line = lines_.edit(slot);
  line.waiting = true;
  line.turn = ++last_turn_;
  join(queues, slot);
}

void LineTable::join(QueueTable& queues, std::uint32_t slot) {
  Queue& queue = queues.edit(lines_[slot].queue);
  ++queue.waiting;
  if (lines_[slot].task) {
    by_task_[lines_[slot].task].push_back(slot);
    one_task_lines_.emplace(queue.id, lines_[slot].task, slot);
  } else {
    link_last(queue, slot);
  }
}

void LineTable::leave(QueueTable& queues, std::uint32_t slot) {
  if (!lines_[slot].waiting) return;
  Line& line = lines_.edit(slot);
  line.waiting = false;
  Queue& queue = queues.edit(line.queue);
  --queue.waiting;
  if (!line.task) {
    unlink(queue, slot);
    return;
  }
  one_task_lines_.erase({queue.id, line.task, slot});
  const auto lines = by_task_.find(line.task);
  std::erase(lines->second, slot);
  if (lines->second.empty()) by_task_.erase(lines);
}

void LineTable::served(QueueTable& queues, std::uint32_t slot) {
  Line& line = lines_.edit(slot);
  BATON_CHECK(line.waiting && !line.task);
  line.turn = ++last_turn_;
  Queue& queue = queues.edit(line.queue);
  if (queue.ring_last == slot) return;
  unlink(queue, slot);
  link_last(queue, slot);
}

void LineTable::link_last(Queue& queue, std::uint32_t slot) {
  Line& line = lines_.edit(slot);
  line.before = queue.ring_last;
  line.after = kNoSlot;
  (queue.ring_last == kNoSlot ? queue.ring_first : lines_.edit(queue.ring_last).after) = slot;
  queue.ring_last = slot;
  ++queue.ring_size;
}

void LineTable::unlink(Queue& queue, std::uint32_t slot) {
  const Line& line = lines_[slot];
  (line.before == kNoSlot ? queue.ring_first : lines_.edit(line.before).after) = line.after;
  (line.after == kNoSlot ? queue.ring_last : lines_.edit(line.after).before) = line.before;
  --queue.ring_size;
}

void LineTable::restore(std::uint32_t slot, Line line) {
  if (slot >= lines_.size()) lines_.resize(std::size_t{slot} + 1);
  lines_.edit(slot) = line;
}

void LineTable::finish_restore(QueueTable& queues, std::uint64_t last_turn) {
  last_turn_ = last_turn;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> waiting;
  for (std::size_t i = lines_.size(); i-- > 0;) {
    const auto slot = static_cast<std::uint32_t>(i);
    if (!lines_[slot].id) free_.push_back(slot);
    if (lines_[slot].waiting) waiting.emplace_back(lines_[slot].turn, slot);
  }
  std::sort(waiting.begin(), waiting.end());
  for (const auto& [turn, slot] : waiting) join(queues, slot);
}

}  // namespace baton::center
