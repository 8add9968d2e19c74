#include "tests/sim/cluster/sim_notes.h"

#include "tests/support/history_notes.h"

namespace baton::sim {

std::uint64_t note_produce(SimWorld& world, std::uint64_t process, std::string_view payload) {
  return world.history.invoke(produce_event(world.scheduler.now(), process, payload));
}

void note_produced(SimWorld& world, std::uint64_t operation,
                   const client::ProduceOutcome& outcome) {
  const SimTime now = world.scheduler.now();
  switch (outcome.state) {
    case client::ProduceState::kConfirmed:
      return world.history.end(operation, now, check::Outcome::kOk, outcome.task);
    case client::ProduceState::kFailed:
      return world.history.end(operation, now, check::Outcome::kFail);
    case client::ProduceState::kUnknown:
      return world.history.end(operation, now, check::Outcome::kUnknown);
  }
}

void note_delivery(SimWorld& world, std::uint64_t process, const client::Delivery& delivery) {
  check::Event event = claim_event(check::Action::kDelivery, world.scheduler.now(), process,
                                   delivery.task, delivery.token);
  event.attempt = delivery.attempt;
  event.lease_ms = static_cast<std::uint32_t>(delivery.lease.count());
  add_payload(event, delivery.payload);
  world.history.note(event);
}

std::uint64_t note_operation(SimWorld& world, std::uint64_t process, check::Action action,
                             const client::Claim& claim, Millis lease) {
  const client::Delivery& delivery = claim.delivery();
  check::Event event =
      claim_event(action, world.scheduler.now(), process, delivery.task, delivery.token);
  event.lease_ms = static_cast<std::uint32_t>(lease.count());
  return world.history.invoke(event);
}

client::OperationCallback answer_noter(SimWorld& world, std::uint64_t process,
                                       std::uint64_t operation, const client::Claim& claim) {
  return [&world, process, operation, claim,
          asked_at = world.scheduler.now()](const client::OperationResult& result) {
    const SimTime now = world.scheduler.now();
    check::Outcome outcome = outcome_of(result);
    // The library has given the claim up, maybe before the ledger did: it refuses by itself, without
    // asking, which is no word of the ledger; and it gives the task back.
    if (outcome == check::Outcome::kFail && now == asked_at) {
      note_operation(world, process, check::Action::kRelease, claim);
      outcome = check::Outcome::kUnknown;
    }
    world.history.end(operation, now, outcome);
  };
}

check::Outcome outcome_of(const client::OperationResult& result) {
  return outcome_of(result.status.code(), result.finished_unknown);
}

}  // namespace baton::sim
