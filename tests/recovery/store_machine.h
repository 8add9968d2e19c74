// StoreMachine: a machine with one store on its disk, and a script that the store goes through.
//
// What the two kinds of store have in common: the simulated disk with its trap, the loop that the
// script moves, deaths and restarts. A derived class opens the store, keeps the book of what the
// store has told, and compares the two.
//
// Everything the store told stays told: over restarts, over deaths, in every twin. What it did not
// tell may be there after a restart, or not.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/storage/durable_env.h"
#include "tests/recovery/planted_env.h"
#include "tests/support/manual_loop.h"
#include "tests/support/sim_env.h"

namespace baton::recovery {

// A promise that was broken.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool fact, const std::string& otherwise) {
  if (!fact) throw Violation(otherwise);
}

// What goes wrong on the disk, once, at the operation with that number, counted over all restarts.
struct Trap {
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  std::uint64_t crash_at = kNever;
  std::uint64_t fail_at = kNever;
  sim::Fault fault = sim::Fault::kError;
  bool sticky = false;
  std::uint64_t fail_read_at = kNever;
};

enum class Death : std::uint8_t { kKill, kPowerCut };
const char* to_string(Death death);

class StoreMachine {
 public:
  virtual ~StoreMachine() = default;
  StoreMachine(const StoreMachine&) = delete;
  StoreMachine& operator=(const StoreMachine&) = delete;

  [[nodiscard]] sim::SimEnv& env() { return env_; }
  [[nodiscard]] const sim::SimEnv& env() const { return env_; }

  // ---- what a sweep does ----

  // Goes through the script from its beginning, until its end or until the store has met its own:
  // the machine stopped, an open was refused, or the store said that it failed.
  void play(const Trap& trap);
  // The process dies; nothing is open afterwards, and the disk is healthy.
  void die(Death death);
  // Opens what is on the disk and compares it with what was told. Not ok: the open was refused.
  // With a trap, for crashing in the middle of it.
  Status recover(const Trap& trap = {});
  // Reads everything; returns what there is, equal for equal stores. REQUIRES: open.
  virtual std::string verify() = 0;
  // The store takes something new and makes it durable. REQUIRES: open.
  virtual void go_on() = 0;
  // The same dead machine once more. REQUIRES: nothing is open.
  [[nodiscard]] virtual std::unique_ptr<StoreMachine> twin() const = 0;

  // How the script ended, when not by coming to its end: what the refused open said, ...
  [[nodiscard]] const std::optional<Status>& refusal() const { return refusal_; }
  // ... or what the store reported when it failed.
  [[nodiscard]] const std::vector<Status>& failures() const { return failures_; }
  // A fault was met by a life that the script ended in that moment: nobody was left to be told.
  [[nodiscard]] bool fault_met_dying() const { return fault_met_dying_; }
  // The store has failed and is still open: nothing more is written. Throws a Violation otherwise.
  virtual void check_refuses() = 0;

  // ---- steps of scripts ----

  void open();
  // SIGTERM: everything that was begun is finished.
  void restart();
  // kill -9 or a power cut with whatever is under way, and a new life.
  void restart_after(Death death);
  // Lets everything come to rest.
  void settle();
  // Runs so many single closures and jobs, one by one: what is under way stays half done.
  void run_some(int steps);
  void advance(Duration by);

 protected:
  StoreMachine(std::uint64_t seed, Plant plant);

  virtual void run_script() = 0;
  // Status of the open; on success the book is compared.
  virtual Status open_store() = 0;
  virtual void close_store() = 0;

  // Ends the script when the process is dead or should be. After every step.
  void end_if_over() const;
  // For an acknowledgement of what was asked for when so many faults had been met.
  void check_may_acknowledge(std::uint64_t faults_then) const;
  [[nodiscard]] std::uint64_t faults_met() const { return env_.faults_met(); }
  void on_failed(const Status& status);
  // A twin has the disk of `other`.
  void copy_disk(const StoreMachine& other);
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] Plant plant() const { return plant_; }
  [[nodiscard]] leveldb::Env& disk() { return plant_ == Plant::kNone ? env_ : planted_base(); }

  baton::testing::ManualLoop loop_;
  baton::testing::ManualWorker worker_;
  Random random_;
  std::unique_ptr<DurableEnv> durable_env_;
  std::uint64_t life_ = 0;  // callbacks of an earlier one must not come

 private:
  struct Ended : Violation {  // unwinds a script; where nothing may end it, it is a violation
    Ended() : Violation("the store ended itself on a healthy disk") {}
  };
  void arm();
  void close();
  leveldb::Env& planted_base() { return planted_; }

  const std::uint64_t seed_;
  const Plant plant_;
  sim::SimEnv env_;
  PlantedEnv planted_;
  Trap trap_;
  std::optional<Status> refusal_;
  std::vector<Status> failures_;
  bool fault_met_dying_ = false;
  std::uint64_t faults_at_open_ = 0;
};

}  // namespace baton::recovery
