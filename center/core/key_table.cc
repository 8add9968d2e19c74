#include "center/core/key_table.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/hash64.h"
#include "common/base/limits.h"

namespace baton::center {
namespace {

constexpr std::size_t kIndexMin = 1024;
// Keys that one new key may push out: more than one, so that what is too much goes in the end.
constexpr int kPushedOut = 4;

std::uint32_t seconds_up(std::int64_t ms) { return static_cast<std::uint32_t>((ms + 999) / 1000); }

bool is_over(std::uint32_t at_s, std::int64_t now_ms, const KeyTable::Limits& limits) {
  return std::int64_t{at_s} * 1000 + limits.window_ms <= now_ms;
}

}  // namespace

std::uint64_t KeyTable::place_of(QueueId queue, const Uuid& hash) {
  return mix64(hash.lo ^ queue.value(), hash.hi | 1);
}

std::uint64_t KeyTable::place_of(std::uint32_t slot) const {
  const Entry& entry = entries_[slot];
  return place_of(QueueId(entry.queue), Uuid{join(entry.hash), join(entry.hash + 2)});
}

bool KeyTable::is(std::uint32_t slot, QueueId queue, const Uuid& hash) const {
  const Entry& entry = entries_[slot];
  return entry.queue == queue.value() && join(entry.hash) == hash.hi &&
         join(entry.hash + 2) == hash.lo;
}

std::size_t KeyTable::find_index(QueueId queue, const Uuid& hash) const {
  if (index_.empty()) return 0;
  const std::size_t mask = index_.size() - 1;
  for (std::size_t at = place_of(queue, hash) & mask; index_[at] != kNoSlot; at = (at + 1) & mask) {
    if (is(index_[at], queue, hash)) return at;
  }
  return index_.size();
}

KeyTable::Known KeyTable::find(QueueId queue, const Uuid& hash, std::int64_t now_ms,
                               const Limits& limits) const {
  const std::size_t at = find_index(queue, hash);
  if (at == index_.size()) return {};
  const Entry& entry = entries_[index_[at]];
  if (is_over(entry.at_s, now_ms, limits)) return {};
  return {TaskId(join(entry.task)), join(entry.content)};
}

void KeyTable::add(QueueId queue, const Uuid& hash, const Known& known, std::int64_t now_ms,
                   const Limits& limits) {
  // The same key, over its window, names nothing any more; its place goes with those around it.
  if (const std::size_t at = find_index(queue, hash); at != index_.size()) {
    const std::uint32_t slot = index_[at];
    unindex(slot);
    cut(0, entries_.edit(slot).task);
  }
  const std::uint64_t count = std::min<std::uint64_t>(limits.count, kKeysPerQueueMax);
  for (int i = 0; i < kPushedOut; ++i) {
    const Line line = this->line(queue);
    if (line.size == 0) break;
    const bool too_many = line.size >= count || size_ >= kKeysMax;
    if (!too_many && !is_over(entries_[line.first].at_s, now_ms, limits)) break;
    forget_oldest(queue);
  }
  if (size_ >= kKeysMax) return;  // other queues have taken all: this key is not remembered
  append({queue, hash, known.task, known.content_hash, seconds_up(now_ms)});
}

void KeyTable::append(const Item& item) {
  if (index_.size() < kIndexMin || size_ * 4 >= index_.size() * 3) grow();
  Entry entry;
  cut(item.hash.hi, entry.hash);
  cut(item.hash.lo, entry.hash + 2);
  cut(item.content_hash, entry.content);
  cut(item.task.value(), entry.task);
  entry.at_s = item.at_s;
  entry.queue = item.queue.value();
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back(entry);
  } else {
    slot = free_.back();
    free_.pop_back();
    entries_.edit(slot) = entry;
  }
  if (item.queue.value() >= lines_.size()) lines_.resize(item.queue.value() + 1);
  Line& line = lines_[item.queue.value()];
  if (line.last == kNoSlot) {
    line.first = slot;
  } else {
    entries_.edit(line.last).newer = slot;
  }
  line.last = slot;
  ++line.size;
  ++size_;
  if (is_known(slot)) index(slot);
}

void KeyTable::forget_oldest(QueueId queue) {
  Line& line = lines_[queue.value()];
  const std::uint32_t slot = line.first;
  if (is_known(slot)) unindex(slot);
  line.first = entries_[slot].newer;
  if (line.first == kNoSlot) line.last = kNoSlot;
  --line.size;
  --size_;
  entries_.edit(slot) = Entry{};
  free_.push_back(slot);
}

void KeyTable::index(std::uint32_t slot) {
  const std::size_t mask = index_.size() - 1;
  std::size_t at = place_of(slot) & mask;
  while (index_[at] != kNoSlot) at = (at + 1) & mask;
  index_.edit(at) = slot;
}

// Closes the gap, so that nobody's search ends at it too early.
void KeyTable::unindex(std::uint32_t slot) {
  const std::size_t mask = index_.size() - 1;
  std::size_t gap = place_of(slot) & mask;
  while (index_[gap] != slot) gap = (gap + 1) & mask;
  for (std::size_t at = (gap + 1) & mask; index_[at] != kNoSlot; at = (at + 1) & mask) {
    const std::size_t home = place_of(index_[at]) & mask;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;  // the gap is before its home
    index_.edit(gap) = index_[at];
    gap = at;
  }
  index_.edit(gap) = kNoSlot;
}

void KeyTable::grow() {
  const std::size_t size = std::max(kIndexMin, index_.size() * 2);
  index_ = PagedVector<std::uint32_t>();
  index_.resize(size);
  for (std::size_t at = 0; at < size; ++at) index_.edit(at) = kNoSlot;
  for (std::uint32_t slot = 0; slot < entries_.size(); ++slot) {
    if (is_known(slot)) index(slot);
  }
}

KeyTable::Line KeyTable::line(QueueId queue) const {
  return queue.value() < lines_.size() ? lines_[queue.value()] : Line{};
}

std::int64_t KeyTable::effective_window_ms(QueueId queue, std::int64_t now_ms,
                                           const Limits& limits) const {
  const Line line = this->line(queue);
  const bool full = line.size > 0 && (line.size >= limits.count || size_ >= kKeysMax);
  if (!full) return limits.window_ms;
  const std::int64_t reach = now_ms - std::int64_t{entries_[line.first].at_s} * 1000;
  return std::clamp<std::int64_t>(reach, 0, limits.window_ms);
}

KeyTable::Item KeyTable::item(std::uint32_t slot) const {
  const Entry& entry = entries_[slot];
  return {QueueId(entry.queue), Uuid{join(entry.hash), join(entry.hash + 2)},
          TaskId(join(entry.task)), join(entry.content), entry.at_s};
}

void KeyTable::restore(const Item& item) { append(item); }

}  // namespace baton::center
