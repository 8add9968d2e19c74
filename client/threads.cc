#include "client/threads.h"

#include <future>
#include <utility>

namespace baton::client {

// In batches, so that a burst of calls wakes the loop once. A closure may post and even close.
bool Home::post(Closure closure) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  posted_.push_back(std::move(closure));
  if (posted_.size() == 1) {
    loop_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->drain();
    });
  }
  return true;
}

void Home::drain() {
  std::vector<Closure> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(posted_);
  }
  for (Closure& closure : batch) {
    closure();
    closure = nullptr;
  }
}

void Home::run(const Closure& closure) {
  if (here()) {
    closure();
    return;
  }
  std::promise<void> ran;
  const bool posted = post([&] {
    closure();
    ran.set_value();
  });
  if (posted) ran.get_future().wait();
}

bool Home::here() const { return !own_thread_ || thread_.load() == std::this_thread::get_id(); }

void Home::set_thread() { thread_.store(std::this_thread::get_id()); }

void Home::close() {
  // Destroyed without the lock: a closure may own what posts when it goes.
  std::vector<Closure> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(posted_);
}

bool Room::fits(std::size_t bytes) const {
  return items_ == 0 || (items_ < items_max_ && bytes_ + bytes <= bytes_max_);
}

bool Room::take(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (closed_ || !fits(bytes)) return false;
  ++items_;
  bytes_ += bytes;
  return true;
}

bool Room::wait_and_take(std::size_t bytes) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed_ || fits(bytes); });
  if (closed_) return false;
  ++items_;
  bytes_ += bytes;
  return true;
}

void Room::give_back(std::size_t items, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  items_ -= items;
  bytes_ -= bytes;
  changed_.notify_all();
}

bool Room::has(std::size_t bytes) const {
  const std::lock_guard lock(mutex_);
  return !closed_ && fits(bytes);
}

void Room::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace baton::client
