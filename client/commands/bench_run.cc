#include "client/commands/bench_run.h"

#include <algorithm>
#include <string>
#include <utility>

namespace baton::commands {
namespace {

constexpr Duration kPace = std::chrono::milliseconds(1);
constexpr Duration kLook = std::chrono::milliseconds(50);
// Longer than a lease: a claim that was lost comes again before this.
constexpr Duration kNothingMoreComes = std::chrono::seconds(45);
constexpr std::size_t kOpenWhilePaced = 4096;

}  // namespace

BenchRun::BenchRun(Runtime& runtime, const BenchOptions& options,
                   const std::vector<std::string>& managers)
    : runtime_(runtime),
      options_(options),
      managers_(managers),
      workload_(system_seed(), options.payload_bytes),
      progress_(runtime.loop(), true, "completed", options.tasks) {
  if (options_.mode == BenchMode::kSingle) {
    options_.producers = options_.consumers = options_.window = 1;
  }
}

BenchRun::~BenchRun() { *alive_ = false; }

void BenchRun::start(std::function<void(std::function<void()>)> on_filled,
                     std::function<void()> done) {
  on_filled_ = std::move(on_filled);
  done_ = std::move(done);
  make_producers();
  const bool consume_at_once = options_.mode != BenchMode::kBacklog;
  if (consume_at_once && !make_consumers()) return;
  began_ = last_progress_ = runtime_.loop().now();
  if (options_.mode == BenchMode::kPaced) {
    pace();
  } else {
    for (const auto& source : sources_) pump(*source);
  }
  if (options_.tasks == 0) {
    runtime_.loop().call_after(options_.duration, [this, alive = alive_] {
      if (*alive) end_of_producing();
    });
  }
}

client::Client* BenchRun::make_client(std::size_t number) {
  // Each begins at another manager, so that all have work.
  std::vector<std::string> order = managers_;
  std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(number % order.size()),
              order.end());
  auto client = runtime_.make_client(std::move(order));
  if (!client) return nullptr;
  clients_.push_back(std::move(client));
  return clients_.back().get();
}

void BenchRun::make_producers() {
  for (std::size_t number = 0; number < options_.producers; ++number) {
    client::Client* client = make_client(number);
    if (client == nullptr) return;
    client::ProducerOptions options;
    options.backpressure = client::Backpressure::kRefuse;
    sources_.push_back(std::make_unique<Source>());
    sources_.back()->producer = client->make_producer(options);
  }
}

bool BenchRun::make_consumers() {
  consuming_since_ = runtime_.loop().now();
  for (std::size_t number = 0; number < options_.consumers; ++number) {
    client::Client* client = make_client(options_.producers + number);
    if (client == nullptr) return false;
    client::ConsumerOptions options;
    options.queues = {options_.queue};
    options.concurrency = options_.window;
    client::ConsumerHandlers handlers;
    handlers.on_task = [this, number](const client::Claim& claim) { on_task(number, claim); };
    handlers.on_superseded = [](const client::Claim&) {};
    handlers.on_end = [this](const client::ConsumerSummary& summary) {
      if (!over_) runtime_.fail(summary.status);
    };
    auto made = client->make_consumer(options, std::move(handlers));
    if (!made.ok()) {
      runtime_.fail(made.status());
      return false;
    }
    consumers_.push_back(std::move(made).value());
  }
  return true;
}

// ---- producing ----------------------------------------------------------------------------------

bool BenchRun::wants_more() const {
  if (stopped_producing_) return false;
  if (options_.tasks > 0 && workload_.sent() >= options_.tasks) return false;
  // One in flight: the next goes when the last was completed, not only confirmed.
  return options_.mode != BenchMode::kSingle || workload_.completed_count() == workload_.sent();
}

void BenchRun::pump(Source& source) {
  while (source.open < options_.window && wants_more()) produce_one(source);
}

// As many as are due by now; a cluster that cannot keep up meets a bound, not an endless queue.
void BenchRun::pace() {
  if (stopped_producing_) return;
  const auto due = static_cast<std::uint64_t>(since(began_) * static_cast<double>(options_.rate));
  while (workload_.sent() < due && workload_.sent() - outcomes_ < kOpenWhilePaced) {
    produce_one(*sources_[workload_.sent() % sources_.size()]);
  }
  runtime_.loop().call_after(kPace, [this, alive = alive_] {
    if (*alive) pace();
  });
}

void BenchRun::produce_one(Source& source) {
  std::uint64_t number = 0;
  const MonoTime now = runtime_.loop().now();
  std::string payload = workload_.make(now, number);
  const std::uint64_t operation = history_.produce(number, now);
  ++source.open;
  source.producer->produce(
      options_.queue, std::move(payload), options_of(number),
      [this, &source, number, operation](const client::ProduceOutcome& outcome) {
        on_outcome(source, number, operation, outcome);
      });
}

TaskOptions BenchRun::options_of(std::uint64_t number) const {
  TaskOptions options;
  options.delay = options_.delay;
  if (options_.order_keys > 0)
    options.order_key = "o" + std::to_string(number % options_.order_keys);
  if (options_.fair_keys > 0) options.fair_key = "f" + std::to_string(number % options_.fair_keys);
  if (options_.keys) options.key = options_.queue + "-" + std::to_string(number);
  return options;
}

void BenchRun::on_outcome(Source& source, std::uint64_t number, std::uint64_t operation,
                          const client::ProduceOutcome& outcome) {
  const MonoTime now = runtime_.loop().now();
  --source.open;
  ++outcomes_;
  history_.produced(operation, outcome, now);
  if (outcome.confirmed()) {
    workload_.confirmed(number, now);
  } else {
    workload_.not_confirmed(outcome.state == client::ProduceState::kUnknown);
  }
  if (options_.mode == BenchMode::kBacklog) progress_.set(workload_.confirmed_count());
  if (options_.mode != BenchMode::kPaced) pump(source);
  if (options_.tasks > 0 && workload_.sent() >= options_.tasks) end_of_producing();
}

void BenchRun::end_of_producing() {
  if (!stopped_producing_) {
    stopped_producing_ = true;
    times_.completed_while_producing = workload_.completed_count();
    times_.produce = since(began_);
  }
  if (outcomes_ < workload_.sent() || produced_) {
    if (!produced_) {
      runtime_.loop().call_after(kLook, [this, alive = alive_] {
        if (*alive) end_of_producing();
      });
    }
    return;
  }
  produced_ = true;
  if (options_.mode != BenchMode::kBacklog) return watch_drain();
  times_.produce = since(began_);
  on_filled_([this, alive = alive_] {
    if (!*alive) return;
    if (!options_.drain) return finish();
    last_progress_ = runtime_.loop().now();
    if (make_consumers()) watch_drain();
  });
}

// ---- consuming ----------------------------------------------------------------------------------

void BenchRun::on_task(std::uint64_t consumer, const client::Claim& claim) {
  const MonoTime now = runtime_.loop().now();
  if (times_.first_task == 0) times_.first_task = since(consuming_since_);
  const client::Delivery& delivery = claim.delivery();
  const auto number = workload_.arrived(delivery.payload, now);
  history_.delivered(delivery, consumer, number, now);
  const std::uint64_t operation =
      number ? history_.ack(delivery, consumer, now) : history_.nack(delivery, consumer, now);
  if (!number) {
    claim.nack("not the bytes that were sent", [this, operation](const auto& result) {
      history_.answered(operation, result, runtime_.loop().now());
    });
    return;
  }
  claim.ack({}, [this, operation, number = *number](const client::OperationResult& result) {
    history_.answered(operation, result, runtime_.loop().now());
    if (result.status.code() == ErrorCode::kClaimSuperseded) workload_.superseded();
    if (!result.status.ok()) return;
    workload_.completed(number);
    on_completed();
  });
}

void BenchRun::on_completed() {
  last_completion_ = runtime_.loop().now();
  progress_.set(workload_.completed_count());
  if (options_.mode == BenchMode::kSingle && !over_) pump(*sources_.front());
}

void BenchRun::watch_drain() {
  const MonoTime now = runtime_.loop().now();
  if (workload_.completed_count() != completed_seen_) {
    completed_seen_ = workload_.completed_count();
    last_progress_ = now;
  }
  // Tasks whose produce ended unknown may be completed as well, so that the counts alone do not
  // tell.
  const bool drained =
      completed_seen_ >= workload_.confirmed_count() && workload_.missing_count() == 0;
  if (drained || now - last_progress_ > kNothingMoreComes) return finish();
  runtime_.loop().call_after(kLook, [this, alive = alive_] {
    if (*alive) watch_drain();
  });
}

void BenchRun::finish() {
  over_ = true;
  times_.consume = std::chrono::duration<double>(last_completion_ - consuming_since_).count();
  done_();
}

double BenchRun::since(MonoTime begin) const {
  return std::chrono::duration<double>(runtime_.loop().now() - begin).count();
}

}  // namespace baton::commands
