#include "tests/sim/cluster/sim_notes.h"

#include "tests/support/history_notes.h"
#include "tests/support/sim_payload.h"

namespace baton::sim {

std::uint64_t note_produce(SimWorld& world, std::uint64_t process, std::string_view payload) {
  return world.history.invoke(produce_event(world.scheduler.now(), process, payload));
}

std::uint64_t note_wish(SimWorld& world, std::uint64_t process, const Wished& wished) {
  const check::Event event = produce_event(world.scheduler.now(), process, wished.payload);
  const std::uint64_t operation = world.history.invoke(event);
  if (!world.plan.life.on) return operation;
  const TaskOptions& options = wished.options;
  if (options.attempt_timeout > Millis(0) || options.total_timeout > Millis(0))
    world.tasks.ends_early(event.producer, event.number);
  world.tasks.book.wished(operation, wished.queue, options, event.content);
  return operation;
}

std::uint64_t note_copy(SimWorld& world, std::uint64_t process, std::uint64_t number,
                        const Wished& wished, std::uint64_t content) {
  check::Event event = produce_event(world.scheduler.now(), process, "");
  event.producer = process;
  event.number = number;
  event.content = content;
  const std::uint64_t operation = world.history.invoke(event);
  // What it has from the original is not known here.
  world.tasks.ends_early(event.producer, event.number);
  world.tasks.book.wished(operation, wished.queue, wished.options, content);
  return operation;
}

void name_copy(check::Event& delivery, TaskId retry_of, std::string_view type) {
  if (!retry_of) return;
  const auto name = parse_payload(std::string(type) + ":");
  if (!name) return;
  delivery.producer = name->producer;
  delivery.number = name->number;
}

void note_produced(SimWorld& world, std::uint64_t operation,
                   const client::ProduceOutcome& outcome) {
  const SimTime now = world.scheduler.now();
  const auto wish = world.tasks.book.wishes().find(operation);
  if (wish != world.tasks.book.wishes().end()) {
    const bool failed = outcome.state == client::ProduceState::kFailed;
    world.tasks.book.answered(operation, failed ? outcome.status.code() : ErrorCode::kOk,
                              outcome.duplicate);
    if (outcome.duplicate) world.sometimes.happened("key answered with its task");
    if (failed && outcome.status.code() == ErrorCode::kConflict)
      world.sometimes.happened("key in conflict");
    if (outcome.confirmed())
      world.tasks.exists(outcome.task, wish->second.queue, wish->second.content);
    // Whoever else asks with this key may get what was refused here.
    if (failed && !wish->second.options.key.empty())
      return world.history.end(operation, now, check::Outcome::kUnknown);
  }
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
  name_copy(event, delivery.options.retry_of, delivery.options.type);
  world.history.note(event);
  if (!world.plan.life.on) return;
  world.tasks.book.handed(delivery.token, delivery.checkpoint, delivery.expiries);
  if (!delivery.checkpoint.empty()) world.sometimes.happened("checkpoint handed over");
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
