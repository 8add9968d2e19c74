#include "common/history/event.h"

#include <cstdio>

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
    case FinalState::kCancelled:
      return "cancelled";
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
  if (event.lease_ms != 0) line += " lease " + std::to_string(event.lease_ms) + "ms";
  if (event.producer != 0) {
    line += " item " + std::to_string(event.producer) + "/" + std::to_string(event.number);
  }
  if (event.action == Action::kState && event.outcome == Outcome::kOk)
    line += " " + std::string(to_string(event.state));
  return line;
}

bool is_claim_operation(Action action) {
  return action == Action::kAck || action == Action::kNack || action == Action::kRelease ||
         action == Action::kExtend;
}

bool is_claim(Action action) { return action == Action::kDelivery || action == Action::kGrant; }

}  // namespace baton::check
