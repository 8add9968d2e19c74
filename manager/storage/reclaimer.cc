#include "manager/storage/reclaimer.h"

#include <utility>

namespace baton::manager {
namespace {

// As much as one compaction takes up: so that none lasts long, and a stop need not wait for it.
constexpr std::uint64_t kRangeBytesMax = std::uint64_t{64} << 20;

}  // namespace

void Reclaimer::add(std::string from, std::string to, std::uint64_t bytes) {
  bytes_ += bytes;
  const bool joins = !ranges_.empty() && ranges_.back().to == from &&
                     ranges_.back().bytes + bytes <= kRangeBytesMax;
  if (joins) {
    ranges_.back().to = std::move(to);
    ranges_.back().bytes += bytes;
  } else {
    ranges_.push_back({std::move(from), std::move(to), bytes});
  }
  if (busy_) return;
  if (bytes_ >= kBytes) return start();
  wait();
}

void Reclaimer::wait() {
  loop_.cancel(timer_);
  timer_ = loop_.call_after(kQuiet, gate_.on_loop([this] {
    timer_ = 0;
    start();
  }));
}

// All that is there, one after the other.
void Reclaimer::start() {
  if (busy_ || ranges_.empty()) return;
  loop_.cancel(std::exchange(timer_, 0));
  busy_ = true;
  const Range next = std::move(ranges_.front());
  ranges_.pop_front();
  bytes_ -= next.bytes;
  background_.run(gate_.job([this, next] { compact_(next.from, next.to); }), gate_.on_loop([this] {
    busy_ = false;
    start();
  }));
}

}  // namespace baton::manager
