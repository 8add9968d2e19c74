#include "tests/support/history_notes.h"

#include "tests/support/sim_payload.h"

namespace baton::sim {

check::Event produce_event(Duration at, std::uint64_t process, std::string_view payload) {
  check::Event event;
  event.at = at;
  event.action = check::Action::kProduce;
  event.process = process;
  add_payload(event, payload);
  return event;
}

check::Event claim_event(check::Action action, Duration at, std::uint64_t process, TaskId task,
                         Token token) {
  check::Event event;
  event.at = at;
  event.action = action;
  event.process = process;
  event.task = task;
  event.token = token;
  return event;
}

void add_payload(check::Event& delivery, std::string_view payload) {
  const auto name = parse_payload(payload);
  delivery.producer = name ? name->producer : 0;
  delivery.number = name ? name->number : 0;
  delivery.content = content_of(payload);
}

check::Action action_of(OperationKind kind) {
  switch (kind) {
    case OperationKind::kAck:
      return check::Action::kAck;
    case OperationKind::kNack:
      return check::Action::kNack;
    case OperationKind::kRelease:
      return check::Action::kRelease;
    case OperationKind::kExtend:
    case OperationKind::kSave:  // like it, it is accepted only of the current claim, which goes on
      return check::Action::kExtend;
  }
  return check::Action::kAck;
}

check::Outcome outcome_of(ErrorCode code, bool finished_unknown) {
  switch (code) {
    case ErrorCode::kOk:
      return finished_unknown ? check::Outcome::kUnknown : check::Outcome::kOk;
    case ErrorCode::kClaimSuperseded:
    case ErrorCode::kNotFound:
      return check::Outcome::kFail;
    default:
      return check::Outcome::kUnknown;
  }
}

}  // namespace baton::sim
