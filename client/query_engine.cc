#include "client/query_engine.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/limits.h"

namespace baton::client {
namespace {

constexpr std::size_t kQuestionsMax = 1024;
constexpr Duration kBackoffFirst = std::chrono::milliseconds(50);
constexpr Duration kBackoffLast = std::chrono::seconds(2);

// What a removal that is repeated does not find was removed by the time before: the name is free.
Status settle_repetition(const v1::Query& query, bool repeated, Status status) {
  const bool removed_before =
      repeated && query.has_manager_remove() && status.code() == ErrorCode::kNotFound;
  return removed_before ? Status() : status;
}

}  // namespace

QueryEngine::QueryEngine(Environment& environment)
    : env_(environment), random_(environment.random.fork()) {}

template <class Event>
void QueryEngine::event(Event&& run) {
  if (stopped_) return;
  const auto self = shared_from_this();
  ++depth_;
  run();
  if (!stopped_) flush();
  --depth_;
  if (!stopped_) arm();
}

void QueryEngine::connect() {
  const std::weak_ptr<QueryEngine> weak = weak_from_this();
  ChannelEvents events;
  events.on_open = [weak](const v1::HelloOk&) {
    const auto self = weak.lock();
    if (!self || self->stopped_) return Status(ErrorCode::kUnavailable, "the client is gone");
    ++self->env_.metrics.connections_opened;
    self->env_.loop.post([weak] {
      if (const auto again = weak.lock()) again->event([] {});
    });
    return Status();
  };
  events.on_frame = [weak](const Frame& frame) {
    if (const auto self = weak.lock()) self->event([&] { self->on_frame(frame); });
  };
  events.on_closed = [weak](const Status& reason) {
    if (const auto self = weak.lock()) self->event([&] { self->on_closed(reason); });
  };
  channel_ = Channel::create(env_.loop, env_.transport, env_.logger, random_.next(),
                             env_.channel_options(), std::move(events));
  channel_->start();
}

void QueryEngine::shutdown() {
  if (stopped_) return;
  stopped_ = true;
  env_.loop.cancel(timer_);
  questions_.clear();
  if (!channel_) return;
  channel_->stop(Status(ErrorCode::kUnavailable, "the client is gone"));
  // Inside one of its own events the channel must not be destroyed.
  if (depth_ > 0) {
    env_.loop.post([channel = std::shared_ptr<Channel>(std::move(channel_))] {});
  } else {
    channel_.reset();
  }
}

void QueryEngine::ask(v1::Query query, Duration timeout, Answered answered) {
  if (stopped_) return;
  ++env_.metrics.queries;
  if (questions_.size() >= kQuestionsMax) {
    env_.loop.post([answered = std::move(answered)] {
      answered(Status(ErrorCode::kRetryLater, "too many queries are waiting"), v1::Answer(), {});
    });
    return;
  }
  questions_.emplace(next_++, Question{std::move(query), std::move(answered),
                                       env_.loop.now() + timeout, 0, MonoTime{}, Status(), false});
  if (!channel_) connect();
  env_.loop.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->event([] {});
  });
}

void QueryEngine::on_closed(const Status& reason) {
  ++env_.metrics.connections_lost;
  for (auto& [number, question] : questions_) {
    if (question.request == 0) continue;
    question.request = 0;
    question.last_error = reason;
    question.may_have_happened = true;
  }
}

void QueryEngine::on_frame(const Frame& frame) {
  if (frame.type != v1::ANSWER && frame.type != v1::ERROR) return;
  const auto found = std::ranges::find_if(questions_, [&](const auto& entry) {
    return frame.request_id != 0 && entry.second.request == frame.request_id;
  });
  if (found == questions_.end()) return;
  v1::Answer answer;
  v1::Error error;
  Status status;
  if (frame.type == v1::ANSWER) {
    status = parse_metadata(frame.metadata, answer);
    if (status.ok() && answer.code() != v1::OK) {
      status = Status(error_code_from_wire(answer.code()), answer.message());
    }
  } else {
    status = parse_metadata(frame.metadata, error);
    if (status.ok()) status = from_error(error);
  }
  if (is_retriable(status.code())) {
    retry(found->second, std::move(status));
  } else {
    failures_ = 0;
    const Question& question = found->second;
    status = settle_repetition(question.query, question.may_have_happened, std::move(status));
    finish(found, status, answer, frame.payload);
  }
}

// Elsewhere at once, here after a while.
void QueryEngine::retry(Question& question, Status why) {
  question.request = 0;
  question.may_have_happened |= why.code() != ErrorCode::kRetryLater;
  question.last_error = why;
  const Duration backoff =
      std::min<Duration>(kBackoffFirst * (1 << std::min(failures_, 6)), kBackoffLast);
  const bool others = ++failures_ < static_cast<int>(env_.managers.size());
  pause_until_ = env_.loop.now() + (others ? Duration(0) : backoff);
  if (env_.managers.size() > 1 && channel_->is_open()) channel_->reconnect(std::move(why));
}

void QueryEngine::finish(Questions::iterator question, const Status& status,
                         const v1::Answer& answer, std::string_view payload) {
  const Answered answered = std::move(question->second.answered);
  questions_.erase(question);
  answered(status, answer, payload);
}

void QueryEngine::flush() {
  const MonoTime now = env_.loop.now();
  const bool may_send = channel_ && channel_->is_open() && now >= pause_until_;
  bool outstanding = false;
  for (auto& [number, question] : questions_) {
    if (question.request == 0 && may_send && question.deadline > now) {
      const auto left = std::chrono::duration_cast<Millis>(
          std::min<Duration>(question.deadline - now, env_.answer_timeout));
      question.query.set_timeout_ms(static_cast<std::uint32_t>(left.count() + 1));
      question.request = channel_->next_request_id();
      question.sent_at = now;
      channel_->send(v1::QUERY, question.request, question.query);
    }
    outstanding = outstanding || question.request != 0;
  }
  if (channel_ && channel_->is_open()) channel_->set_outstanding(outstanding);
}

void QueryEngine::on_timer() {
  const MonoTime now = env_.loop.now();
  bool silent = false;
  std::vector<std::uint64_t> over;
  for (const auto& [number, question] : questions_) {
    if (question.deadline <= now) {
      over.push_back(number);
    } else if (question.request != 0 && question.sent_at + env_.answer_timeout <= now) {
      silent = true;
    }
  }
  if (silent && channel_->is_open()) {
    channel_->reconnect(Status(ErrorCode::kDeadlineExceeded, "the manager does not answer"));
  }
  for (const std::uint64_t number : over) {
    const auto found = questions_.find(number);
    Status why = found->second.last_error;
    if (why.ok() && !channel_->is_open()) why = channel_->last_error();
    if (why.ok()) why = Status(ErrorCode::kDeadlineExceeded, "no answer in time");
    finish(found, why, v1::Answer(), {});
    if (stopped_) return;
  }
}

void QueryEngine::arm() {
  env_.loop.cancel(timer_);
  timer_ = 0;
  MonoTime next = MonoTime::max();
  const MonoTime now = env_.loop.now();
  for (const auto& [number, question] : questions_) {
    next = std::min(next, question.deadline);
    if (question.request != 0 && channel_->is_open()) {
      next = std::min(next, question.sent_at + env_.answer_timeout);
    } else if (pause_until_ > now) {
      next = std::min(next, pause_until_);
    }
  }
  if (next == MonoTime::max()) return;
  timer_ = env_.loop.call_at(next, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self) self->event([&] { self->on_timer(); });
  });
}

}  // namespace baton::client
