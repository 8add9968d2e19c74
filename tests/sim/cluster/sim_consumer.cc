#include "tests/sim/cluster/sim_consumer.h"

#include <utility>
#include <vector>

#include "common/base/check.h"
#include "tests/sim/cluster/sim_payload.h"

namespace baton::sim {
namespace {

check::Outcome outcome_of(const client::OperationResult& result) {
  if (result.status.ok()) {
    return result.finished_unknown ? check::Outcome::kUnknown : check::Outcome::kOk;
  }
  switch (result.status.code()) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
      return check::Outcome::kUnknown;
    default:
      return check::Outcome::kFail;
  }
}

}  // namespace

SimConsumer::SimConsumer(SimWorld& world, std::string host, std::vector<std::string> managers,
                         std::string queue)
    : SimClient(world, std::move(host), std::move(managers)), fixed_queue_(std::move(queue)) {}

void SimConsumer::on_start() {
  process_ = world_.next_process();
  client::ConsumerOptions options;
  options.queue =
      fixed_queue_.empty() ? "q" + std::to_string(random_.below(world_.plan.queues)) : fixed_queue_;
  options.lease = std::chrono::duration_cast<Millis>(world_.plan.lease);
  options.concurrency = world_.plan.concurrency;
  options.prefetch_max = world_.plan.prefetch;
  static constexpr client::Pick kPicks[] = {client::Pick::kStay, client::Pick::kStay,
                                            client::Pick::kRoundRobin, client::Pick::kRandom};
  options.pick = kPicks[random_.below(4)];

  client::ConsumerHandlers handlers;
  handlers.on_task = [this](client::Claim claim) { on_task(std::move(claim)); };
  handlers.on_superseded = [this](const client::Claim& claim) {
    world_.sometimes.happened("handler told that its claim is lost");
    // The handler must still end it. Some notice at once, some go on for a while.
    for (const auto& [key, held] : held_) {
      if (held.delivery().token == claim.delivery().token) {
        later(up_to(2s), key, &SimConsumer::ack);
        return;
      }
    }
  };
  handlers.on_end = [this](const client::ConsumerSummary& summary) {
    world_.fail(host() + " was refused: " + summary.status.to_string());
  };
  auto made = client().make_consumer(options, std::move(handlers));
  BATON_CHECK(made.ok());
  consumer_ = std::move(made).value();
}

void SimConsumer::on_gone() {
  consumer_.reset();
  held_.clear();
}

void SimConsumer::on_task(client::Claim claim) {
  const client::Delivery& delivery = claim.delivery();
  const auto name = parse_payload(delivery.payload);
  check::Event event;
  event.at = world_.scheduler.now();
  event.action = check::Action::kDelivery;
  event.process = process_;
  event.task = delivery.task;
  event.token = delivery.token;
  event.attempt = delivery.attempt;
  event.producer = name ? name->producer : 0;
  event.number = name ? name->number : 0;
  event.content = content_of(delivery.payload);
  world_.history.note(event);
  const std::uint64_t key = next_key_++;
  held_.emplace(key, std::move(claim));
  decide(key);
}

void SimConsumer::decide(std::uint64_t key) {
  const bool good = world_.healed || world_.plan.well_behaved;
  const std::uint64_t dice = good ? 0 : random_.below(100);
  if (dice < 40) return later(up_to(20ms), key, &SimConsumer::ack);
  if (dice < 70) return later(up_to(1s), key, &SimConsumer::ack);
  if (dice < 75)
    return later(up_to(2 * world_.plan.lease), key, &SimConsumer::ack);  // heartbeats hold it
  if (dice < 83) return later(up_to(500ms), key, &SimConsumer::nack);
  if (dice < 90) return later(up_to(500ms), key, &SimConsumer::release);
  if (dice < 96) return later(up_to(2s), key, &SimConsumer::extend_then_ack);
  later(up_to(1s), key, &SimConsumer::forget);
}

void SimConsumer::behave() {
  if (!up()) return;
  std::vector<std::uint64_t> keys;
  for (const auto& [key, claim] : held_) keys.push_back(key);
  for (const std::uint64_t key : keys) later(up_to(100ms), key, &SimConsumer::ack);
}

void SimConsumer::later(Duration delay, std::uint64_t key,
                        void (SimConsumer::*what)(std::uint64_t)) {
  loop().call_after(delay, [this, key, what] {
    if (held_.contains(key)) (this->*what)(key);
  });
}

void SimConsumer::ack(std::uint64_t key) {
  const client::Claim claim = held_.extract(key).mapped();
  const std::uint64_t operation = note_invoke(check::Action::kAck, claim);
  std::string result;
  if (random_.one_in(2)) result = "done " + to_string(claim.delivery().task);
  claim.ack(std::move(result), note_end(operation));
}

void SimConsumer::nack(std::uint64_t key) {
  const client::Claim claim = held_.extract(key).mapped();
  const std::uint64_t operation = note_invoke(check::Action::kNack, claim);
  claim.nack("not today", note_end(operation));
}

void SimConsumer::release(std::uint64_t key) {
  const client::Claim claim = held_.extract(key).mapped();
  const std::uint64_t operation = note_invoke(check::Action::kRelease, claim);
  claim.release(random_.one_in(2), note_end(operation));
}

void SimConsumer::extend_then_ack(std::uint64_t key) {
  const client::Claim& claim = held_.at(key);
  const std::uint64_t operation = note_invoke(check::Action::kExtend, claim);
  const Millis longer = std::chrono::duration_cast<Millis>(world_.plan.lease + up_to(5s));
  claim.extend(longer, note_end(operation));
  later(up_to(longer), key, &SimConsumer::ack);
}

void SimConsumer::forget(std::uint64_t key) {
  // The last handle goes without a word: the library gives the task back.
  held_.erase(key);
}

std::uint64_t SimConsumer::note_invoke(check::Action action, const client::Claim& claim) {
  check::Event event;
  event.at = world_.scheduler.now();
  event.action = action;
  event.process = process_;
  event.task = claim.delivery().task;
  event.token = claim.delivery().token;
  return world_.history.invoke(event);
}

client::OperationCallback SimConsumer::note_end(std::uint64_t operation) {
  return [this, operation](const client::OperationResult& result) {
    world_.history.end(operation, world_.scheduler.now(), outcome_of(result));
  };
}

Duration SimConsumer::up_to(Duration max) {
  return Duration(
      static_cast<std::int64_t>(1 + random_.below(static_cast<std::uint64_t>(max.count()))));
}

}  // namespace baton::sim
