// EventStore: events in a few bytes each, in order, read only from front to back.
//
// A run of the bench has millions of them, and writing one must cost it nothing that can be
// measured. So an event is stored as a mask of what it has and varints, the end of an operation
// says only what its invoke did not, and reading puts the two together again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/history/event.h"

namespace baton::check {

class EventStore {
 public:
  // An invoke, which must carry the number of invokes so far, or a single event.
  void add(const Event& event);
  // The end of an operation. Fields that are zero are those of its invoke.
  // REQUIRES: event.operation was invoked.
  void add_end(const Event& event);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::uint64_t invokes() const { return invokes_; }

  // Reads events one after the other; adding events ends it.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Event;
    using difference_type = std::ptrdiff_t;
    using pointer = const Event*;
    using reference = const Event&;

    reference operator*() const { return event_; }
    pointer operator->() const { return &event_; }
    Iterator& operator++();
    friend bool operator==(const Iterator& a, std::default_sentinel_t) { return a.left_ == 0; }

   private:
    friend class EventStore;
    explicit Iterator(const EventStore& store);
    void read();
    void open(const Event& invoked);
    Event close(std::uint64_t operation);

    const EventStore* store_;
    std::size_t left_;
    std::size_t block_ = 0;
    std::size_t at_ = 0;
    std::uint64_t invokes_ = 0;
    Event event_;
    // Invoked and not ended: the newest at operation modulo the size (operation 0: none is there),
    // and the few that stay open for long, by operation.
    std::vector<Event> recent_;
    std::unordered_map<std::uint64_t, Event> old_;
  };
  [[nodiscard]] Iterator begin() const { return Iterator(*this); }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

 private:
  std::string& room();
  void write(const Event& event, std::uint64_t back);

  std::vector<std::string> blocks_;  // no event crosses from one into the next
  std::size_t size_ = 0;
  std::uint64_t invokes_ = 0;
  Duration last_at_{0};
};

}  // namespace baton::check
