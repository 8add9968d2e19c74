#include "common/history/history.h"

#include <utility>

#include "common/base/check.h"

namespace baton::check {

std::uint64_t History::invoke(Event event) {
  event.outcome = Outcome::kInvoke;
  event.operation = events_.invokes() + 1;
  events_.add(event);
  return event.operation;
}

void History::end(std::uint64_t operation, Duration at, Outcome outcome, TaskId task) {
  Event event;
  event.operation = operation;
  event.at = at;
  event.outcome = outcome;
  event.task = task;
  events_.add_end(event);
}

void History::end_look(std::uint64_t operation, Duration at, FinalState state, Token token) {
  Event event;
  event.operation = operation;
  event.at = at;
  event.state = state;
  event.token = token;
  events_.add_end(event);
}

void History::end_as(std::uint64_t operation, Event event) {
  event.operation = operation;
  events_.add_end(event);
}

void History::note(const Event& event) {
  BATON_CHECK(event.outcome != Outcome::kInvoke);
  events_.add(event);
}

std::string History::story(TaskId task) const {
  std::uint64_t producer = 0;
  std::uint64_t number = 0;
  for (const Event& event : events_) {
    if (event.task == task && event.producer != 0) {
      producer = event.producer;
      number = event.number;
    }
  }
  std::string lines;
  for (const Event& event : events_) {
    const bool same_item = producer != 0 && event.producer == producer && event.number == number;
    if (event.task == task || same_item) lines += "  " + to_string(event) + "\n";
  }
  return lines;
}

}  // namespace baton::check
