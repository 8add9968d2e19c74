#include "tests/sim/cluster/sim_producer.h"

#include "tests/sim/cluster/sim_notes.h"
#include "tests/support/draw.h"
#include "tests/support/sim_payload.h"

namespace baton::sim {

void SimProducer::on_start() {
  process_ = world_.next_process();
  number_ = 0;
  open_ = 0;
  client::ProducerOptions options;
  options.timeout = world_.plan.produce_timeout;
  options.backpressure = client::Backpressure::kRefuse;
  producer_ = client().make_producer(options);
  plan_burst();
}

void SimProducer::on_gone() {
  producer_.reset();
  open_ = 0;  // they stay open in the history: nobody will ever know
}

void SimProducer::plan_burst() {
  loop().call_after(up_to(random_, 2 * world_.plan.produce_interval), [this] { burst(); });
}

void SimProducer::burst() {
  if (finishing_) return;
  const std::uint64_t size = 1 + random_.below(world_.plan.burst_max);
  for (std::uint64_t i = 0; i < size && world_.items_produced < world_.plan.items_max; i++) {
    world_.items_produced++;
    produce_one();
  }
  plan_burst();
}

void SimProducer::produce_some(std::uint64_t tasks) {
  for (std::uint64_t i = 0; i < tasks; i++) produce_one();
}

void SimProducer::produce_one() {
  Wished wished;
  wished.payload = make_payload({process_, ++number_}, world_.plan.payload_bytes_max, random_);
  wished.queue = "q" + std::to_string(random_.below(world_.plan.queues));
  if (world_.plan.life.on) world_.tasks.wish(wished, world_.scheduler.now(), random_);
  const std::uint64_t operation = note_wish(world_, process_, wished);
  const std::uint64_t moved = client().metrics().produce_moved;
  open_++;
  producer_->produce(std::move(wished.queue), std::move(wished.payload), std::move(wished.options),
                     [this, operation, moved](const client::ProduceOutcome& outcome) {
                       open_--;
                       if (client().metrics().produce_moved == moved)
                         world_.tasks.book.asked_one(operation);
                       note_produced(world_, operation, outcome);
                     });
}

}  // namespace baton::sim
