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

// A wait is asked again when its time at the manager is over: well before silence would count.
constexpr int kWaitParts = 2;

// Whether a task that an action cannot be done with may be so because it was done before. No state:
// it has ended, and nothing of it is kept.
bool may_be_done(v1::TaskAction action, v1::TaskState state) {
  switch (action) {
    case v1::CANCEL:
      return state == v1::CANCELLED;
    case v1::DISCARD:
      return state == v1::CANCELLED || state == v1::DONE || state == v1::STATE_NONE;
    case v1::COMPLETE:
      return state == v1::DONE || state == v1::STATE_NONE;
    case v1::KILL:
      return state == v1::DEAD;
    case v1::REDRIVE:
    case v1::RESUME:
      return state == v1::READY || state == v1::CLAIMED || state == v1::DELAYED;
    default:
      return false;
  }
}

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
  Question question;
  question.query = std::move(query);
  question.answered = std::move(answered);
  question.deadline = env_.loop.now() + timeout;
  add(std::move(question));
}

void QueryEngine::act(v1::Act act, Duration timeout, Acted acted) {
  Question question;
  question.act = std::move(act);
  question.acted = std::move(acted);
  question.deadline = env_.loop.now() + timeout;
  add(std::move(question));
}

void QueryEngine::add(Question question) {
  if (stopped_) return;
  ++env_.metrics.queries;
  if (questions_.size() >= kQuestionsMax) {
    env_.loop.post([answered = std::move(question.answered), acted = std::move(question.acted)] {
      const Status status(ErrorCode::kRetryLater, "too many queries are waiting");
      if (acted) return acted(status, {});
      answered(status, v1::Answer(), {});
    });
    return;
  }
  questions_.emplace(next_++, std::move(question));
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
  const auto found = std::ranges::find_if(questions_, [&](const auto& entry) {
    return frame.request_id != 0 && entry.second.request == frame.request_id;
  });
  if (found == questions_.end()) return;
  if (frame.type == v1::ANSWER && found->second.answered) {
    on_answer(found, frame);
  } else if (frame.type == v1::ACTED && found->second.acted) {
    on_acted(found, frame);
  } else if (frame.type == v1::ERROR) {
    v1::Error error;
    Status status = parse_metadata(frame.metadata, error);
    on_error(found, status.ok() ? from_error(error) : std::move(status));
  }
}

void QueryEngine::on_answer(Questions::iterator question, const Frame& frame) {
  v1::Answer answer;
  Status status = parse_metadata(frame.metadata, answer);
  if (status.ok() && answer.code() != v1::OK) {
    status = Status(error_code_from_wire(answer.code()), answer.message());
  }
  if (!status.ok()) return on_error(question, std::move(status));
  failures_ = 0;
  finish(question, status, answer, frame.payload);
}

void QueryEngine::on_acted(Questions::iterator found, const Frame& frame) {
  Question& question = found->second;
  v1::Acted acted;
  Status status = parse_metadata(frame.metadata, acted);
  std::vector<v1::ActedRun> outcomes;
  for (const v1::ActedRun& run : acted.run()) {
    for (std::uint32_t i = 0; i < run.count() && outcomes.size() < kBatchItemsMax; ++i)
      outcomes.push_back(run);
  }
  if (status.ok() && outcomes.size() != static_cast<std::size_t>(question.act.task_size())) {
    status = Status(ErrorCode::kBadFrame, "ACTED names another number of tasks than asked");
  }
  if (!status.ok()) return on_error(found, std::move(status));
  // Nobody heard of any of them, or the ledger does not know them yet.
  const auto may_be_repeated = [](const v1::ActedRun& outcome) {
    return is_retriable(error_code_from_wire(outcome.code()));
  };
  if (!outcomes.empty() && std::all_of(outcomes.begin(), outcomes.end(), may_be_repeated)) {
    const v1::ActedRun& first = outcomes.front();
    return retry(question, Status(error_code_from_wire(first.code()), first.message()));
  }
  failures_ = 0;
  for (v1::ActedRun& outcome : outcomes) {
    const bool refused = outcome.code() == v1::CONFLICT || outcome.code() == v1::NOT_FOUND;
    if (question.may_have_happened && refused &&
        may_be_done(question.act.action(), outcome.state())) {
      outcome.set_code(v1::OK);
    }
  }
  const Acted done = std::move(question.acted);
  questions_.erase(found);
  done(Status(), outcomes);
}

void QueryEngine::on_error(Questions::iterator found, Status status) {
  Question& question = found->second;
  if (question.waits() && status.code() == ErrorCode::kDeadlineExceeded) {
    question.request = 0;  // it has not finished so far: go on
    question.last_error = std::move(status);
  } else if (is_retriable(status.code())) {
    retry(question, std::move(status));
  } else {
    failures_ = 0;
    status = settle_repetition(question.query, question.may_have_happened, std::move(status));
    finish(found, status);
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
  const Acted acted = std::move(question->second.acted);
  questions_.erase(question);
  if (acted) return acted(status, {});
  answered(status, answer, payload);
}

void QueryEngine::flush() {
  const MonoTime now = env_.loop.now();
  const bool may_send = channel_ && channel_->is_open() && now >= pause_until_;
  bool outstanding = false;
  for (auto& [number, question] : questions_) {
    if (question.request == 0 && may_send && question.deadline > now) send(question, now);
    outstanding = outstanding || question.request != 0;
  }
  if (channel_ && channel_->is_open()) channel_->set_outstanding(outstanding);
}

void QueryEngine::send(Question& question, MonoTime now) {
  const Duration patience =
      question.waits() ? env_.answer_timeout / kWaitParts : env_.answer_timeout;
  const auto left =
      std::chrono::duration_cast<Millis>(std::min<Duration>(question.deadline - now, patience));
  const auto timeout_ms = static_cast<std::uint32_t>(left.count() + 1);
  question.request = channel_->next_request_id();
  question.sent_at = now;
  if (question.acted) {
    question.act.set_timeout_ms(timeout_ms);
    channel_->send(v1::ACT, question.request, question.act);
  } else {
    question.query.set_timeout_ms(timeout_ms);
    channel_->send(v1::QUERY, question.request, question.query);
  }
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
    if (why.ok() || (found->second.waits() && channel_->is_open())) {
      why = Status(ErrorCode::kDeadlineExceeded,
                   found->second.waits() ? "the task has not finished" : "no answer in time");
    }
    finish(found, why);
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
