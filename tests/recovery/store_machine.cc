#include "tests/recovery/store_machine.h"

#include <utility>

#include "common/base/check.h"

namespace baton::recovery {

const char* to_string(Death death) { return death == Death::kKill ? "kill" : "power cut"; }

StoreMachine::StoreMachine(std::uint64_t seed, Plant plant)
    : worker_(loop_),
      random_(seed),
      seed_(seed),
      plant_(plant),
      env_({.seed = seed}),
      planted_(env_, plant) {}

void StoreMachine::play(const Trap& trap) {
  trap_ = trap;
  arm();
  try {
    run_script();
    settle();
  } catch (const Ended&) {
  }
}

// A restart of the disk takes the trap away: what has not sprung yet is set again.
void StoreMachine::arm() {
  if (trap_.crash_at != Trap::kNever) env_.crash_at(trap_.crash_at);
  if (trap_.fail_at != Trap::kNever) env_.fail_at(trap_.fail_at, trap_.fault, trap_.sticky);
  if (trap_.fail_read_at != Trap::kNever) env_.fail_read_at(trap_.fail_read_at);
}

void StoreMachine::close() {
  const std::uint64_t faults = env_.faults_met();
  ++life_;
  close_store();
  loop_.drop_everything();
  worker_.drop_everything();
  durable_env_.reset();
  if (env_.faults_met() != faults) fault_met_dying_ = true;
}

void StoreMachine::die(Death death) {
  trap_ = {};
  env_.stop();
  close();
  death == Death::kPowerCut ? env_.restart_after_power_cut() : env_.restart_after_kill();
  refusal_.reset();
  failures_.clear();
}

Status StoreMachine::recover(const Trap& trap) {
  trap_ = trap;
  arm();
  faults_at_open_ = env_.faults_met();
  durable_env_ = std::make_unique<DurableEnv>(disk());
  Status opened = open_store();
  if (opened.ok() && env_.stopped()) opened = Status(ErrorCode::kUnavailable, "the machine stops");
  if (!opened.ok()) close();
  return opened;
}

void StoreMachine::open() {
  const Status opened = recover(trap_);
  if (opened.ok()) return end_if_over();
  if (!env_.stopped()) refusal_ = opened;
  throw Ended();
}

void StoreMachine::restart() {
  settle();
  close();
  open();
}

void StoreMachine::restart_after(Death death) {
  end_if_over();
  const Trap trap = trap_;
  // Killed before it could say so.
  if (env_.faults_met() != faults_at_open_) fault_met_dying_ = true;
  die(death);
  trap_ = trap;
  open();
}

void StoreMachine::settle() {
  // Two rounds: a commit may wait a moment for company.
  for (int i = 0; i < 2; ++i) {
    run_until_idle(loop_, worker_);
    loop_.advance(std::chrono::milliseconds(1));
  }
  run_until_idle(loop_, worker_);
  end_if_over();
}

void StoreMachine::run_some(int steps) {
  for (int i = 0; i < steps; ++i) {
    if (!loop_.run_one()) worker_.run_job();
  }
  end_if_over();
}

void StoreMachine::advance(Duration by) {
  loop_.advance(by);
  settle();
}

void StoreMachine::end_if_over() const {
  if (env_.stopped() || !failures_.empty()) throw Ended();
}

void StoreMachine::check_may_acknowledge(std::uint64_t faults_then) const {
  // Reads may fail and the store go on; a write may not.
  if (trap_.fail_at == Trap::kNever) return;
  require(faults_then == faults_at_open_, "something asked for after the fault was acknowledged");
}

void StoreMachine::on_failed(const Status& status) { failures_.push_back(status); }

void StoreMachine::copy_disk(const StoreMachine& other) {
  BATON_CHECK(other.durable_env_ == nullptr);
  env_.disk() = other.env_.disk().twin();
}

}  // namespace baton::recovery
