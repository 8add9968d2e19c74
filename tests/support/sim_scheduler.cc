#include "tests/support/sim_scheduler.h"

#include <algorithm>
#include <utility>

namespace baton::sim {

SimScheduler::SimScheduler(std::uint64_t seed) : random_(seed) {}

bool SimScheduler::later(const Event& a, const Event& b) {
  return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
}

std::size_t SimScheduler::store(Closure closure) {
  if (free_slots_.empty()) {
    slots_.push_back(std::move(closure));
    return slots_.size() - 1;
  }
  const std::size_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = std::move(closure);
  return slot;
}

Closure SimScheduler::take(std::size_t slot) {
  free_slots_.push_back(slot);
  return std::exchange(slots_[slot], nullptr);
}

void SimScheduler::at(SimTime at, Closure closure) {
  const std::uint64_t sequence = sequence_++;
  if (at <= now_) {
    due_.push_back({sequence, std::move(closure)});
    return;
  }
  heap_.push_back(Event{at, sequence, store(std::move(closure))});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

// What the heap has for this moment was put there earlier than some of what is due.
bool SimScheduler::heap_is_next() const {
  if (due_.empty()) return true;
  return !heap_.empty() && heap_.front().at <= now_ &&
         heap_.front().sequence < due_.front().sequence;
}

bool SimScheduler::step() {
  Closure closure;
  if (!heap_is_next()) {
    closure = std::move(due_.front().closure);
    due_.pop_front();
  } else if (heap_.empty()) {
    return false;
  } else {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event event = heap_.back();
    heap_.pop_back();
    closure = take(event.slot);
    now_ = event.at;
  }
  events_++;
  closure();
  return true;
}

bool SimScheduler::run_next_until(SimTime end) {
  if (!due_.empty() || (!heap_.empty() && heap_.front().at <= end)) return step();
  now_ = std::max(now_, end);
  return false;
}

void SimScheduler::run_until(SimTime end) {
  while (run_next_until(end)) {
  }
}

bool SimScheduler::run_until(const std::function<bool()>& done, Duration limit) {
  const SimTime end = now_ + limit;
  while (!done()) {
    if (!run_next_until(end)) return done();
  }
  return true;
}

void SimScheduler::mix(std::uint64_t value) {
  hash_ = (hash_ ^ value) * 0x100000001b3U;
  hash_ ^= hash_ >> 29;
}

void SimScheduler::trace(std::string_view who, std::string_view what) {
  mix(static_cast<std::uint64_t>(now_.count()));
  for (const char c : who) mix(static_cast<unsigned char>(c));
  for (const char c : what) mix(static_cast<unsigned char>(c));
  if (sink_) sink_(now_, who, what);
}

}  // namespace baton::sim
