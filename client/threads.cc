#include "client/threads.h"

#include <future>
#include <utility>

namespace baton::client {

// In batches, so that a burst of calls wakes the loop once. A task may post and even close.
bool Home::post(Task task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  posted_.push_back(std::move(task));
  if (posted_.size() == 1) {
    loop_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->drain();
    });
  }
  return true;
}

void Home::drain() {
  std::vector<Task> batch;
  {
    const std::lock_guard lock(mutex_);
    batch.swap(posted_);
  }
  for (Task& task : batch) {
    task();
    task = nullptr;
  }
}

void Home::run(const Task& task) {
  if (here()) {
    task();
    return;
  }
  std::promise<void> ran;
  const bool posted = post([&] {
    task();
    ran.set_value();
  });
  if (posted) ran.get_future().wait();
}

bool Home::here() const { return !own_thread_ || thread_.load() == std::this_thread::get_id(); }

void Home::set_thread() { thread_.store(std::this_thread::get_id()); }

void Home::close() {
  std::vector<Task> dropped;  // destroyed without the lock: a task may own what posts when it goes
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
