// Story: writes a history the way a run would, for tests that plant mistakes into one. Each event
// is 1 ms after the one before.
#pragma once

#include <cstdint>

#include "common/history/history.h"

namespace baton::check {

class Story {
 public:
  std::uint64_t produce(std::uint64_t number, std::uint64_t content) {
    Event event = make(Action::kProduce, 100);
    event.producer = 1;
    event.number = number;
    event.content = content;
    return history_.invoke(event);
  }
  Story& confirmed(std::uint64_t operation, std::uint64_t task) {
    history_.end(operation, tick(), Outcome::kOk, TaskId(task));
    return *this;
  }
  Story& ended(std::uint64_t operation, Outcome outcome) {
    history_.end(operation, tick(), outcome);
    return *this;
  }
  // A produce that was confirmed at once.
  Story& task(std::uint64_t task, std::uint64_t number, std::uint64_t content = 7) {
    return confirmed(produce(number, content), task);
  }
  Story& delivered(std::uint64_t task, std::uint64_t token, std::uint64_t process,
                   std::uint32_t attempt, std::uint64_t number, std::uint64_t content = 7) {
    Event event = make(Action::kDelivery, process);
    event.task = TaskId(task);
    event.token = Token(token);
    event.attempt = attempt;
    event.producer = 1;
    event.number = number;
    event.content = content;
    history_.note(event);
    return *this;
  }
  // A delivery of a claim that lasts `lease`, unless its session ends it.
  Story& leased(std::uint64_t task, std::uint64_t token, std::uint64_t process, Millis lease) {
    Event event = make(Action::kDelivery, process);
    event.task = TaskId(task);
    event.token = Token(token);
    event.lease_ms = static_cast<std::uint32_t>(lease.count());
    history_.note(event);
    return *this;
  }
  Story& granted(std::uint64_t task, std::uint64_t token, std::uint64_t process) {
    Event event = make(Action::kGrant, process);
    event.task = TaskId(task);
    event.token = Token(token);
    history_.note(event);
    return *this;
  }
  std::uint64_t asked(Action action, std::uint64_t task, std::uint64_t token,
                      std::uint64_t process) {
    Event event = make(action, process);
    event.task = TaskId(task);
    event.token = Token(token);
    return history_.invoke(event);
  }
  std::uint64_t asked_for_lease(std::uint64_t task, std::uint64_t token, std::uint64_t process,
                                Millis lease) {
    Event event = make(Action::kExtend, process);
    event.task = TaskId(task);
    event.token = Token(token);
    event.lease_ms = static_cast<std::uint32_t>(lease.count());
    return history_.invoke(event);
  }
  Story& refused(Action action, std::uint64_t task, std::uint64_t token, std::uint64_t process) {
    return ended(asked(action, task, token, process), Outcome::kFail);
  }
  Story& seen(std::uint64_t look, FinalState state, std::uint64_t token = 0) {
    history_.end_look(look, tick(), state, Token(token));
    return *this;
  }
  Story& sample(const char* what, std::uint64_t value, std::uint64_t cap) {
    history_.sample({tick(), 9, what, value, cap});
    return *this;
  }
  Story& wait(Millis length) {
    now_ += length;
    return *this;
  }
  Story& accepted(Action action, std::uint64_t task, std::uint64_t token, std::uint64_t process) {
    return ended(asked(action, task, token, process), Outcome::kOk);
  }
  Story& state(std::uint64_t task, FinalState state, std::uint64_t token = 0) {
    Event event = make(Action::kState, 1);
    event.task = TaskId(task);
    event.state = state;
    event.token = Token(token);
    history_.note(event);
    return *this;
  }
  [[nodiscard]] const History& history() const { return history_; }

 private:
  Duration tick() { return now_ += std::chrono::milliseconds(1); }
  Event make(Action action, std::uint64_t process) {
    Event event;
    event.at = tick();
    event.action = action;
    event.process = process;
    return event;
  }

  Duration now_{0};
  History history_;
};

}  // namespace baton::check
