#include "tests/recovery/trio_clients.h"

#include <utility>

#include "common/base/check.h"
#include "tests/sim/cluster/sim_payload.h"

namespace baton::recovery {
namespace {

using namespace std::chrono_literals;
using check::Action;
using check::Outcome;

constexpr char kQueue[] = "q";
constexpr std::size_t kConcurrency = 4;
constexpr Millis kExtension{8000};

// Only a refusal for good is known to have had no effect.
Outcome outcome_of(const client::OperationResult& result) {
  if (result.status.ok()) return result.finished_unknown ? Outcome::kUnknown : Outcome::kOk;
  const ErrorCode code = result.status.code();
  const bool over = code == ErrorCode::kClaimSuperseded || code == ErrorCode::kNotFound;
  return over ? Outcome::kFail : Outcome::kUnknown;
}

}  // namespace

void TrioProducer::on_start() {
  process_ = world_.next_process();
  client::ProducerOptions options;
  options.timeout = 60s;
  options.backpressure = client::Backpressure::kRefuse;
  producer_ = client().make_producer(options);
}

void TrioProducer::produce(int count, std::size_t payload_bytes) {
  for (int i = 0; i < count; ++i) {
    const sim::PayloadName name{process_, ++number_};
    std::string payload = sim::make_payload(name, 0, random_);
    payload.resize(std::max(payload.size(), payload_bytes), 'p');
    check::Event event;
    event.at = world_.scheduler.now();
    event.action = Action::kProduce;
    event.process = process_;
    event.producer = name.producer;
    event.number = name.number;
    event.content = sim::content_of(payload);
    const std::uint64_t operation = world_.history.invoke(event);
    ++unresolved_;
    producer_->produce(kQueue, std::move(payload),
                       [this, operation](const client::ProduceOutcome& outcome) {
                         note_outcome(operation, outcome);
                       });
  }
}

void TrioProducer::note_outcome(std::uint64_t operation, const client::ProduceOutcome& outcome) {
  --unresolved_;
  const auto now = world_.scheduler.now();
  switch (outcome.state) {
    case client::ProduceState::kConfirmed:
      confirmed_.insert(outcome.task);
      return world_.history.end(operation, now, Outcome::kOk, outcome.task);
    case client::ProduceState::kFailed:
      return world_.history.end(operation, now, Outcome::kFail);
    case client::ProduceState::kUnknown:
      return world_.history.end(operation, now, Outcome::kUnknown);
  }
}

void TrioWorker::on_start() {
  process_ = world_.next_process();
  client::ConsumerOptions options;
  options.queue = kQueue;
  options.lease = 5s;
  options.concurrency = kConcurrency;
  client::ConsumerHandlers handlers;
  handlers.on_task = [this](client::Claim claim) { on_task(std::move(claim)); };
  handlers.on_superseded = [this](const client::Claim& lost) {
    // Ending it is how the consumer learns that the handler is free.
    std::erase_if(held_, [&](const client::Claim& claim) {
      if (claim.delivery().token != lost.delivery().token) return false;
      claim.ack({}, note(Action::kAck, claim));
      return true;
    });
  };
  handlers.on_end = [this](const client::ConsumerSummary& summary) {
    world_.fail(host() + " was refused: " + summary.status.to_string());
  };
  auto made = client().make_consumer(options, std::move(handlers));
  BATON_CHECK(made.ok());
  consumer_ = std::move(made).value();
}

void TrioWorker::on_gone() {
  consumer_.reset();
  held_.clear();
}

void TrioWorker::on_task(client::Claim claim) {
  const client::Delivery& delivery = claim.delivery();
  const auto name = sim::parse_payload(delivery.payload);
  check::Event event;
  event.at = world_.scheduler.now();
  event.action = Action::kDelivery;
  event.process = process_;
  event.task = delivery.task;
  event.token = delivery.token;
  event.attempt = delivery.attempt;
  event.lease_ms = static_cast<std::uint32_t>(delivery.lease.count());
  event.producer = name ? name->producer : 0;
  event.number = name ? name->number : 0;
  event.content = sim::content_of(delivery.payload);
  world_.history.note(event);
  held_.push_back(std::move(claim));
  if (finishing_) ack(10);
}

client::Claim TrioWorker::take() {
  client::Claim claim = std::move(held_.front());
  held_.pop_front();
  return claim;
}

void TrioWorker::ack(std::size_t result_bytes) {
  if (held_.empty()) return;
  const client::Claim claim = take();
  claim.ack(std::string(result_bytes, 'r'), note(Action::kAck, claim));
}

void TrioWorker::nack() {
  if (held_.empty()) return;
  const client::Claim claim = take();
  claim.nack("not now", note(Action::kNack, claim));
}

void TrioWorker::release() {
  if (held_.empty()) return;
  const client::Claim claim = take();
  claim.release(true, note(Action::kRelease, claim));
}

void TrioWorker::extend() {
  if (held_.empty()) return;
  const client::Claim& claim = held_.front();
  claim.extend(kExtension, note(Action::kExtend, claim));
}

void TrioWorker::finish() {
  finishing_ = true;
  while (!held_.empty()) ack(10);
}

std::uint64_t TrioWorker::invoke(Action action, const client::Claim& claim) {
  check::Event event;
  event.at = world_.scheduler.now();
  event.action = action;
  event.process = process_;
  event.task = claim.delivery().task;
  event.token = claim.delivery().token;
  if (action == Action::kExtend) event.lease_ms = static_cast<std::uint32_t>(kExtension.count());
  return world_.history.invoke(event);
}

client::OperationCallback TrioWorker::note(Action action, const client::Claim& claim) {
  ++unanswered_;
  return [this, claim, asked_at = world_.scheduler.now(),
          operation = invoke(action, claim)](const client::OperationResult& result) {
    --unanswered_;
    const auto now = world_.scheduler.now();
    Outcome outcome = outcome_of(result);
    // The library has given the claim up by itself, maybe before the ledger did: no word of the
    // ledger; and it gives the task back.
    if (outcome == Outcome::kFail && now == asked_at) {
      invoke(Action::kRelease, claim);
      outcome = Outcome::kUnknown;
    }
    world_.history.end(operation, now, outcome);
  };
}

}  // namespace baton::recovery
