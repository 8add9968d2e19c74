// The only place of the client library that knows threads: Home, Room, Flag and SetOnce.
//
// The engines live on one loop and need no lock. What other threads call (producer, claims,
// queries) goes through here.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "common/base/loop.h"

namespace baton::client {

// The loop as other threads see it. Outlives the client in the hands of claims that the user kept;
// after close() it does nothing.
class Home : public std::enable_shared_from_this<Home> {
 public:
  // `own_thread`: the loop runs on a thread of the client; otherwise on the caller's, which then is
  // the only one that calls.
  Home(Loop& loop, bool own_thread) : loop_(loop), own_thread_(own_thread) {}

  // Runs `closure` on the loop, after what was posted before, never inside this call. Many at once
  // cost the loop one wake-up. False, and dropped, after close().
  bool post(Closure closure);

  // On the loop: runs `closure` now. Elsewhere: posts it and waits until it has run. Nothing after
  // close().
  void run(const Closure& closure);

  // True on the loop's thread, where waiting would wait for ever.
  [[nodiscard]] bool here() const;

  // Called on the loop, first: this thread is the one.
  void set_thread();
  // Whatever is still posted is dropped.
  void close();

 private:
  void drain();

  Loop& loop_;
  const bool own_thread_;
  std::atomic<std::thread::id> thread_;
  std::mutex mutex_;
  std::vector<Closure> posted_;
  bool closed_ = false;
};

// How much of a bounded number of items and bytes is taken.
class Room {
 public:
  Room(std::size_t items_max, std::size_t bytes_max)
      : items_max_(items_max), bytes_max_(bytes_max) {}

  // Takes it if there is room: false otherwise. One larger item fits when nothing else is taken.
  bool take(std::size_t bytes);
  // Takes it as soon as there is room; false after close().
  bool wait_and_take(std::size_t bytes);
  void give_back(std::size_t items, std::size_t bytes);
  [[nodiscard]] bool has(std::size_t bytes) const;
  void close();

 private:
  [[nodiscard]] bool fits(std::size_t bytes) const;

  const std::size_t items_max_;
  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t items_ = 0;
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

// Set once, seen by all threads.
class Flag {
 public:
  // True for the one call that set it.
  bool set() { return !set_.exchange(true); }
  [[nodiscard]] bool is_set() const { return set_.load(); }

 private:
  std::atomic<bool> set_ = false;
};

// A number that is set once and seen by all threads; 0 before. REQUIRES: it is set to another.
class SetOnce {
 public:
  // False when it had a value: that stays.
  bool set(int value) {
    int none = 0;
    return value_.compare_exchange_strong(none, value);
  }
  [[nodiscard]] int get() const { return value_.load(); }

 private:
  std::atomic<int> value_ = 0;
};

}  // namespace baton::client
