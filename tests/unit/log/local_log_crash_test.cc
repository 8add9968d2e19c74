// Random runs with crashes: what was acknowledged is there after any number of them, in order,
// once.
#include <cstdlib>

#include <catch2/catch.hpp>

#include "tests/unit/log/log_fixture.h"

using namespace baton;
using baton::testing::LogMachine;

namespace {

class CrashRun {
 public:
  explicit CrashRun(std::uint64_t seed) : random_(seed), machine_(seed) {}

  void run() {
    for (int life = 0; life < 6; ++life) {
      if (!begin_life(life)) continue;
      const std::uint64_t steps = 5 + random_.below(40);
      for (std::uint64_t step = 0; step < steps; ++step) take_step();
      machine_.run();
      end_life();
    }
    REQUIRE(machine_.start().ok());
    machine_.run();
    check_history();
  }

 private:
  // False when the crash came while the log was opened.
  bool begin_life(int life) {
    const SyncMode mode = static_cast<SyncMode>(random_.below(4));
    if (life > 0) machine_.env.crash_at(machine_.env.operations() + 1 + random_.below(120));
    const Status opened = machine_.start(mode);
    if (!opened.ok()) {
      CAPTURE(opened.to_string());
      REQUIRE(machine_.env.stopped());  // nothing else may keep it from opening
      crash();
      return false;
    }
    machine_.run();
    if (!machine_.env.stopped()) check_history();
    return true;
  }

  void take_step() {
    if (machine_.env.stopped() || machine_.life->led.empty()) return;
    switch (random_.below(6)) {
      case 0:
        machine_.worker.run_job();
        break;
      case 1:
        machine_.loop.run_posted();
        break;
      case 2:
        machine_.loop.advance(std::chrono::microseconds(random_.below(900)));
        break;
      case 3:
        maybe_snapshot();
        break;
      default:
        propose();
        break;
    }
  }

  void propose() {
    const std::string entry =
        "entry " + std::to_string(++proposed_) + std::string(random_.below(300), '.');
    maybe_.push_back(entry);
    machine_.life->propose(entry);
  }

  void maybe_snapshot() {
    baton::testing::LogLife& life = *machine_.life;
    const bool idle = life.snapshots.size() == snapshots_asked_;
    const bool moved = life.entries.size() > std::max(life.restored_index.value(), snapshot_at_);
    if (!idle || !moved || random_.below(3) != 0) return;
    ++snapshots_asked_;
    snapshot_at_ = life.entries.size();
    life.save_snapshot();
  }

  void end_life() {
    CHECK(machine_.life->in_order);
    const auto& acknowledged = machine_.life->acknowledged;
    confirmed_.insert(confirmed_.end(), acknowledged.begin(), acknowledged.end());
    snapshots_asked_ = 0;
    snapshot_at_ = 0;
    crash();
  }

  void crash() {
    machine_.end();
    random_.below(2) == 0 ? machine_.env.restart_after_power_cut()
                          : machine_.env.restart_after_kill();
  }

  // What the log holds is a subsequence of what was proposed, in that order, with all that was
  // confirmed.
  void check_history() {
    CHECK(machine_.life->in_order);
    std::size_t proposal = 0;
    std::size_t confirmed = 0;
    for (const std::string& entry : machine_.life->entries) {
      while (proposal < maybe_.size() && maybe_[proposal] != entry) ++proposal;
      REQUIRE(proposal < maybe_.size());
      ++proposal;
      if (confirmed < confirmed_.size() && confirmed_[confirmed] == entry) ++confirmed;
    }
    CHECK(confirmed == confirmed_.size());
  }

  Random random_;
  LogMachine machine_;
  std::uint64_t proposed_ = 0;
  std::vector<std::string> maybe_;
  std::vector<std::string> confirmed_;
  std::size_t snapshots_asked_ = 0;
  std::uint64_t snapshot_at_ = 0;
};

}  // namespace

TEST_CASE("nothing acknowledged is lost or reordered by crashes at any operation") {
  const char* given = std::getenv("BATON_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const std::uint64_t runs = given != nullptr ? 1 : 300;
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    CAPTURE(seed);
    CrashRun(seed).run();
  }
}
