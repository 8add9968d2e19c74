#include "common/history/history.h"

#include <cstdio>
#include <utility>

#include "common/base/check.h"

namespace baton::check {

std::string_view to_string(Action action) {
  switch (action) {
    case Action::kProduce:
      return "produce";
    case Action::kGrant:
      return "grant";
    case Action::kDelivery:
      return "delivery";
    case Action::kAck:
      return "ack";
    case Action::kNack:
      return "nack";
    case Action::kRelease:
      return "release";
    case Action::kExtend:
      return "extend";
    case Action::kState:
      return "state";
  }
  return "?";
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kInvoke:
      return "invoke";
    case Outcome::kOk:
      return "ok";
    case Outcome::kFail:
      return "fail";
    case Outcome::kUnknown:
      return "unknown";
  }
  return "?";
}

std::string_view to_string(FinalState state) {
  switch (state) {
    case FinalState::kNotFound:
      return "not_found";
    case FinalState::kWaiting:
      return "waiting";
    case FinalState::kClaimed:
      return "claimed";
    case FinalState::kDone:
      return "done";
    case FinalState::kDead:
      return "dead";
    case FinalState::kQuarantined:
      return "quarantined";
    case FinalState::kOther:
      return "other";
  }
  return "?";
}

std::string to_string(const Event& event) {
  char time[32];
  std::snprintf(time, sizeof time, "%.6fs", std::chrono::duration<double>(event.at).count());
  std::string line = std::string(time) + " " + std::string(to_string(event.action)) + " " +
                     std::string(to_string(event.outcome)) + " process " +
                     std::to_string(event.process);
  if (event.task) line += " task " + baton::to_string(event.task);
  if (event.token) line += " token " + std::to_string(event.token.value());
  if (event.attempt != 0) line += " attempt " + std::to_string(event.attempt);
  if (event.producer != 0) {
    line += " item " + std::to_string(event.producer) + "/" + std::to_string(event.number);
  }
  if (event.action == Action::kState) line += " " + std::string(to_string(event.state));
  return line;
}

std::uint64_t History::invoke(Event event) {
  event.outcome = Outcome::kInvoke;
  event.operation = invoked_at_.size() + 1;
  invoked_at_.push_back(events_.size());
  events_.push_back(event);
  return event.operation;
}

void History::end(std::uint64_t operation, Duration at, Outcome outcome, TaskId task) {
  BATON_CHECK(operation >= 1 && operation <= invoked_at_.size());
  BATON_CHECK(outcome != Outcome::kInvoke);
  Event event = events_[invoked_at_[operation - 1]];
  event.at = at;
  event.outcome = outcome;
  if (task) event.task = task;
  events_.push_back(event);
}

void History::note(Event event) {
  BATON_CHECK(event.operation == 0);
  events_.push_back(event);
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
