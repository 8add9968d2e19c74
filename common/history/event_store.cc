#include "common/history/event_store.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/check.h"

namespace baton::check {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
constexpr std::size_t kRecent = 1024;
// A head, a state, a content, and ten varints: time, way back, mask, and the seven numbers.
constexpr std::size_t kEventBytesMax = 1 + 1 + 8 + 10 * 10;

// What an event has besides its head, in this order; those above 64 make the mask a byte longer.
enum Field : unsigned {
  kProcess = 1,
  kTask = 2,
  kToken = 4,
  kAttempt = 8,
  kItem = 16,
  kContent = 32,
  kState = 64,
  kLease = 128,
};

unsigned mask_of(const Event& event) {
  unsigned mask = 0;
  if (event.process != 0) mask |= kProcess;
  if (event.task) mask |= kTask;
  if (event.token) mask |= kToken;
  if (event.attempt != 0) mask |= kAttempt;
  if (event.producer != 0 || event.number != 0) mask |= kItem;
  if (event.content != 0) mask |= kContent;
  if (event.state != FinalState::kNotFound) mask |= kState;
  if (event.lease_ms != 0) mask |= kLease;
  return mask;
}

std::uint8_t head_of(const Event& event) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(event.action) << 2 |
                                   static_cast<unsigned>(event.outcome));
}

}  // namespace

void EventStore::add(const Event& event) {
  if (event.outcome == Outcome::kInvoke) {
    ++invokes_;
    BATON_CHECK(event.operation == invokes_);
  } else {
    BATON_CHECK(event.operation == 0);
  }
  write(event, 0);
}

void EventStore::add_end(const Event& event) {
  BATON_CHECK(event.outcome != Outcome::kInvoke);
  BATON_CHECK(event.operation >= 1 && event.operation <= invokes_);
  write(event, 1 + invokes_ - event.operation);
}

std::string& EventStore::room() {
  if (blocks_.empty() || blocks_.back().size() + kEventBytesMax > kBlockBytes) {
    blocks_.emplace_back().reserve(kBlockBytes);
  }
  return blocks_.back();
}

// `back`: 0, or how many operations ago the one was invoked that this ends, from 1.
void EventStore::write(const Event& event, std::uint64_t back) {
  ByteWriter out(room());
  const unsigned mask = mask_of(event);
  out.u8(head_of(event));
  out.zigzag((event.at - last_at_).count());
  out.varint(back);
  out.varint(mask);
  if (mask & kProcess) out.varint(event.process);
  if (mask & kTask) out.varint(event.task.value());
  if (mask & kToken) out.varint(event.token.value());
  if (mask & kAttempt) out.varint(event.attempt);
  if (mask & kItem) out.varint(event.producer);
  if (mask & kItem) out.varint(event.number);
  if (mask & kContent) out.u64(event.content);
  if (mask & kState) out.u8(static_cast<std::uint8_t>(event.state));
  if (mask & kLease) out.varint(event.lease_ms);
  last_at_ = event.at;
  ++size_;
}

EventStore::Iterator::Iterator(const EventStore& store)
    : store_(&store), left_(store.size()), recent_(kRecent) {
  if (left_ > 0) read();
}

EventStore::Iterator& EventStore::Iterator::operator++() {
  if (--left_ > 0) read();
  return *this;
}

void EventStore::Iterator::read() {
  if (at_ == store_->blocks_[block_].size()) {
    ++block_;
    at_ = 0;
  }
  ByteReader in(std::string_view(store_->blocks_[block_]).substr(at_));
  const std::uint8_t head = in.u8();
  const Duration at = event_.at + Duration(in.zigzag());
  const std::uint64_t back = in.varint();

  Event event;
  const auto outcome = static_cast<Outcome>(head & 3U);
  if (back != 0) {
    event = close(invokes_ + 1 - back);
  } else if (outcome == Outcome::kInvoke) {
    event.operation = ++invokes_;
  }
  event.at = at;
  event.outcome = outcome;
  if (back == 0) event.action = static_cast<Action>(head >> 2);
  const std::uint64_t mask = in.varint();
  if (mask & kProcess) event.process = in.varint();
  if (mask & kTask) event.task = TaskId(in.varint());
  if (mask & kToken) event.token = Token(in.varint());
  if (mask & kAttempt) event.attempt = static_cast<std::uint32_t>(in.varint());
  if (mask & kItem) event.producer = in.varint();
  if (mask & kItem) event.number = in.varint();
  if (mask & kContent) event.content = in.u64();
  if (mask & kState) event.state = static_cast<FinalState>(in.u8());
  if (mask & kLease) event.lease_ms = static_cast<std::uint32_t>(in.varint());
  BATON_CHECK(in.ok());
  at_ += in.position();
  if (outcome == Outcome::kInvoke) open(event);
  event_ = event;
}

void EventStore::Iterator::open(const Event& invoked) {
  Event& place = recent_[invoked.operation % kRecent];
  if (place.operation != 0) old_.emplace(place.operation, place);
  place = invoked;
}

Event EventStore::Iterator::close(std::uint64_t operation) {
  Event& place = recent_[operation % kRecent];
  if (place.operation == operation) {
    const Event invoked = place;
    place.operation = 0;
    return invoked;
  }
  const auto found = old_.find(operation);
  BATON_CHECK(found != old_.end());  // an operation ends once
  const Event invoked = found->second;
  old_.erase(found);
  return invoked;
}

}  // namespace baton::check
