#include "client/consumer_engine.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "common/base/check.h"
#include "common/base/limits.h"

namespace baton::client {
namespace {

// Prefetch follows what the handler finished in this time (R12).
constexpr Duration kPrefetchSpan = std::chrono::milliseconds(100);
// A task that is there, and a manager that is there, take a moment to answer.
constexpr Duration kWaitMin = std::chrono::milliseconds(500);
// Longer than moving on to another manager takes.
constexpr Duration kCutOffTold = std::chrono::seconds(3);
// When the consumer ends by itself, the answers to its last operations are worth waiting for.
constexpr Duration kOwnEndPatience = std::chrono::seconds(60);
// Without operations only "no task follows" is waited for; what comes later is given back.
constexpr Duration kIdleEndPatience = std::chrono::seconds(5);

ConsumerOptions normal(ConsumerOptions options) {
  if (options.task) options.tasks_max = 1;
  if (options.wait_max) options.wait_max = std::max(*options.wait_max, kWaitMin);
  return options;
}

Status invalid(std::string why) { return Status(ErrorCode::kInvalidArgument, std::move(why)); }

Status validate_queues(const std::vector<std::string>& queues) {
  if (queues.empty() || queues.size() > kSessionLinesMax)
    return invalid("a consumer waits on 1 to " + std::to_string(kSessionLinesMax) + " queues");
  std::set<std::string_view> names;
  for (const std::string& queue : queues) {
    BATON_RETURN_IF_ERROR(validate_queue_name(queue));
    if (!names.insert(queue).second) return invalid("the queue " + queue + " is named twice");
  }
  return Status();
}

}  // namespace

Status validate(const ConsumerOptions& options) {
  BATON_RETURN_IF_ERROR(validate_queues(options.queues));
  if (options.task && options.queues.size() != 1) return invalid("one task is of one queue");
  if (options.lease != Millis(0)) BATON_RETURN_IF_ERROR(validate_lease(options.lease));
  if (options.concurrency < 1 || options.concurrency + options.prefetch_max > kSessionWindowMax) {
    return invalid("concurrency and prefetch are together 1 to " +
                   std::to_string(kSessionWindowMax));
  }
  if (options.wait_max && *options.wait_max < Duration(0)) {
    return invalid("a wait is not negative");
  }
  return Status();
}

ConsumerEngine::ConsumerEngine(Environment& environment, std::shared_ptr<Home> home,
                               ConsumerOptions options, ConsumerHandlers handlers)
    : env_(environment),
      home_(std::move(home)),
      options_(normal(std::move(options))),
      handlers_(std::move(handlers)),
      random_(environment.random.fork()) {}

void ConsumerEngine::start() {
  const std::size_t count = options_.pick == Pick::kStay ? 1 : env_.managers.size();
  const std::weak_ptr<ConsumerEngine> weak = weak_from_this();
  for (std::size_t i = 0; i < count; ++i) {
    SessionEvents events;
    events.on_delivery = [weak, i](Delivery delivery) {
      if (const auto self = weak.lock()) self->on_delivery(i, std::move(delivery));
    };
    events.on_lost = [weak](Token token, std::optional<LostCause> cause) {
      if (const auto self = weak.lock()) self->on_lost(token, cause);
    };
    events.on_answered = [weak](Token token) {
      if (const auto self = weak.lock()) self->on_answered(token);
    };
    events.on_change = [weak] {
      if (const auto self = weak.lock()) self->settle();
    };
    events.on_refused = [weak](const Status& status) {
      if (const auto self = weak.lock()) self->on_refused(status);
    };
    places_.push_back({std::make_shared<Session>(
        env_, SessionOptions{options_.queues, options_.lease, options_.task, i},
        std::move(events))});
  }
  idle_since_ = cut_off_since_ = env_.loop.now();
  for (const Place& place : places_) place.session->start();
  schedule_settle();
}

void ConsumerEngine::shutdown() {
  if (stopped_) return;
  stopped_ = true;
  env_.loop.cancel(timer_);
  for (const Place& place : places_) place.session->shutdown();
  for (const auto& state : buffer_) state->end();
  buffer_.clear();
  calls_.clear();
}

// ---- events of the sessions -----------------------------------------------------------------

void ConsumerEngine::on_delivery(std::size_t session, Delivery delivery) {
  const Token token = delivery.token;
  auto state = std::make_shared<Claim::State>(std::move(delivery), home_, weak_from_this());
  Held& held = held_[token];
  held = Held{Stage::kBuffered, session, state->delivery().task, false, state};
  Place& place = places_[session];
  ++place.held;
  // A grant may cross a change of mind of ours; the slot exists as long as its claim.
  place.slots = std::max(place.slots, place.held);
  idle_since_ = env_.loop.now();
  if (ending_) {
    state->end();
    give_back(token, held, false);
    return;
  }
  ++accepted_;
  buffer_.push_back(std::move(state));
}

void ConsumerEngine::on_lost(Token token, std::optional<LostCause> cause) {
  const auto found = held_.find(token);
  if (found == held_.end()) return;
  Held& held = found->second;
  if (held.stage == Stage::kBuffered) {
    std::erase_if(buffer_, [&](const auto& state) {
      return state->delivery().token == token && (state->end(), true);
    });
    --accepted_;
    give_back(token, held, false);
  } else if (held.stage == Stage::kRunning) {
    ++env_.metrics.claims_superseded;
    // Gone already: its last copy was destroyed, and the release is on its way to operate().
    auto state = held.state.lock();
    if (!state) return;
    state->set_superseded(cause);
    calls_.push_back([this, state = std::move(state)] {
      if (handlers_.on_superseded) handlers_.on_superseded(Claim(state));
    });
  } else if (const auto state = held.state.lock()) {
    state->set_superseded(cause);  // the answer to its end says so; whoever asks is told why
  }
}

void ConsumerEngine::on_answered(Token token) {
  const auto found = held_.find(token);
  if (found == held_.end()) return;
  Place& place = places_[found->second.session];
  --place.held;
  // At the end nothing is placed anew; but where the next task was wanted already, it may still
  // come.
  if (!ending_ || !found->second.wanted_next) --place.slots;
  if (found->second.wanted_next) --anticipated_;
  held_.erase(found);
  idle_since_ = env_.loop.now();
}

void ConsumerEngine::on_refused(const Status& status) {
  if (ended_) return;
  summary_.status = status;
  summary_.end = ConsumerEnd::kRefused;
  finish();
  schedule_settle();  // the session is shut down and reports no change any more
}

// ---- slots ----------------------------------------------------------------------------------

std::size_t ConsumerEngine::slots() const {
  std::size_t sum = 0;
  for (const Place& place : places_) sum += place.slots;
  return sum;
}

// What the handler finished just now is what it can be expected to take next.
std::size_t ConsumerEngine::prefetch() {
  const MonoTime oldest = env_.loop.now() - kPrefetchSpan;
  while (!finished_at_.empty() && finished_at_.front() < oldest) finished_at_.pop_front();
  return finished_at_.size();
}

std::size_t ConsumerEngine::slots_wanted() {
  std::size_t wanted = options_.concurrency + prefetch();
  if (options_.tasks_max > 0) {
    const std::uint64_t left = options_.tasks_max - std::min(options_.tasks_max, accepted_);
    wanted = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, held_.size() + left));
  }
  return wanted;
}

// Where to place a slot. Managers that we are not attached to are passed over while there is
// another.
std::size_t ConsumerEngine::pick() {
  const std::size_t count = places_.size();
  std::size_t at = next_place_;
  if (options_.pick == Pick::kRandom) at = static_cast<std::size_t>(random_.below(count));
  for (std::size_t i = 0; i < count && !places_[at].session->attached(); ++i) at = (at + 1) % count;
  next_place_ = (at + 1) % count;
  return at;
}

void ConsumerEngine::fill() {
  if (ending_) return;
  const std::size_t wanted = slots_wanted();
  for (std::size_t have = slots(); have < wanted; ++have) ++places_[pick()].slots;
  for (Place& place : places_) place.session->set_window(place.slots);
}

// Whether the slot of an operation that is sent now will be placed at the same session again, so
// that the ledger may fill it in the same step.
bool ConsumerEngine::wants_next() {
  if (options_.pick != Pick::kStay || ending_) return false;
  if (slots() > options_.concurrency + prefetch()) return false;
  if (options_.tasks_max == 0) return true;
  const std::uint64_t promised = accepted_ + (slots() - held_.size()) + anticipated_;
  return promised < options_.tasks_max;
}

// ---- claims ---------------------------------------------------------------------------------

void ConsumerEngine::hand_over() {
  while (!ending_ && running_ < options_.concurrency && !buffer_.empty()) {
    auto state = std::move(buffer_.front());
    buffer_.pop_front();
    held_.at(state->delivery().token).stage = Stage::kRunning;
    ++running_;
    ++handled_;
    calls_.push_back([this, state = std::move(state)]() mutable {
      if (handlers_.on_task) handlers_.on_task(Claim(std::move(state)));
    });
  }
  const bool enough = options_.tasks_max > 0 && handled_ >= options_.tasks_max;
  if (enough && !ending_) begin_end(ConsumerEnd::kTasksMax, kOwnEndPatience);
}

void ConsumerEngine::operate(Operation operation) {
  if (stopped_) return;
  if (ended_) {  // refused for good while the handler was still at work: the sessions are gone
    if (!operation.done) return;
    calls_.push_back([done = std::move(operation.done)] {
      done(OperationResult{Status(ErrorCode::kUnavailable, "the consumer has ended"), false});
    });
    return schedule_settle();
  }
  const auto found = held_.find(operation.token);
  const bool open = found != held_.end() && found->second.stage == Stage::kRunning;
  if (!open) {
    if (operation.done) {
      calls_.push_back([done = std::move(operation.done)] {
        done(OperationResult{Status(ErrorCode::kConflict, "the claim was ended before"), false});
      });
    }
  } else {
    Held& held = found->second;
    if (places_[held.session].session->lost(operation.token)) {
      if (operation.done) {
        calls_.push_back([done = std::move(operation.done)] {
          done(OperationResult{Status(ErrorCode::kClaimSuperseded, "the claim was lost before"),
                               false});
        });
      }
      // The handler is done with it: now the slot can be had back.
      if (ends_claim(operation.kind)) give_back(operation.token, held, true);
    } else if (ends_claim(operation.kind)) {
      end_claim(operation.token, held, std::move(operation));
    } else {
      places_[held.session].session->submit(std::move(operation));
    }
  }
  schedule_settle();
}

void ConsumerEngine::give_back(Token token, Held& held, bool started) {
  end_claim(
      token, held,
      Operation{
          .kind = OperationKind::kRelease, .task = held.task, .token = token, .started = started});
}

void ConsumerEngine::end_claim(Token token, Held& held, Operation operation) {
  BATON_CHECK(held.stage != Stage::kEnding);
  if (held.stage == Stage::kRunning) {
    --running_;
    finished_at_.push_back(env_.loop.now());
    if (finished_at_.size() > options_.prefetch_max) finished_at_.pop_front();
  }
  held.stage = Stage::kEnding;
  Session& session = *places_[held.session].session;
  held.wanted_next = !session.lost(token) && wants_next();
  if (held.wanted_next) ++anticipated_;
  operation.wants_next = held.wanted_next;
  session.submit(std::move(operation));
}

// ---- ending ---------------------------------------------------------------------------------

void ConsumerEngine::stop(Consumer::StopMode mode, Duration patience) {
  if (stopped_ || ended_) return;
  if (!ending_) {
    begin_end(ConsumerEnd::kStopped, patience);
  } else {
    patience_ = std::min(patience_, patience);
    if (give_up_at_ != MonoTime::max()) {
      give_up_at_ = std::min(give_up_at_, env_.loop.now() + patience_);
    }
  }
  if (mode == Consumer::StopMode::kRelease) {
    for (auto& [token, held] : held_) {
      if (held.stage != Stage::kRunning) continue;
      // Ended by its handler a moment ago: that operation is on its way to operate().
      const auto state = held.state.lock();
      if (state && state->end()) give_back(token, held, true);
    }
  }
  schedule_settle();
}

void ConsumerEngine::begin_end(ConsumerEnd end, Duration patience) {
  ending_ = true;
  summary_.end = end;
  patience_ = patience;
  if (end == ConsumerEnd::kNothingCame && !attached()) {
    summary_.status = places_.front().session->last_error();
  }
  for (const auto& state : buffer_) {
    const Token token = state->delivery().token;
    state->end();
    give_back(token, held_.at(token), false);
  }
  buffer_.clear();
  for (const Place& place : places_) place.session->end_wait();
}

void ConsumerEngine::check_end() {
  if (!ending_ || ended_ || running_ > 0) return;
  // With free slots a task may still come, until the session's wait is known to be over.
  const bool waiting = std::ranges::any_of(places_, [](const Place& place) {
    return place.slots > place.held && place.session->waiting();
  });
  if (held_.empty() && !waiting) {
    finish();
  } else if (give_up_at_ == MonoTime::max()) {
    give_up_at_ = env_.loop.now() + patience_;
  }
}

void ConsumerEngine::finish() {
  ending_ = ended_ = true;
  summary_.handled = handled_;
  for (const Place& place : places_) {
    for (OperationCallback& done : place.session->abandon()) {
      calls_.push_back([done = std::move(done)] {
        done(OperationResult{Status(ErrorCode::kUnavailable, "no answer before the consumer ended"),
                             false});
      });
    }
    place.session->shutdown();
  }
  calls_.push_back([this] {
    if (handlers_.on_end) handlers_.on_end(summary_);
  });
}

bool ConsumerEngine::attached() const {
  return std::ranges::any_of(places_, [](const Place& place) { return place.session->attached(); });
}

// ---- turns and time -------------------------------------------------------------------------

void ConsumerEngine::schedule_settle() {
  if (settle_scheduled_ || stopped_) return;
  settle_scheduled_ = true;
  env_.loop.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->settle_scheduled_ = false;
    self->settle();
  });
}

// Handlers are called last, when the state is whole: they may call anything, and even destroy us.
void ConsumerEngine::settle() {
  if (stopped_ || settling_) return;
  const auto self = shared_from_this();
  settling_ = true;
  hand_over();
  fill();
  check_end();
  watch_cut_off();
  while (!stopped_ && !calls_.empty()) {
    for (const auto& call : std::exchange(calls_, {})) {
      if (!stopped_) call();
    }
  }
  settling_ = false;
  if (!stopped_) arm();
}

// Tells once that nobody takes us, when that has lasted for a while.
void ConsumerEngine::watch_cut_off() {
  if (attached()) {
    cut_off_since_ = MonoTime::max();
    cut_off_told_ = false;
  } else if (cut_off_since_ == MonoTime::max()) {
    cut_off_since_ = env_.loop.now();
  }
  if (!may_tell_cut_off() || env_.loop.now() < cut_off_since_ + kCutOffTold) return;
  cut_off_told_ = true;
  calls_.push_back([this, why = places_.front().session->last_error()] {
    if (handlers_.on_cut_off) handlers_.on_cut_off(why);
  });
}

bool ConsumerEngine::may_tell_cut_off() const {
  return !ending_ && !cut_off_told_ && cut_off_since_ != MonoTime::max() && handlers_.on_cut_off;
}

void ConsumerEngine::arm() {
  MonoTime next = give_up_at_;
  if (!ending_ && options_.wait_max) next = std::min(next, idle_since_ + *options_.wait_max);
  if (may_tell_cut_off()) next = std::min(next, cut_off_since_ + kCutOffTold);
  if (ended_ || next == MonoTime::max()) return;
  next = std::max(next, env_.loop.now());
  if (timer_ != 0 && timer_at_ <= next) return;
  env_.loop.cancel(timer_);
  timer_at_ = next;
  timer_ = env_.loop.call_at(next, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->stopped_) return;
    self->timer_ = 0;
    self->on_timer();
    self->settle();
  });
}

void ConsumerEngine::on_timer() {
  const MonoTime now = env_.loop.now();
  if (ended_) return;
  if (now >= give_up_at_) {
    if (summary_.end == ConsumerEnd::kNothingCame && summary_.status.ok())
      summary_.status = Status(ErrorCode::kUnavailable, "nobody said that no task would come");
    finish();
    return;
  }
  if (ending_ || !options_.wait_max) return;
  const bool could_come = slots() > held_.size();
  if (!could_come) {
    idle_since_ = now;  // all slots are taken: nothing could come, so the wait has not begun
  } else if (now >= idle_since_ + *options_.wait_max) {
    begin_end(ConsumerEnd::kNothingCame, held_.empty() ? kIdleEndPatience : kOwnEndPatience);
  }
}

}  // namespace baton::client
