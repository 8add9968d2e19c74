#include "tests/sim/cluster/sim_client.h"

#include <utility>

#include "client/embedded.h"
#include "common/base/check.h"

namespace baton::sim {

SimClient::SimClient(SimWorld& world, std::string host, std::vector<std::string> managers)
    : world_(world),
      random_(world.scheduler.random().fork()),
      host_(std::move(host)),
      managers_(std::move(managers)),
      clock_(world.plan.draw_clock(random_)) {}

void SimClient::start() {
  BATON_CHECK(!up());
  lives_++;
  if (machine_died_) {
    machine_died_ = false;
    world_.network.revive(host_);
  }
  life_ = std::make_unique<SimLife>(world_, host_, clock_);

  client::ClientOptions options;
  options.managers = managers_;
  // Each program has its own idea of which manager is the best.
  for (std::size_t i = options.managers.size(); i > 1; i--) {
    std::swap(options.managers[i - 1], options.managers[random_.below(i)]);
  }
  options.name = host_ + "." + std::to_string(lives_);
  options.seed = random_.next() | 1;
  auto opened =
      client::open_embedded({life_->loop, life_->transport, life_->logger}, std::move(options));
  BATON_CHECK(opened.ok());
  client_ = std::move(opened).value();
  on_start();
}

void SimClient::vanish(Death death, Duration back_after) {
  if (!up()) return;
  world_.trace(host_ + (death == Death::kProcess ? " vanishes" : " loses power"));
  life_->loop.kill();
  world_.network.crash(host_, death);
  machine_died_ = death == Death::kMachine;
  destroy_life();
  world_.scheduler.after(back_after, [this] { come_back(); });
}

bool SimClient::stands_still() const {
  const Duration catching_up = world_.plan.timer_slack + 100ms;
  return up() && world_.scheduler.now() <= life_->loop.paused_until() + catching_up &&
         life_->loop.paused_until() > SimTime(0);
}

void SimClient::pause(Duration length) {
  if (!up()) return;
  world_.trace(host_ + " is paused");
  life_->loop.pause_until(world_.scheduler.now() + length);
}

void SimClient::exit_soon(Duration back_after) {
  world_.scheduler.after(Duration(0), [this, life = lives_, back_after] {
    if (lives_ == life) vanish(Death::kProcess, back_after);
  });
}

void SimClient::come_back() {
  if (!up()) start();
}

void SimClient::shut_down() {
  if (!up()) return;
  life_->loop.kill();
  world_.network.crash(host_, Death::kProcess);
  destroy_life();
}

void SimClient::destroy_life() {
  on_gone();
  if (client_) {
    const client::ClientMetrics metrics = client_->metrics();
    Sometimes& sometimes = world_.sometimes;
    sometimes.happened("produce sent again", metrics.produce_repeats);
    sometimes.happened("produce moved to another shard", metrics.produce_moved);
    sometimes.happened("operation sent again", metrics.operations_repeated);
    sometimes.happened("delivery of an older connection dropped", metrics.deliveries_dropped);
    sometimes.happened("grant died on its way", metrics.grants_died);
    sometimes.happened("claim lost by its consumer", metrics.claims_superseded);
    sometimes.happened("client reconnected", metrics.connections_lost);
  }
  client_.reset();
  life_.reset();
}

}  // namespace baton::sim
