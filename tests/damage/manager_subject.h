// A manager's directory with known tasks and results, as several lives of it left it: a sealed shard,
// an active one with collected and closed stretches and an open tail, table files, a log file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/damage/manager_life.h"
#include "tests/damage/sweep.h"

namespace baton::damage {

class ManagerSubject final : public Subject {
 public:
  ManagerSubject();

  [[nodiscard]] const DamagedDisk& disk() const override { return disk_; }
  Verdict judge(const sim::SimDisk& damaged) override;
  bool examine(const sim::SimDisk& damaged) override;

 private:
  class Story;
  struct Losses;

  // Each says what is wrong without a word from anybody; what is told goes to `losses`.
  static std::optional<Verdict> read_tasks(ManagerLife& life, manager::LogStore& log,
                                           const KnownShard& known, Losses& losses);
  static std::optional<Verdict> read_results(ManagerLife& life, manager::LogStore& log,
                                             const KnownShard& known, Losses& losses);
  // What producers sent must be known, too.
  Verdict check_producers(ManagerLife& life, const sim::SimDisk& damaged);

  DamagedDisk disk_;
  std::map<ShardId, KnownShard> known_;
  std::vector<std::string> ledger_pages_;  // of the ledger that knows all that was acknowledged
};

}  // namespace baton::damage
