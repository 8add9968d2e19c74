#include "tests/sim/cluster/sim_consumer.h"

#include <utility>
#include <vector>

#include "common/base/check.h"
#include "tests/sim/cluster/sim_notes.h"
#include "tests/support/draw.h"
#include "tests/support/sim_payload.h"

namespace baton::sim {
SimConsumer::SimConsumer(SimWorld& world, std::string host, std::vector<std::string> managers,
                         std::string queue)
    : SimClient(world, std::move(host), std::move(managers)), fixed_queue_(std::move(queue)) {}

client::ConsumerOptions SimConsumer::draw_options() {
  client::ConsumerOptions options;
  picked_ = {};
  if (!fixed_queue_.empty()) {
    queue_ = fixed_queue_;
  } else if (!world_.healed || queue_.empty()) {  // healed, it is counted on where it is
    queue_ = "q" + std::to_string(random_.below(world_.plan.queues));
  }
  options.queues = {queue_};
  options.lease = std::chrono::duration_cast<Millis>(world_.plan.lease);
  options.concurrency = world_.plan.concurrency;
  options.prefetch_max = world_.plan.prefetch;
  options.pick = one_of(random_, {client::Pick::kStay, client::Pick::kStay,
                                  client::Pick::kRoundRobin, client::Pick::kRandom});
  if (!world_.healed && !world_.plan.well_behaved) {
    if (random_.one_in(8)) options.tasks_max = 1 + random_.below(20);
    if (random_.one_in(8)) options.wait_max = 500ms + up_to(random_, 4s);
    if (world_.plan.life.picks > 0) pick_one(options);
  }
  return options;
}

void SimConsumer::pick_one(client::ConsumerOptions& options) {
  if (random_.below(100) >= world_.plan.life.picks) return;
  const auto* known = world_.tasks.any_known(random_);
  if (known == nullptr) return;
  picked_ = options.task = known->task;
  options.queues = {queue_ = known->queue};
  options.concurrency = 1;
  options.prefetch_max = 0;
  options.tasks_max = 1;
  options.wait_max = 500ms + up_to(random_, 4s);
}

void SimConsumer::on_start() {
  process_ = world_.next_process();
  ended_ = releasing_ = false;
  client::ConsumerOptions options = draw_options();

  client::ConsumerHandlers handlers;
  handlers.on_task = [this](client::Claim claim) { on_task(std::move(claim)); };
  handlers.on_superseded = [this](const client::Claim& claim) {
    world_.sometimes.happened("handler told that its claim is lost");
    world_.holds.let_go(claim.delivery().task, claim.delivery().token);
    // The handler must still end it. Some notice at once, some go on for a while.
    for (const auto& [key, held] : held_) {
      if (held.delivery().token == claim.delivery().token) {
        later(up_to(random_, 2s), key, &SimConsumer::ack);
        return;
      }
    }
  };
  handlers.on_end = [this](const client::ConsumerSummary& summary) { on_end(summary); };
  auto made = client().make_consumer(std::move(options), std::move(handlers));
  BATON_CHECK(made.ok());
  consumer_ = std::move(made).value();
  children_ = 0;
  if (world_.plan.life.children > 0) producing_ = world_.next_process();
  if (world_.plan.life.children > 0) {
    client::ProducerOptions children;
    children.timeout = world_.plan.produce_timeout;
    children.backpressure = client::Backpressure::kRefuse;
    producer_ = client().make_producer(children);
  }
  stop_some_day();
}

void SimConsumer::stop_some_day() {
  if (world_.healed || world_.plan.well_behaved || !random_.one_in(4)) return;
  const auto mode = random_.one_in(2) ? client::Consumer::StopMode::kFinish
                                      : client::Consumer::StopMode::kRelease;
  loop().call_after(up_to(random_, 10s), [this, mode] {
    if (ended_ || world_.healed) return;
    world_.sometimes.happened("consumer stopped");
    world_.trace(host() + " stops");
    if (mode == client::Consumer::StopMode::kRelease) {
      releasing_ = true;
      for (const auto& [key, claim] : held_) is_released(claim);
    }
    consumer_->stop(mode);
  });
}

void SimConsumer::on_end(const client::ConsumerSummary& summary) {
  ended_ = true;
  if (summary.end == client::ConsumerEnd::kRefused) {
    world_.fail(host() + " was refused: " + summary.status.to_string());
    return;
  }
  world_.sometimes.happened("consumer ended by itself");
  world_.trace(host() + " has ended");
  exit_soon(up_to(random_, 2s));
}

void SimConsumer::on_gone() {
  for (const auto& [key, claim] : held_) {
    world_.holds.let_go(claim.delivery().task, claim.delivery().token);
  }
  producer_.reset();
  spawning_ = 0;
  consumer_.reset();
  held_.clear();
}

void SimConsumer::on_task(client::Claim claim) {
  const client::Delivery& delivery = claim.delivery();
  if (ended_) world_.fail(host() + " got a task after its end", delivery.task);
  note_delivery(world_, process_, delivery);
  if (picked_) {
    if (delivery.task != picked_)
      world_.fail(host() + " asked for task " + to_string(picked_) + " and got another",
                  delivery.task);
    world_.tasks.book.picked(delivery.token);
    world_.sometimes.happened("task picked by its name");
  }
  const std::uint64_t key = next_key_++;
  take(key, claim);
  // It came just before the library heard of the stop, and goes back with the others.
  if (releasing_) is_released(claim);
  decide(key);
}

void SimConsumer::is_released(const client::Claim& claim) {
  world_.holds.let_go(claim.delivery().task, claim.delivery().token);
  note_operation(world_, process_, check::Action::kRelease, claim);
}

void SimConsumer::take(std::uint64_t key, client::Claim claim) {
  const client::Delivery& delivery = claim.delivery();
  // By its own slow clock, and it may notice late.
  const Duration third = world_.plan.lease / 3 * 11 / 10 + world_.plan.timer_slack + 100ms;
  const auto name = parse_payload(delivery.payload);
  const bool early = delivery.options.retry_of || !name ||
                     world_.tasks.may_end_early(name->producer, name->number);
  if (early) {
    held_.emplace(key, std::move(claim));
    return;
  }
  const auto wrong =
      world_.holds.take(delivery.task, delivery.token,
                        {world_.scheduler.now(), third, [this] { return stands_still(); }});
  if (wrong) world_.fail(*wrong, delivery.task);
  held_.emplace(key, std::move(claim));
  world_.history.sample({world_.scheduler.now(), process_, "claims in the hands of a consumer",
                         held_.size(), world_.plan.concurrency});
}

client::Claim SimConsumer::let_go(std::uint64_t key) {
  client::Claim claim = held_.extract(key).mapped();
  world_.holds.let_go(claim.delivery().task, claim.delivery().token);
  return claim;
}

void SimConsumer::decide(std::uint64_t key) {
  const bool good = world_.healed || world_.plan.well_behaved;
  if (!good && world_.plan.life.on) use_life(key);
  const std::uint64_t dice = good ? 0 : random_.below(100);
  if (dice < 40) return later(up_to(random_, 20ms), key, &SimConsumer::ack);
  if (!good && random_.below(60) < world_.plan.slow_tasks) {
    return later(up_to(random_, 2 * world_.plan.lease), key,
                 &SimConsumer::ack);  // heartbeats hold it
  }
  if (dice < 75) return later(up_to(random_, 1s), key, &SimConsumer::ack);
  if (dice < 83) return later(up_to(random_, 500ms), key, &SimConsumer::nack);
  if (dice < 90) return later(up_to(random_, 500ms), key, &SimConsumer::release);
  if (dice < 96) return later(up_to(random_, 2s), key, &SimConsumer::extend_then_ack);
  later(up_to(random_, 1s), key, &SimConsumer::forget);
}

void SimConsumer::behave() {
  if (!up()) return;
  std::vector<std::uint64_t> keys;
  for (const auto& [key, claim] : held_) keys.push_back(key);
  for (const std::uint64_t key : keys) later(up_to(random_, 100ms), key, &SimConsumer::ack);
}

void SimConsumer::later(Duration delay, std::uint64_t key,
                        void (SimConsumer::*what)(std::uint64_t)) {
  loop().call_after(delay, [this, key, what] {
    if (held_.contains(key)) (this->*what)(key);
  });
}

void SimConsumer::ack(std::uint64_t key) {
  const client::Claim claim = let_go(key);
  const TaskId task = claim.delivery().task;
  const std::uint64_t operation = note_operation(world_, process_, check::Action::kAck, claim);
  std::string result;
  if (random_.one_in(2)) {
    result = "done " + to_string(task) + " " + std::to_string(claim.delivery().token.value());
    if (world_.plan.large_results)
      result.resize(result.size() + random_.below(1 + world_.plan.payload_bytes_max), '.');
  }
  client::AckOptions options;
  if (world_.plan.life.children > 0) {
    using enum FailurePolicy;
    options.on_failed_child = one_of(random_, {kDefault, kDefault, kFail, kIgnore, kWait});
    world_.tasks.book.acked(operation, options.on_failed_child);
  }
  claim.ack(result, options,
            [this, noted = answer_noter(world_, process_, operation, claim), task,
             result](const client::OperationResult& answer) {
              noted(answer);
              if (outcome_of(answer) == check::Outcome::kOk) world_.results[task] = result;
            });
}

void SimConsumer::nack(std::uint64_t key) {
  const client::Claim claim = let_go(key);
  const std::uint64_t operation = note_operation(world_, process_, check::Action::kNack, claim);
  client::NackOptions options;
  if (random_.below(100) < world_.plan.life.nacks) {
    options.dead = random_.one_in(2);
    if (!options.dead) options.delay = std::chrono::duration_cast<Millis>(up_to(random_, 3s));
  }
  claim.nack("not today", options, answer_noter(world_, process_, operation, claim));
}

void SimConsumer::release(std::uint64_t key) {
  const client::Claim claim = let_go(key);
  const std::uint64_t operation = note_operation(world_, process_, check::Action::kRelease, claim);
  claim.release(random_.one_in(2), answer_noter(world_, process_, operation, claim));
}

void SimConsumer::extend_then_ack(std::uint64_t key) {
  const client::Claim& claim = held_.at(key);
  const Millis longer = std::chrono::duration_cast<Millis>(world_.plan.lease + up_to(random_, 5s));
  const std::uint64_t operation =
      note_operation(world_, process_, check::Action::kExtend, claim, longer);
  claim.extend(longer, answer_noter(world_, process_, operation, claim));
  later(up_to(random_, longer), key, &SimConsumer::ack);
}

// ---- the life cycle -------------------------------------------------------------------------------

void SimConsumer::use_life(std::uint64_t key) {
  const LifePlan& plan = world_.plan.life;
  if (random_.below(100) < plan.saves) {
    for (std::uint64_t times = 1 + random_.below(3); times > 0; times--)
      later(up_to(random_, 400ms), key, &SimConsumer::save);
  }
  if (random_.below(100) >= plan.children) return;
  for (std::uint64_t times = 1 + random_.below(3); times > 0; times--)
    later(up_to(random_, 400ms), key, &SimConsumer::spawn);
}

void SimConsumer::save(std::uint64_t key) {
  const client::Claim& claim = held_.at(key);
  // Like an extend it is accepted only of the current claim, which goes on.
  const std::uint64_t operation = note_operation(world_, process_, check::Action::kExtend, claim);
  client::Progress progress;
  progress.percent = static_cast<std::uint32_t>(random_.below(101));
  if (!random_.one_in(6)) {
    progress.checkpoint = random_.one_in(6) ? "" : "after " + std::to_string(operation);
    world_.tasks.book.saved(operation, *progress.checkpoint);
    world_.sometimes.happened("checkpoint saved");
  }
  claim.save(progress, answer_noter(world_, process_, operation, claim));
}

void SimConsumer::spawn(std::uint64_t key) {
  const client::Delivery& delivery = held_.at(key).delivery();
  if (world_.healed || delivery.options.parent) return;  // children have none
  Wished wished;
  wished.payload = make_payload({producing_, ++children_}, world_.plan.payload_bytes_max, random_);
  wished.queue = "q" + std::to_string(random_.below(world_.plan.queues));
  world_.tasks.wish_child(wished, delivery.task, delivery.token, random_);
  const std::uint64_t operation = note_wish(world_, producing_, wished);
  spawning_++;
  producer_->produce(std::move(wished.queue), std::move(wished.payload), std::move(wished.options),
                     [this, operation](const client::ProduceOutcome& outcome) {
                       spawning_--;
                       if (outcome.confirmed()) world_.sometimes.happened("child spawned");
                       note_produced(world_, operation, outcome);
                     });
}

void SimConsumer::forget(std::uint64_t key) {
  // The last handle goes without a word: the library gives the task back.
  note_operation(world_, process_, check::Action::kRelease, held_.at(key));
  let_go(key);
}

}  // namespace baton::sim
