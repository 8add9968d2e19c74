#include "tests/support/sim_scheduler.h"

#include <algorithm>
#include <utility>

namespace baton::sim {

SimScheduler::SimScheduler(std::uint64_t seed) : random_(seed) {}

bool SimScheduler::later(const Event& a, const Event& b) {
  return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
}

void SimScheduler::at(SimTime at, Closure closure) {
  heap_.push_back(Event{std::max(at, now_), sequence_++, std::move(closure)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool SimScheduler::step() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), later);
  const Event event = std::move(heap_.back());
  heap_.pop_back();
  now_ = event.at;
  events_++;
  event.closure();
  return true;
}

bool SimScheduler::run_next_until(SimTime end) {
  if (!heap_.empty() && heap_.front().at <= end) return step();
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
