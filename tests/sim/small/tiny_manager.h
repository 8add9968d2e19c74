// TinyManager: a real payload log on a simulated disk, and the little that connects it with a
// ledger.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/storage/durable_env.h"
#include "common/storage/kv_store.h"
#include "manager/storage/payload_log.h"
#include "tests/sim/small/tiny_center.h"
#include "tests/support/sim_env.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_scheduler.h"

namespace baton::sim {

class TinyManager {
 public:
  TinyManager(SimScheduler& scheduler, TinyCenter& center, std::string name);
  ~TinyManager();

  // Opens the log, enrols the first time and registers. False when the power went in the middle of
  // it; `what` says anything else that is wrong.
  bool start(std::string& what);
  [[nodiscard]] bool up() const { return log_ != nullptr; }
  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }
  [[nodiscard]] ShardId shard() const { return shard_; }
  [[nodiscard]] std::uint64_t disk_hash() const { return env_.trace_hash(); }

  // The tasks' offsets count up from the one returned. REQUIRES: up.
  Offset append(const manager::TaskAttributes& attributes,
                const std::vector<std::string>& payloads);
  // Everything appended is durable now. False: the machine died over it.
  bool sync();
  // Tells the ledger up to `tasks_max` more of what is durable.
  void report(std::size_t tasks_max, center::Effects& effects);
  // The payload of a task of this shard.
  Result<std::string> read(Offset offset);

  void kill();
  void cut_power();
  void arm_power_cut(std::uint64_t operations);
  // Whether the machine died in the middle of a file operation; it is buried then.
  bool bury_if_dead();

 private:
  void bury(bool power_cut);
  Status open();
  Status register_shard();
  // Runs the loop until `done` or the machine stops.
  void run_until(const bool& done);

  SimScheduler& scheduler_;
  TinyCenter& center_;
  const std::string name_;
  const StoreId store_id_;
  Random random_;
  SimEnv env_;
  ShardId shard_;
  Offset created_hi_{1};
  Incarnation incarnation_;
  Lsn last_lsn_;

  std::unique_ptr<SimLoop> loop_;
  std::unique_ptr<SimWorker> worker_;
  std::unique_ptr<DurableEnv> durable_;
  std::unique_ptr<KvStore> store_;
  std::unique_ptr<manager::LogStore> log_;
};

}  // namespace baton::sim
