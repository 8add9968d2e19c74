#include "tests/recovery/trio_clients.h"

#include <utility>

#include "common/base/check.h"
#include "tests/sim/cluster/sim_notes.h"
#include "tests/support/sim_payload.h"

namespace baton::recovery {
namespace {

using namespace std::chrono_literals;
using check::Action;

constexpr char kQueue[] = "q";
constexpr std::size_t kConcurrency = 4;
constexpr Millis kExtension{8000};

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
    std::string payload = sim::make_payload({process_, ++number_}, 0, random_);
    payload.resize(std::max(payload.size(), payload_bytes), 'p');
    const std::uint64_t operation = sim::note_produce(world_, process_, payload);
    ++unresolved_;
    producer_->produce(kQueue, std::move(payload),
                       [this, operation](const client::ProduceOutcome& outcome) {
                         note_outcome(operation, outcome);
                       });
  }
}

void TrioProducer::note_outcome(std::uint64_t operation, const client::ProduceOutcome& outcome) {
  --unresolved_;
  if (outcome.confirmed()) confirmed_.insert(outcome.task);
  sim::note_produced(world_, operation, outcome);
}

void TrioWorker::on_start() {
  process_ = world_.next_process();
  client::ConsumerOptions options;
  options.queues = {kQueue};
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
  sim::note_delivery(world_, process_, claim.delivery());
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

client::OperationCallback TrioWorker::note(Action action, const client::Claim& claim) {
  ++unanswered_;
  const Millis lease = action == Action::kExtend ? kExtension : Millis(0);
  const std::uint64_t operation = sim::note_operation(world_, process_, action, claim, lease);
  return [this, noted = sim::answer_noter(world_, process_, operation, claim)](
             const client::OperationResult& result) {
    --unanswered_;
    noted(result);
  };
}

}  // namespace baton::recovery
