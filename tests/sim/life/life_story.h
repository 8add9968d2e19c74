// LifeStory: writes a history and its book the way a run would, for tests that plant mistakes into
// them. Each event is 1 ms after the one before.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "tests/sim/life/life_tasks.h"

namespace baton::check {

class LifeStory {
 public:
  // A produce that has no answer yet. `number` names it, and what it becomes.
  std::uint64_t wish(std::uint64_t number, TaskOptions options, std::uint64_t content = 7) {
    Event event = make(Action::kProduce, 100);
    event.producer = 1;
    event.number = number;
    event.content = content;
    const std::uint64_t operation = history_.invoke(event);
    book.wished(operation, "q", std::move(options), content);
    return operation;
  }
  LifeStory& confirmed(std::uint64_t operation, std::uint64_t task, bool duplicate = false) {
    history_.end(operation, tick(), Outcome::kOk, TaskId(task));
    book.answered(operation, ErrorCode::kOk, duplicate);
    return *this;
  }
  LifeStory& refused(std::uint64_t operation, ErrorCode code) {
    history_.end(operation, tick(), Outcome::kUnknown);
    book.answered(operation, code, false);
    return *this;
  }
  // A produce that was confirmed at once; the task is its number.
  LifeStory& task(std::uint64_t task, TaskOptions options = {}, std::uint64_t content = 7) {
    return confirmed(wish(task, std::move(options), content), task);
  }
  LifeStory& delivered(std::uint64_t task, std::uint64_t token, std::uint64_t number = 0) {
    Event event = make(Action::kDelivery, 200);
    event.task = TaskId(task);
    event.token = Token(token);
    event.producer = 1;
    event.number = number == 0 ? task : number;
    event.content = 7;
    history_.note(event);
    return *this;
  }
  std::uint64_t asked(Action action, std::uint64_t task, std::uint64_t token) {
    Event event = make(action, 200);
    event.task = TaskId(task);
    event.token = Token(token);
    return history_.invoke(event);
  }
  LifeStory& ended(std::uint64_t operation, Outcome outcome) {
    history_.end(operation, tick(), outcome);
    return *this;
  }
  LifeStory& accepted(Action action, std::uint64_t task, std::uint64_t token) {
    return ended(asked(action, task, token), Outcome::kOk);
  }
  // Delivered and acked.
  LifeStory& done(std::uint64_t task, std::uint64_t token) {
    return delivered(task, token).accepted(Action::kAck, task, token);
  }
  std::uint64_t save(std::uint64_t task, std::uint64_t token, std::string checkpoint) {
    const std::uint64_t operation = asked(Action::kExtend, task, token);
    book.saved(operation, std::move(checkpoint));
    return operation;
  }
  LifeStory& handed(std::uint64_t task, std::uint64_t token, std::string checkpoint) {
    delivered(task, token);
    book.handed(Token(token), std::move(checkpoint));
    return *this;
  }
  LifeStory& seen(std::uint64_t task, FinalState state) {
    Event event = make(Action::kState, 1);
    event.task = TaskId(task);
    event.state = state;
    history_.note(event);
    return *this;
  }
  LifeStory& acted(TaskAction action, std::uint64_t task, ErrorCode code = ErrorCode::kOk) {
    const std::size_t number = book.act(action, TaskId(task));
    look_away();
    book.acted(number, code);
    return *this;
  }
  LifeStory& changed(QueueNote::Kind kind, std::uint64_t value = 0) {
    const std::size_t number = book.change("q", kind, value);
    look_away();
    book.changed(number, true);
    return *this;
  }
  // A task that waits for the ledger, of which only its own manager was asked.
  LifeStory& waited(std::uint64_t task) {
    const std::uint64_t operation = wish(task, {.order_key = "z"});
    book.asked_one(operation);
    return confirmed(operation, task);
  }
  // Somebody who waited for it.
  LifeStory& told(std::uint64_t task, FinalState state) {
    book.told_end(TaskId(task), state, now_);
    return *this;
  }
  LifeStory& wait(Millis length) {
    now_ += length;
    return *this;
  }

 private:
  // Declared first: the book reads it.
  History history_;
  Duration now_{0};

 public:
  LifeBook book{history_};

 private:
  Duration tick() { return now_ += std::chrono::milliseconds(1); }
  Event make(Action action, std::uint64_t process) {
    Event event;
    event.at = tick();
    event.action = action;
    event.process = process;
    return event;
  }
  // Something happens elsewhere, so that a beginning and its end are two moments.
  void look_away() { history_.note(make(Action::kState, 1)); }
};

}  // namespace baton::check
