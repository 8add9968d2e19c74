#include "client/producer_engine.h"

#include <algorithm>
#include <limits>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/wire_options.h"
#include "common/base/wire_uuid.h"

namespace baton::client {
namespace {

// Payload bytes on the way at once: enough for any link, and a bound for the send queue.
constexpr std::size_t kInFlightBytesMax = std::size_t{16} << 20;
// Of one request's metadata, whose limit is kFrameMetadataBytesMax: the lengths take at most 6 KiB.
constexpr std::size_t kOptionsBytesMax = std::size_t{48} << 10;
// Beside the bytes of one item's options: their tag and length.
constexpr std::size_t kOptionsOverhead = 4;
// Idle for this long: tell the shard, so that it may forget our numbers.
constexpr Duration kIdleBeforeResolved = std::chrono::seconds(1);
constexpr Duration kBackoffFirst = std::chrono::milliseconds(50);
constexpr Duration kBackoffLast = std::chrono::seconds(10);
// A manager that asks for patience this often in a row is left for another one.
constexpr int kRefusalsBeforeMove = 3;

// The request was understood and refused for good: this sending of it stored nothing.
bool is_refusal(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kConflict:
    case ErrorCode::kClaimSuperseded:
    case ErrorCode::kDenied:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnsupportedVersion:
      return true;
    default:
      return false;
  }
}

std::string serialized(const TaskOptions& options) {
  v1::TaskOptions wire;
  to_wire(options, &wire);
  return wire.SerializeAsString();
}

std::uint32_t to_timeout_ms(Duration left) {
  const auto ms = std::chrono::duration_cast<Millis>(left).count();
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(ms, 1, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

// One request being put together: consecutive numbers, one queue, all moved or none, all waiting for
// the ledger or none (those would hold up the others' answers).
struct ProducerEngine::Batch {
  std::vector<Item*> items;
  std::vector<ShardId> maybe_at;
  std::size_t bytes = 0;
  bool same_options = true;  // of all items: they travel once
  std::size_t options_bytes = 0;

  // What the options take with one more item.
  [[nodiscard]] std::size_t options_bytes_with(const Item& item) const {
    return options_bytes + item.options.size() + kOptionsOverhead;
  }
  [[nodiscard]] bool same_options_with(const Item& item) const {
    return items.empty() || (same_options && items.front()->options == item.options);
  }
  [[nodiscard]] bool has_room_for(const Item& item) const {
    return same_options_with(item) || options_bytes_with(item) <= kOptionsBytesMax;
  }
};

ProducerEngine::ProducerEngine(Environment& environment, ProducerOptions options, Settled settled)
    : env_(environment),
      options_(options),
      settled_(std::move(settled)),
      random_(environment.random.fork()),
      producer_(random_.uuid()) {}

// Runs the body of an event and then what it leads to: sending, callbacks, the next deadline.
template <class Event>
void ProducerEngine::event(Event&& run) {
  if (stopped_) return;
  const auto self = shared_from_this();  // a callback may drop the last reference
  ++depth_;
  run();
  flush();
  deliver();
  --depth_;
  if (!stopped_) arm();
}

void ProducerEngine::start() {
  const std::weak_ptr<ProducerEngine> weak = weak_from_this();
  ChannelEvents events;
  events.on_open = [weak](const v1::HelloOk& hello) {
    const auto self = weak.lock();
    return self && !self->stopped_ ? self->on_open(hello)
                                   : Status(ErrorCode::kUnavailable, "the producer is gone");
  };
  events.on_frame = [weak](const Frame& frame) {
    if (const auto self = weak.lock()) self->event([&] { self->on_frame(frame); });
  };
  events.on_goodbye = [weak] {
    if (const auto self = weak.lock()) self->event([&] { self->going_ = true; });
  };
  events.on_closed = [weak](const Status& reason) {
    if (const auto self = weak.lock()) self->event([&] { self->on_closed(reason); });
  };
  channel_ = Channel::create(env_.loop, env_.transport, env_.logger, random_.next(),
                             env_.channel_options(), std::move(events));
  channel_->start();
}

void ProducerEngine::shutdown() {
  if (stopped_) return;
  stopped_ = true;
  env_.loop.cancel(timer_);
  items_.clear();
  window_.clear();
  ring_.clear();
  queues_.clear();
  settled_now_.clear();
  on_closed_.clear();
  // Inside one of its own events the channel must not be destroyed.
  if (depth_ > 0) {
    channel_->stop(Status(ErrorCode::kUnavailable, "the producer is gone"));
    env_.loop.post([channel = std::shared_ptr<Channel>(std::move(channel_))] {});
  } else {
    channel_.reset();
  }
}

void ProducerEngine::add(std::string queue, std::string payload, const TaskOptions* options,
                         ProduceCallback done) {
  if (stopped_) return;
  Status status = closing_ ? Status(ErrorCode::kConflict, "the producer is closed")
                           : validate_queue_name(queue);
  if (status.ok() && options != nullptr) status = validate_task_options(*options);
  if (status.ok() && options != nullptr && options->retry_of && !payload.empty()) {
    status = Status(ErrorCode::kInvalidArgument, "a copy of a task has no payload of its own");
  }
  if (status.ok() && payload.size() > kPayloadBytesHardMax) {
    status = Status(ErrorCode::kTooLarge, "payload of " + std::to_string(payload.size()) +
                                              " bytes, at most 16 MiB can be allowed");
  }
  Item& item = items_.emplace_back();
  item.self = std::prev(items_.end());
  item.queue = &queues_[queue];
  item.queue->name = std::move(queue);
  ++item.queue->unsettled;
  item.payload = std::move(payload);
  if (status.ok() && options != nullptr) {
    item.options = serialized(*options);
    item.waits = options->waits_for_ledger();
  }
  item.done = std::move(done);
  item.deadline = env_.loop.now() + std::min<Duration>(options_.timeout, kProducerIdleMax);
  if (!status.ok()) {
    settle(item, {ProduceState::kFailed, TaskId(), std::move(status)});
  } else {
    if (item.queue->waiting.empty()) ring_.push_back(item.queue);
    item.queue->waiting.push_back(&item);
  }
  schedule_flush();
}

void ProducerEngine::close(std::function<void()> done) {
  if (stopped_) return;
  closing_ = true;
  on_closed_.push_back(std::move(done));
  schedule_flush();
}

// ---- events of the channel ------------------------------------------------------------------

Status ProducerEngine::on_open(const v1::HelloOk& hello) {
  // Where it would be stored must be known before sending: after an unknown outcome that shard's
  // name decides between a plain repetition and a moved one. A manager without a shard refuses
  // anyway.
  if (hello.shard() == 0) {
    return Status(ErrorCode::kUnavailable, "manager " + hello.name() + " may not store tasks yet");
  }
  ++env_.metrics.connections_opened;
  shard_ = ShardId(hello.shard());
  payload_bytes_max_ = static_cast<std::size_t>(hello.payload_bytes_max());
  going_ = false;
  schedule_flush();
  return Status();
}

void ProducerEngine::on_closed(const Status& reason) {
  if (!finished_) ++env_.metrics.connections_lost;
  for (const auto& [id, request] : in_flight_) {
    for (std::uint64_t seq = request.seq; seq < request.seq + request.count; ++seq) {
      Item* item = find(seq);
      if (item == nullptr) continue;
      if (std::ranges::find(item->maybe_at, shard_) == item->maybe_at.end()) {
        item->maybe_at.push_back(shard_);
      }
      item->last_error = reason;
      repeats_.insert(seq);
    }
  }
  in_flight_.clear();
  in_flight_bytes_ = 0;
}

void ProducerEngine::on_frame(const Frame& frame) {
  if (frame.type == v1::PRODUCED) {
    on_produced(frame);
  } else if (frame.type == v1::ERROR && frame.request_id != 0) {
    on_error(frame);
  }
}

void ProducerEngine::on_produced(const Frame& frame) {
  const auto found = in_flight_.find(frame.request_id);
  if (found == in_flight_.end()) return;
  v1::Produced produced;
  Status parsed = parse_metadata(frame.metadata, produced);
  std::uint64_t count = 0;
  for (const v1::ProducedRun& run : produced.run()) count += run.count();
  if (parsed.ok() && count != found->second.count) {
    parsed = Status(ErrorCode::kBadFrame, "PRODUCED names another number of items than asked");
  }
  if (!parsed.ok()) {  // the request stays unanswered, and is repeated at another manager
    channel_->reconnect(parsed);
    return;
  }
  const Request request = found->second;
  in_flight_.erase(found);
  in_flight_bytes_ -= request.bytes;
  if (produced.shard() != 0) shard_ = ShardId(produced.shard());
  std::uint64_t seq = request.seq;
  for (const v1::ProducedRun& run : produced.run()) {
    for (std::uint32_t i = 0; i < run.count(); ++i, ++seq) {
      if (Item* item = find(seq)) answered(*item, run, i, true);
    }
    const ErrorCode code = error_code_from_wire(run.code());
    if (code == ErrorCode::kOk) refusals_ = 0;
    if (code != ErrorCode::kOk && !is_refusal(code)) {
      refused(Status(code, run.message()), run.retry_after_ms());
    }
  }
}

void ProducerEngine::on_error(const Frame& frame) {
  const auto found = in_flight_.find(frame.request_id);
  if (found == in_flight_.end()) return;
  v1::Error error;
  v1::ProducedRun run;
  run.set_code(v1::INTERNAL);
  if (parse_metadata(frame.metadata, error).ok() && error.code() != v1::OK) {
    run.set_code(error.code());
    run.set_message(error.message());
    run.set_retry_after_ms(error.retry_after_ms());
  }
  const Request request = found->second;
  in_flight_.erase(found);
  in_flight_bytes_ -= request.bytes;
  for (std::uint64_t seq = request.seq; seq < request.seq + request.count; ++seq) {
    if (Item* item = find(seq)) answered(*item, run, 0, false);
  }
  const ErrorCode code = error_code_from_wire(run.code());
  if (!is_refusal(code)) refused(Status(code, run.message()), run.retry_after_ms());
}

// ---- sending --------------------------------------------------------------------------------

// Once per loop turn, so that everything produced meanwhile travels together.
void ProducerEngine::schedule_flush() {
  if (flush_scheduled_ || stopped_) return;
  flush_scheduled_ = true;
  env_.loop.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->flush_scheduled_ = false;
    self->event([] {});
  });
}

bool ProducerEngine::may_send() const {
  return channel_->is_open() && !going_ && in_flight_bytes_ < kInFlightBytesMax &&
         env_.loop.now() >= pause_until_;
}

void ProducerEngine::flush() {
  if (stopped_) return;
  send_repeats();
  send_fresh();
  if (channel_->is_open()) channel_->set_outstanding(!in_flight_.empty());
  if (!window_.empty()) {
    tell_resolved_at_ = MonoTime::max();
  } else if (resolved_told_ < base_ && tell_resolved_at_ == MonoTime::max()) {
    tell_resolved_at_ = env_.loop.now() + kIdleBeforeResolved;
  }
}

// A plain repetition is recognised only where it went before; of what waits for the ledger only the
// ledger knows what became of it.
bool ProducerEngine::fits_plain(const Item& item) const {
  if (item.moved) return false;
  if (item.maybe_at.empty()) return true;
  return !item.waits && item.maybe_at.size() == 1 && item.maybe_at[0] == shard_;
}

bool ProducerEngine::add_to(Batch& batch, Item& item) {
  const bool moved = !fits_plain(item);
  if (!batch.items.empty()) {
    const Item& last = *batch.items.back();
    if (batch.items.size() >= options_.batch_items_max || last.queue != item.queue ||
        last.seq + 1 != item.seq || last.moved != moved || last.waits != item.waits ||
        batch.bytes + item.payload.size() > payload_bytes_max_ || !batch.has_room_for(item)) {
      return false;
    }
  }
  item.moved = moved;
  batch.same_options = batch.same_options_with(item);
  batch.options_bytes = batch.options_bytes_with(item);
  for (const ShardId shard : item.maybe_at) {
    if (std::ranges::find(batch.maybe_at, shard) == batch.maybe_at.end()) {
      batch.maybe_at.push_back(shard);
    }
  }
  batch.bytes += item.payload.size();
  batch.items.push_back(&item);
  return true;
}

void ProducerEngine::send_repeats() {
  while (may_send() && !repeats_.empty()) {
    Batch batch;
    while (!repeats_.empty()) {
      Item& item = *find(*repeats_.begin());
      if (item.payload.size() > payload_bytes_max_) {
        if (!batch.items.empty()) break;
        give_up(item, Status(ErrorCode::kTooLarge, "larger than this manager's --payload-max"));
        continue;
      }
      if (!add_to(batch, item)) break;
      repeats_.erase(repeats_.begin());
    }
    if (batch.items.empty()) return;
    env_.metrics.produce_repeats += batch.items.size();
    send(batch);
  }
}

void ProducerEngine::send_fresh() {
  while (may_send() && !ring_.empty() && window_.size() < kProducerWindow) {
    Queue& queue = *ring_.front();
    ring_.pop_front();
    Batch batch;
    while (!queue.waiting.empty() && window_.size() < kProducerWindow) {
      Item& item = *queue.waiting.front();
      if (item.payload.size() > payload_bytes_max_) {
        queue.waiting.pop_front();
        const bool last = queue.unsettled == 1;  // settling it forgets the queue
        give_up(item,
                Status(ErrorCode::kTooLarge, "payload of " + std::to_string(item.payload.size()) +
                                                 " bytes, this manager takes " +
                                                 std::to_string(payload_bytes_max_)));
        if (last) break;
        continue;
      }
      item.seq = base_ + window_.size();
      if (!add_to(batch, item)) {
        item.seq = 0;
        break;
      }
      window_.push_back(&item);
      queue.waiting.pop_front();
    }
    if (batch.items.empty()) continue;
    // Queues take turns, so that a long one does not hold up the others.
    if (!queue.waiting.empty()) ring_.push_back(&queue);
    send(batch);
  }
}

void ProducerEngine::send(Batch& batch) {
  const MonoTime now = env_.loop.now();
  const Item& first = *batch.items.front();
  v1::Produce produce;
  to_wire(producer_, produce.mutable_producer());
  produce.set_seq(first.seq);
  produce.set_resolved_below(base_);
  produce.set_queue(first.queue->name);
  produce.set_moved(first.moved);
  MonoTime deadline = first.deadline;
  std::vector<std::string_view> payloads;
  payloads.reserve(batch.items.size());
  for (const Item* item : batch.items) {
    produce.add_length(static_cast<std::uint32_t>(item->payload.size()));
    payloads.push_back(item->payload);
    deadline = std::max(deadline, item->deadline);
    const bool tells = batch.same_options ? item == &first && !item->options.empty() : true;
    if (tells) produce.add_options()->ParseFromString(item->options);
  }
  if (first.moved) {
    for (const ShardId shard : batch.maybe_at) produce.add_maybe_at(shard.value());
    env_.metrics.produce_moved += batch.items.size();
  }
  produce.set_timeout_ms(to_timeout_ms(deadline - now));
  const std::uint64_t id = channel_->next_request_id();
  in_flight_.emplace(id, Request{first.seq, batch.items.size(), batch.bytes, now});
  in_flight_bytes_ += batch.bytes;
  ++env_.metrics.produce_requests;
  channel_->send(v1::PRODUCE, id, produce, payloads);
}

void ProducerEngine::send_resolved() {
  tell_resolved_at_ = MonoTime::max();
  if (!channel_->is_open() || resolved_told_ == base_) return;
  v1::ProducerResolved resolved;
  to_wire(producer_, resolved.mutable_producer());
  resolved.set_resolved_below(base_);
  channel_->send(v1::PRODUCER_RESOLVED, 0, resolved);
  resolved_told_ = base_;
}

// ---- outcomes -------------------------------------------------------------------------------

// Of a task that waits for the ledger these two say that there is none anywhere: its key names
// another one, or its parent's claim is over.
bool ProducerEngine::decided_by_ledger(const Item& item, ErrorCode code) {
  return item.waits && (code == ErrorCode::kConflict || code == ErrorCode::kClaimSuperseded);
}

ProducerEngine::Item* ProducerEngine::find(std::uint64_t seq) {
  return seq >= base_ && seq - base_ < window_.size() ? window_[seq - base_] : nullptr;
}

void ProducerEngine::answered(Item& item, const v1::ProducedRun& run, std::uint32_t index,
                              bool per_item) {
  const ErrorCode code = error_code_from_wire(run.code());
  if (code == ErrorCode::kOk) {
    const TaskState state = run.duplicate() ? task_state_from_wire(run.state()) : TaskState::kNone;
    settle(item, {ProduceState::kConfirmed, TaskId(run.first_task() + index), Status(),
                  run.duplicate(), state});
    return;
  }
  if (per_item && decided_by_ledger(item, code)) {
    settle(item, {ProduceState::kFailed, TaskId(), Status(code, run.message())});
    return;
  }
  if (is_refusal(code)) {
    give_up(item, Status(code, run.message()));
    return;
  }
  // One answer says that nothing was stored. After any other it may have been: not even unavailable
  // says more, since in an ordered queue everything waits for the ledger.
  if (code != ErrorCode::kRetryLater &&
      std::ranges::find(item.maybe_at, shard_) == item.maybe_at.end()) {
    item.maybe_at.push_back(shard_);
  }
  item.last_error = Status(code, run.message());
  repeats_.insert(item.seq);
}

void ProducerEngine::refused(const Status& status, std::uint32_t retry_after_ms) {
  ++refusals_;
  const bool elsewhere =
      env_.managers.size() > 1 && channel_->is_open() &&
      (status.code() != ErrorCode::kRetryLater || refusals_ >= kRefusalsBeforeMove);
  Duration backoff = kBackoffFirst * (1 << std::min(refusals_ - 1, 8));
  backoff = std::min(backoff, kBackoffLast);
  backoff = backoff / 2 + Duration(static_cast<std::int64_t>(
                              random_.below(static_cast<std::uint64_t>(backoff.count() / 2) + 1)));
  backoff = std::max<Duration>(backoff, Millis(retry_after_ms));
  pause_until_ = std::max(pause_until_, env_.loop.now() + backoff);
  if (elsewhere) channel_->reconnect(status);
}

void ProducerEngine::settle(Item& item, ProduceOutcome outcome) {
  switch (outcome.state) {
    case ProduceState::kConfirmed:
      ++env_.metrics.produced_confirmed;
      break;
    case ProduceState::kFailed:
      ++env_.metrics.produced_failed;
      break;
    case ProduceState::kUnknown:
      ++env_.metrics.produced_unknown;
      break;
  }
  settled_now_.emplace_back(std::move(item.done), std::move(outcome));
  settled_bytes_ += item.payload.size();
  if (item.seq != 0) {
    repeats_.erase(item.seq);
    window_[item.seq - base_] = nullptr;
    while (!window_.empty() && window_.front() == nullptr) {
      window_.pop_front();
      ++base_;
    }
  }
  if (--item.queue->unsettled == 0) {
    const std::string name = item.queue->name;
    queues_.erase(name);
  }
  items_.erase(item.self);
}

void ProducerEngine::give_up(Item& item, Status status, bool on_the_way) {
  const bool maybe_stored = on_the_way || !item.maybe_at.empty();
  settle(item, {maybe_stored ? ProduceState::kUnknown : ProduceState::kFailed, TaskId(),
                std::move(status)});
}

void ProducerEngine::deliver() {
  while (!stopped_ && !settled_now_.empty()) {
    const auto batch = std::exchange(settled_now_, {});
    settled_(batch.size(), std::exchange(settled_bytes_, 0));
    for (const auto& [done, outcome] : batch) {
      if (stopped_) return;
      if (done) done(outcome);
    }
  }
  if (stopped_ || !closing_ || !items_.empty() || on_closed_.empty()) return;
  if (!finished_) {
    finished_ = true;
    send_resolved();
    channel_->stop(Status(ErrorCode::kUnavailable, "the producer is closed"));
  }
  for (const auto& done : std::exchange(on_closed_, {})) done();
}

// ---- time -----------------------------------------------------------------------------------

void ProducerEngine::expire(MonoTime now) {
  while (!items_.empty() && items_.front().deadline <= now) {
    Item& item = items_.front();
    if (item.seq == 0) {  // the oldest of all is the oldest of its queue
      Queue& queue = *item.queue;
      BATON_CHECK(queue.waiting.front() == &item);
      queue.waiting.pop_front();
      if (queue.waiting.empty()) std::erase(ring_, &queue);
    }
    const bool on_the_way = item.seq != 0 && !repeats_.contains(item.seq);
    Status why = item.last_error;
    if (why.ok() && !channel_->is_open()) why = channel_->last_error();
    if (why.ok()) why = Status(ErrorCode::kDeadlineExceeded, "no answer in time");
    give_up(item, std::move(why), on_the_way);
  }
}

void ProducerEngine::on_timer() {
  const MonoTime now = env_.loop.now();
  expire(now);
  if (now >= tell_resolved_at_) send_resolved();
  if (now >= answer_due()) {
    channel_->reconnect(Status(ErrorCode::kDeadlineExceeded, "the manager does not answer"));
  }
}

// When the oldest request has waited so long that another manager is asked; never, when there is
// none.
MonoTime ProducerEngine::answer_due() const {
  if (in_flight_.empty() || env_.managers.size() < 2 || !channel_->is_open()) {
    return MonoTime::max();
  }
  return in_flight_.begin()->second.sent_at + env_.answer_timeout;
}

void ProducerEngine::arm() {
  MonoTime next = std::min(tell_resolved_at_, answer_due());
  if (!items_.empty()) next = std::min(next, items_.front().deadline);
  const bool paused = pause_until_ > env_.loop.now() && !(repeats_.empty() && ring_.empty());
  if (paused) next = std::min(next, pause_until_);
  // A timer that fires too early only looks again; moving it each time would cost more.
  if (timer_ != 0 && timer_at_ <= next) return;
  env_.loop.cancel(timer_);
  timer_ = 0;
  if (next == MonoTime::max()) return;
  timer_at_ = next;
  timer_ = env_.loop.call_at(next, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->timer_ = 0;
    self->event([&] { self->on_timer(); });
  });
}

}  // namespace baton::client
