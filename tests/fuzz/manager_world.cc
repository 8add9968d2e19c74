#include "tests/fuzz/manager_world.h"

#include <chrono>

namespace baton::fuzz {
namespace {

// A store that is there and enrolled saves every case the first start.
const sim::SimDisk& used_disk() {
  static const sim::SimDisk disk = [] {
    ManagerWorld world;
    world.center.start();
    FUZZ_CHECK(world.restart().ok(), "the manager does not start");
    world.scheduler.run_for(std::chrono::milliseconds(50));
    FUZZ_CHECK(world.center.count(v1::Command::kRegister) == 1, "the manager does not register");
    return world.env.disk().copy();
  }();
  return disk;
}

}  // namespace

ManagerWorld::ManagerWorld() {
  center.shard = kShard;
  network.set_quality({std::chrono::microseconds(20), std::chrono::microseconds(20)});
}

ManagerWorld::~ManagerWorld() { kill(); }

void ManagerWorld::start() {
  env.disk() = used_disk().copy();
  center.index = 1000;  // behind what the disk has seen
  center.start();
  FUZZ_CHECK(open().ok(), "the manager does not start");
  const bool registered = scheduler.run_until(
      [this] { return center.count(v1::Command::kRegister) > 0 && !center.beats.empty(); },
      std::chrono::seconds(5));
  FUZZ_CHECK(registered, "the manager does not register");
}

Status ManagerWorld::restart() {
  kill();
  env.restart_after_kill();
  failure_ = Status();
  return open();
}

Status ManagerWorld::open() {
  loop_ = std::make_unique<sim::SimLoop>(scheduler, "m1");
  worker_ = std::make_unique<sim::SimWorker>(*loop_, sim::SimWorker::Mode::kInline);
  transport_ = std::make_unique<sim::SimTransport>(network, *loop_, "m1");
  manager::ManagerOptions options;
  options.listen = address();
  options.centers = {{"center", 10000}};
  options.data = "/data";
  options.name = "m1";
  options.stretch_bytes = 16 << 10;
  auto opened = manager::ManagerNode::open({*loop_, *worker_, *transport_, env, logger, 7}, options,
                                           [this](const Status& status) { failure_ = status; });
  if (!opened.ok()) return opened.status();
  node_ = std::move(opened).value();
  return {};
}

void ManagerWorld::kill() {
  if (loop_) loop_->kill();
  network.crash("m1", sim::Death::kProcess);
  env.stop();
  node_.reset();
  transport_.reset();
  worker_.reset();
  loop_.reset();
}

}  // namespace baton::fuzz
